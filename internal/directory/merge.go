// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/scim"
)

// stated is a record with what it says.
type stated struct {
	Record
	user *scim.Resource
}

// opinions are a person's records, those of the highest authority first.
type opinions struct {
	d    *Directory
	all  []stated
	lead int  // the one that says when the person comes and goes; -1 if none does
	held bool // a record that holds the person is there
	// joint is what several records of one source say together, by source; turn is when
	// another one of them has the word.
	joint map[string]*joint
	turn  time.Time
}

// opinions reads a person's records. A record that is missing from its source has
// nothing to say while another one holds the person; if none does they all still
// count, as a missing person keeps everything. fresh is the view that made one of them,
// nil for none.
func (d *Directory) opinions(records []Record, now time.Time, fresh *view) (*opinions, error) {
	o := &opinions{d: d, lead: -1}
	sorted := slices.SortedStableFunc(slices.Values(records), func(a, b Record) int {
		return cmp.Or(cmp.Compare(d.rank[a.Source], d.rank[b.Source]), cmp.Compare(a.standing(now), b.standing(now)), cmp.Compare(a.ID, b.ID))
	})
	o.held = slices.ContainsFunc(sorted, Record.present)
	for _, r := range sorted {
		if fresh != nil && fresh.read && fresh.Key == r.Key {
			o.all = append(o.all, stated{r, fresh.user})
			continue
		}
		user, err := scim.ParseResource(r.User, scim.Limits{})
		if err != nil {
			return nil, fmt.Errorf("record %s:%s: %w", r.Source, r.ID, err)
		}
		o.all = append(o.all, stated{r, user})
	}
	for i, s := range o.all {
		if !d.rules(s.Source).asOne() || i > 0 && o.all[i-1].Source == s.Source {
			continue
		}
		if j := o.join(s.Source, d.rules(s.Source).overlap(), now); j != nil {
			if o.joint == nil {
				o.joint = map[string]*joint{}
			}
			o.joint[s.Source], o.turn = j, soonest(now, o.turn, j.turn)
		}
	}
	o.choose(now)
	return o, nil
}

// present tells a record that keeps its person in.
func (r Record) present() bool { return r.Holds && r.Missing.IsZero() }

// standing ranks the records of one source: one that is there, and has not ended, goes
// before others; and one that stands for itself before a part of another.
func (r Record) standing(now time.Time) int {
	switch {
	case !r.present() || r.ended(now):
		return 2
	case r.Alias != "":
		return 1
	}
	return 0
}

func (r Record) ended(now time.Time) bool { return !r.End.IsZero() && !r.End.After(now) }

// choose finds the record whose dates count: that of the highest authority that
// holds the person. One that said that they have left still says so when its
// source lists them no more; only an employment that began after that end, at
// another source, outdoes it (DESIGN: a newer hire date).
func (o *opinions) choose(now time.Time) {
	for i, s := range o.all {
		if j := o.joint[s.Source]; j != nil { // they speak as one
			if j.lead != i {
				continue
			}
			s.Holds, s.Start, s.End = true, j.from, j.to
			if s.Missing = (time.Time{}); !j.held {
				s.Missing = now
			}
		}
		switch {
		case !s.Holds:
		case o.lead < 0 && (!o.held || s.present() || s.ended(now)):
			o.lead = i
		case o.lead >= 0 && s.present() && o.ended(now) && !s.Start.IsZero() && !s.Start.Before(o.end()):
			o.lead = i
		}
	}
}

// end is that of the record whose dates count, zero for none.
func (o *opinions) end() time.Time {
	if j := o.joint[o.all[o.lead].Source]; j != nil {
		return j.to
	}
	return o.all[o.lead].End
}

func (o *opinions) ended(now time.Time) bool { return Record{End: o.end()}.ended(now) }

// dates is the record whose date counts: of several of one source the first has the start,
// and the last has the end.
func (o *opinions) dates(p scim.Path) int {
	j := (*joint)(nil)
	if o.lead >= 0 {
		j = o.joint[o.all[o.lead].Source]
	}
	switch {
	case j != nil && p == startDate:
		return j.first
	case j != nil && p == endDate:
		return j.last
	}
	return o.lead
}

