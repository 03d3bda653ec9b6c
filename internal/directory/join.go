// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// Some sources give one human a new record when the kind of their work changes, as of a
// contractor who becomes an employee. Where the source says by an id of theirs that both
// are the same (Statement.Same), and its rules say so (SourceRules.Joins), the records are
// one person's, who works for as long as one of them says.

// ErrOlder is why a record is set aside that would bring a leaver back while a newer one
// of theirs says that they have left.
var ErrOlder = errors.New("its person has left, by a newer record of this source: an older one brings nobody back")

// MostAlike is how many records one human may have at a source: what more have in common
// is no id of a human, as of a column that holds the same for everybody.
const MostAlike = 8

// MostOpen is how many of them can be on, or ahead, at once: what one human was, and what
// they will be.
const MostOpen = 2

const (
	refusedOpen  refusal = "more records that have not ended have its id of a human than one can have: is it another column, or filled by mistake?"
	refusedName  refusal = "it has the id of a person of this source, but another given name and another family name: somebody has to look whether they are one human"
	refusedAlike refusal = "several people of this source have, or had, the id that it gives to one, and nobody can tell which of them it is"
	refusedMany  refusal = "more records have its id of a human than one can have: is it another column?"
)

// joinedKey is where the store keeps that records were ever joined: they stay one person's
// when the rule is another one.
const joinedKey = "joined"

// usualOverlap is that of records which were joined by a rule that is gone.
const usualOverlap = 7 * 24 * time.Hour

// asOne reports whether several records of the source that hold a person speak as one. Such
// records were joined, whatever the rule says now; or, at a source that links, linked.
func (s SourceRules) asOne() bool { return s.Joins || !s.Links }

func (s SourceRules) overlap() time.Duration {
	if s.Joins {
		return s.Overlap
	}
	return usualOverlap
}

// remember keeps that records were joined.
func (a *acceptance) remember(ctx context.Context) error {
	if !a.joins {
		return nil
	}
	return a.tx.PutMeta(ctx, joinedKey, []byte{1})
}

// alike are the records that have the ids of a chunk's new ones, by that id: as they are
// stored, and as the chunk states them.
func (d *Directory) alike(ctx context.Context, tx Tx, source string, known map[string]Record, chunk []Statement) (map[string][]Record, error) {
	of := map[string][]Record{}
	if !d.rules(source).Joins {
		return of, nil
	}
	var same []string
	says, twins := map[string]string{}, map[string]string{} // by key
	var read map[string]string
	for _, s := range chunk {
		read = s.Read
		switch {
		case known[s.ID].Person != "" && !s.Hidden:
			says[s.ID] = s.Same
		case known[s.ID].Person == "" && s.Same != "":
			same = append(same, s.Same)
			for _, id := range s.Twins {
				twins[id] = s.Same
			}
		}
	}
	if len(same) == 0 {
		return of, nil
	}
	records, err := tx.Alike(ctx, source, same)
	for _, r := range records {
		now, ok := says[r.ID]
		if !ok {
			now, ok = read[r.ID]
		}
		if !ok || now == r.Same {
			of[r.Same] = append(of[r.Same], r)
		}
	}
	for _, s := range chunk { // who gets the id with this very chunk has it before those behind it, too
		if r := known[s.ID]; s.Same != "" && r.Person != "" && r.Same != s.Same {
			of[s.Same] = append(of[s.Same], r)
		}
	}
	if err != nil || len(twins) == 0 {
		return of, err
	}
	more, err := tx.Records(ctx, source, slices.Sorted(maps.Keys(twins)))
	for _, id := range slices.Sorted(maps.Keys(more)) { // who gets it with another chunk of the read
		r, same := more[id], twins[id]
		if r.Person != "" && !slices.ContainsFunc(of[same], func(x Record) bool { return x.ID == id }) {
			of[same] = append(of[same], r)
		}
	}
	return of, err
}

// joined is the person of whom a new record is another one, "" if it is of nobody yet, and
// sets the record that has them. What could be one of several people, or of another human,
// is refused: it would have somebody's name and accounts.
func (a *acceptance) joined(v *view) (string, error) {
	if !a.d.rules(v.Source).Joins || v.Same == "" {
		return "", nil
	}
	if v.Apart != nil {
		return "", refusal(v.Apart.Error())
	}
	person, n, open := "", 0, 0
	for _, r := range a.alike[v.Same] {
		if r.ID == v.ID || r.Person == "" {
			continue
		}
		if person != "" && person != r.Person {
			return "", refusedAlike
		}
		if f, ok := a.gone[sameID(v.Source, v.Same)]; ok && f.Person != r.Person {
			return "", refusedAlike
		}
		person, v.twin = r.Person, cmp.Or(v.twin, r.ID)
		if n++; r.present() && !r.ended(a.cal.Now) {
			open++
		}
	}
	switch {
	case n >= MostAlike:
		return "", refusedMany
	case open >= MostOpen && !v.record.ended(a.cal.Now):
		return "", refusedOpen
	case n > 0 && !a.named(v):
		return "", refusedName
	}
	return person, nil
}

// named reports whether a new record may be of the human of the others by its name: of one
// of them the given or the family name is the same, or it is not told of any. One of both
// changes as by a marriage.
func (a *acceptance) named(v *view) bool {
	given, family := nameOf(v.user)
	if given == "" || family == "" {
		return true
	}
	other := false
	for _, r := range a.alike[v.Same] {
		if r.ID == v.ID || r.Person == "" {
			continue
		}
		user, err := scim.ParseResource(r.User, scim.Limits{})
		if err != nil {
			continue
		}
		g, f := nameOf(user)
		switch {
		case g == "" || f == "":
		case g == given || f == family:
			return true
		default:
			other = true
		}
	}
	return !other
}

var (
	givenName  = scim.MustPath("name.givenName")
	familyName = scim.MustPath("name.familyName")
)

func nameOf(user *scim.Resource) (given, family string) {
	part := func(path scim.Path) string {
		v, _ := user.At(path)
		s, _ := v.AsString()
		return norm.NFC.String(strings.ToLower(strings.TrimSpace(s)))
	}
	return part(givenName), part(familyName)
}

// meet notes a record of the chunk that has its person.
func (a *acceptance) meet(r Record) {
	if r.Same == "" || !a.d.rules(r.Source).Joins {
		return
	}
	of := slices.DeleteFunc(slices.Clone(a.alike[r.Same]), func(x Record) bool { return x.ID == r.ID })
	a.alike[r.Same] = append(of, r)
}

// Ended reports whether what a record states has ended by now.
func (d *Directory) Ended(user *scim.Resource) bool {
	f, err := factsOf(user)
	return err == nil && Record{End: f.end}.ended(d.calendar().Now)
}

// spell is the time in which a record has its person in; a zero from is ever, a zero to is
// for good.
type spell struct {
	i        int // of opinions.all
	from, to time.Time
}

// over reports whether it has ended by an instant.
func (s spell) over(now time.Time) bool { return !s.to.IsZero() && !s.to.After(now) }