// IsDate tells the attributes that decide when somebody comes and goes. They are
// of one record, as the start of one employment and the end of another make none; so is
// the word that stands for the days of a leave.
func IsDate(p scim.Path) bool {
	return p == startDate || p == endDate || p == leaveStartDate || p == leaveEndDate || p == onLeave
}

// keepDates gives a resource the dates of another one.
func keepDates(user, of *scim.Resource) error {
	for _, p := range []scim.Path{startDate, endDate, leaveStartDate, leaveEndDate, onLeave} {
		v, _ := of.At(p)
		if err := user.Put(p, v); err != nil {
			return err
		}
	}
	return nil
}

// of finds whose value an attribute has; -1 if nobody states one.
func (o *opinions) of(p scim.Path) (int, scim.Value) {
	if IsDate(p) {
		if i := o.dates(p); i >= 0 {
			if v, ok := o.all[i].user.At(p); ok {
				return i, v
			}
		}
		return -1, scim.Null()
	}
	best, value := -1, scim.Null()
	before := ""
	if len(o.d.first) > 0 {
		before = o.d.first[p.String()]
	}
	for i, s := range o.all {
		if o.silent(i, s) || best >= 0 && s.Source != before {
			continue
		}
		if v, ok := s.user.At(p); ok {
			if best, value = i, v; s.Source == before {
				break
			}
		}
	}
	return best, value
}

// silent tells a record that has no say: it is gone while another one holds the person, or
// another one of its source has the word.
func (o *opinions) silent(i int, s stated) bool {
	if j := o.joint[s.Source]; j != nil {
		return j.lead != i || o.held && !j.held
	}
	return o.held && !s.Missing.IsZero()
}

// merge computes the person's resource. For each attribute the source of the
// highest authority that states a value has it.
func (o *opinions) merge() (*scim.Resource, error) {
	merged := scim.NewResource(scim.UserURN)
	for _, p := range o.d.cfg.Paths {
		if i, v := o.of(p); i >= 0 {
			if err := merged.Put(p, v); err != nil {
				return nil, err
			}
		}
	}
	return merged, nil
}

// Opinion is what one record says about an attribute.
type Opinion struct {
	Record Record
	Value  scim.Value // null if it says nothing
	Won    bool       // the person has this value, or the name that it was a wish for
	Why    string     // why it won, or lost
}

// Opinions explains an attribute: what each of a person's records says about it,
// the one that decides first, and why.
func (d *Directory) Opinions(records []Record, p scim.Path) ([]Opinion, error) {
	o, err := d.opinions(records, d.cfg.Now(), nil)
	if err != nil {
		return nil, err
	}
	best, _ := o.of(p)
	out := make([]Opinion, 0, len(o.all))
	for i, s := range o.all {
		v, ok := s.user.At(p)
		op := Opinion{Record: s.Record, Value: v, Won: i == best}
		switch {
		case i == best:
			op.Why = o.won(p, s)
		case !ok:
			op.Why = "says nothing of it"
		case o.outrun(i, s) && !IsDate(p):
			op.Why = "another record of its source, " + o.all[o.joint[s.Source].lead].ID + ", has the word now"
		case o.silent(i, s) && !o.outrun(i, s) && !(IsDate(p) && i == o.lead):
			op.Why = "is missing from its source"
		case IsDate(p) && !s.Holds && !s.Past:
			op.Why = "only adds to people: it does not say when they come and go"
		case IsDate(p):
			op.Why = "the dates are those of " + o.all[o.lead].Source
		default:
			op.Why = o.all[best].Source + " comes before it"
		}
		out = append(out, op)
	}
	slices.SortStableFunc(out, func(a, b Opinion) int {
		if a.Won == b.Won {
			return 0
		}
		if a.Won {
			return -1
		}
		return 1
	})
	return out, nil
}

// outrun tells a record of a source that has another one of the same human.
func (o *opinions) outrun(i int, s stated) bool {
	j := o.joint[s.Source]
	return j != nil && j.lead != i
}

func (o *opinions) won(p scim.Path, s stated) string {
	switch {
	case IsDate(p):
		return "the dates are those of " + s.Source
	case o.d.first[p.String()] == s.Source:
		return "the configuration gives it the authority over this attribute"
	case len(o.all) == 1:
		return "it is the only record"
	}
	return "no source before it states one"
}