// later compares ends.
func later(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

// joint is what several records of one source say of a person together.
type joint struct {
	lead        int // who they are: the newest that has begun and not ended
	first, last int // when they come, and when they go
	from, to    time.Time
	turn        time.Time // when another record has the word; zero for never
	held        bool      // a record that holds the person is there
	outlasted   int       // a record that began after the lead and has ended; -1 for none
}

// join finds what the records of one source say together, nil if one of them alone counts.
// Records that follow each other within overlap are one employment. One that is gone from
// its source has ended when it went, while another one is there.
func (o *opinions) join(source string, overlap time.Duration, now time.Time) *joint {
	j := &joint{}
	var all []spell
	for i, s := range o.all {
		if s.Source == source && (s.Holds || s.Past) {
			all = append(all, spell{i, s.Start, s.End})
			j.held = j.held || s.present()
		}
	}
	if len(all) < 2 {
		return nil
	}
	if j.held {
		for k := range all {
			gone := o.all[all[k].i].Missing
			if gone.IsZero() {
				continue
			}
			if gone.After(now) { // by another calendar
				gone = now
			}
			if later(gone, all[k].to) < 0 {
				all[k].to = gone
			}
		}
	}
	slices.SortFunc(all, func(a, b spell) int {
		return cmp.Or(a.from.Compare(b.from), later(a.to, b.to), cmp.Compare(o.all[a.i].ID, o.all[b.i].ID))
	})
	spells := employment(all, overlap, now)
	j.of(o, spells, now)
	if spells[len(spells)-1].i != all[len(all)-1].i { // another employment follows
		j.turn = soonest(now, j.turn, j.to)
	}
	return j
}

// employment is that of several which counts, as the spells that make it up: the one that
// is on, or else the next, or else the last.
func employment(all []spell, overlap time.Duration, now time.Time) []spell {
	var chosen []spell
	for len(all) > 0 {
		n, to := 1, all[0].to
		for ; n < len(all) && (to.IsZero() || !all[n].from.After(to.Add(overlap))); n++ {
			if later(all[n].to, to) > 0 {
				to = all[n].to
			}
		}
		if chosen == nil || (spell{to: latest(chosen).to}).over(now) {
			chosen = all[:n]
		}
		all = all[n:]
	}
	return chosen
}

func latest(of []spell) spell {
	return slices.MaxFunc(of, func(a, b spell) int { return later(a.to, b.to) })
}

// of takes the spells of an employment, in the order of their beginnings. While one has
// ended and the next has not begun, the word is the one's that ended last.
func (j *joint) of(o *opinions, spells []spell, now time.Time) {
	last := latest(spells)
	j.first, j.last, j.from, j.to, j.lead = spells[0].i, last.i, spells[0].from, last.to, spells[0].i
	on := false
	j.outlasted = -1
	var ended spell
	for k, s := range spells {
		switch {
		case s.from.After(now):
			j.turn = soonest(now, j.turn, s.from)
		case !s.over(now):
			j.turn = soonest(now, j.turn, s.to)
			on, j.lead = true, s.i
		case k == 0 || later(s.to, ended.to) >= 0:
			if ended = s; !on {
				j.lead = s.i
			}
		}
	}
	for k := len(spells) - 1; on && k >= 0 && spells[k].i != j.lead; k-- {
		if s := spells[k]; s.over(now) && s.from.After(o.all[j.lead].Start) {
			j.outlasted = s.i
		}
	}
}

// remark adds to why somebody is in that it is by an older record alone, which may be one
// that nobody has ended.
func (o *opinions) remark(state State, why string) string {
	if !state.In() || state == Missing || !o.outlasted() {
		return why
	}
	j := o.joint[o.all[o.lead].Source]
	return why + " by " + o.all[j.lead].ID + ", while " + o.all[j.outlasted].ID + ", which began after it, has ended"
}

// outlasted reports whether the record that leads began before another one of its source that
// has ended.
func (o *opinions) outlasted() bool {
	if o.lead < 0 {
		return false
	}
	j := o.joint[o.all[o.lead].Source]
	return j != nil && j.outlasted >= 0
}

// past are the records of a person that hold them no more, as they have ended and another
// one of the same source has begun and goes on for longer: whether they are there says
// nothing of the person any more. changed are those of which that is news.
func (d *Directory) past(records []Record, now time.Time) (changed []int) {
	for i := range records {
		r := &records[i]
		if !d.rules(r.Source).asOne() || !r.Holds && !r.Past {
			continue
		}
		was := r.Past
		r.Past = r.ended(now) && slices.ContainsFunc(records, func(x Record) bool {
			return x.Source == r.Source && x.ID != r.ID && (x.Holds || x.Past) && !x.Start.After(now) &&
				cmp.Or(later(x.End, r.End), cmp.Compare(x.ID, r.ID)) > 0
		})
		if r.Holds = !r.Past; r.Past != was {
			changed = append(changed, i)
		}
	}
	return changed
}

// passed tells that past has changed a record.
func (d *Directory) passed(tx Tx, r Record) audit.Event {
	e := audit.Event{
		At: tx.Now(), Kind: "record.past", Actor: d.cfg.Actor, Person: r.Person, Object: r.Source + ":" + r.ID,
		Why: "it has ended, and another record of its source holds its person",
	}
	if !r.Past {
		e.Kind, e.Why = "record.holds", "it holds its person again"
	}
	return e
}

// rescind takes from a person what never came to be: records that went before they began,
// while another one of the source holds the person. Should one come back it is looked at as
// if it were new. It returns the others, and what is to be stored.
func (d *Directory) rescind(records []Record, now time.Time) (left, gone []Record) {
	for _, r := range records {
		if d.rules(r.Source).asOne() && !r.Missing.IsZero() && r.Start.After(now) &&
			slices.ContainsFunc(records, func(x Record) bool { return x.Source == r.Source && x.present() }) {
			r.Same, r.Start, r.End = "", time.Time{}, time.Time{} // nothing is kept of what is nobody's
			r.Person, r.User, r.Digest = "", []byte("{}"), [sha256.Size]byte{}
			gone = append(gone, r)
			continue
		}
		left = append(left, r)
	}
	return left, gone
}

// older reports whether a view would bring a leaver back while a record that began after it
// says that they have left, or has said so before its source listed it no more.
func (a *acceptance) older(v *view, old, p *Person, records []Record) bool {
	return a.d.rules(v.Source).asOne() && old != nil && old.State == Leaver && p.State != Leaver &&
		slices.ContainsFunc(records, func(x Record) bool {
			return x.Source == v.Source && x.ID != v.ID && x.ended(a.cal.Now) && x.Start.After(v.record.Start)
		})
}
