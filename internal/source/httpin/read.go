// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/source"
)

// List is a list of people as a source.
type List struct {
	Config

	// Unsure is called when what was asked for by id cannot be taken, with why: everybody
	// has to be read. It may be nil, and is set before anything is read.
	Unsure func(why string)

	client *client
	origin string
	where  string // the list's address, for people
}

var _ source.LiveReader = (*List)(nil)

// Where is the list's address, for people: without its query.
func (l *List) Where() string { return l.where }

// kept is what a read leaves that was proven and of which nothing was set aside.
type kept struct {
	List [32]byte `json:"list"` // what was asked
	ETag string   `json:"etag"`
	Rows int      `json:"rows"`
	Sum  [32]byte `json:"sum"`
}

// ReadAll implements source.LiveReader.
func (l *List) ReadAll(ctx context.Context, k source.Knowledge) (*source.Batch, error) {
	began := time.Now()
	had := l.had(k)
	all, w, err := l.once(ctx, had.ETag)
	if err != nil {
		return nil, err
	}
	if w.same {
		return &source.Batch{
			Proof: source.Proof{Complete: true, Rows: had.Rows, Digest: had.Sum},
			Live:  &source.LiveBatch{Began: began, Unchanged: true, Keep: k.Kept},
		}, nil
	}
	good, bad := all.done()
	b := l.batch(good, bad)
	b.Live.Began, b.Proof.Size = began, w.size
	if all.details != nil {
		all.details.left(b)
	}
	asked := false // see lookClosely
	if w.why == "" {
		if asked, err = l.lookClosely(ctx, k, b, w); err != nil {
			return nil, err
		}
	}
	b.Proof.Complete, b.Proof.Reason = w.why == "", w.why
	b.Proof.Rows, b.Proof.Rejected, b.Proof.Digest = len(b.Rows), len(b.Rejected), fingerprint(b.Rows)
	if w.etag != "" && l.tagged() && b.Proof.Complete && !asked {
		b.Live.Keep, err = json.Marshal(kept{List: l.asked(), ETag: w.etag, Rows: len(b.Rows), Sum: b.Proof.Digest})
	}
	return b, err
}

// tagged reports whether an entity tag can tell that nothing has changed: it is that of one
// answer, and says nothing of others.
func (l *List) tagged() bool { return l.Paging.Kind == PagingNone && len(l.With) == 0 }

// had is what the last read left, if the same is asked now.
func (l *List) had(k source.Knowledge) (had kept) {
	if !l.tagged() || len(k.Kept) == 0 || json.Unmarshal(k.Kept, &had) != nil || had.List != l.asked() {
		return kept{}
	}
	return had
}

// asked identifies what is asked of the list, and what of it is read.
func (l *List) asked() [32]byte {
	text := fmt.Sprintf("%q %q %q %q %+v %q %q", l.URL, l.Method, l.Body, l.Headers, l.Paging, l.List, l.Key)
	for _, c := range l.Columns {
		text += fmt.Sprintf(" %q %q %q", c.Name, c.Path, c.Take)
	}
	return sha256.Sum256([]byte(text))
}

// once reads the list from its beginning to its end.
func (l *List) once(ctx context.Context, etag string) (*rows, *walk, error) {
	had := l.oncePaged
	if l.Feed != nil {
		had = l.onceFed
	}
	all, w, err := had(ctx, etag)
	if err != nil {
		return nil, nil, err
	}
	if names := all.hidden(); len(names) > 0 {
		return nil, nil, l.lacks(names)
	}
	all.doubt(w)
	return all, w, nil
}

// oncePaged reads everybody page by page, with what is told of them; see once.
func (l *List) oncePaged(ctx context.Context, etag string) (*rows, *walk, error) {
	at, err := url.Parse(l.URL)
	if err != nil {
		return nil, nil, err
	}
	w, all := &walk{paging: l.Paging, list: l.List, total: l.Total}, l.newRows()
	add, d := all.add, l.newDetails()
	all.details = d
	if len(l.With) > 0 {
		add = d.collect(all)
	}
	if err := l.all(ctx, w, ask{url: at, where: l.where, method: l.Method, body: l.Body, etag: etag}, add); err != nil {
		return nil, nil, err
	}
	return all, w, d.add(ctx, all, w)
}

// lacks is why a list is not taken of which no record has some columns.
func (l *List) lacks(names []string) *Error {
	return &Error{Where: l.where, Msg: fmt.Sprintf("gives no record the column %s: was it renamed, or may this credential not see it? If nobody needs to have it, list it under optional", strings.Join(names, ", "))}
}

func (l *List) batch(good []source.Row, bad []source.Reject) *source.Batch {
	names := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		names[i] = c.Name
	}
	return &source.Batch{Rows: good, Rejected: bad, Columns: names, Fields: make([]int, len(names)), Live: &source.LiveBatch{}}
}

// lookClosely looks for whoever is absent: by id where that can be and they are few, else
// in a second read, as somebody who came or went between two pages has moved the others.
// One answer that is the whole list is believed, unless it is empty. asked says that the
// answer alone does not tell what is known of it.
func (l *List) lookClosely(ctx context.Context, k source.Knowledge, b *source.Batch, w *walk) (asked bool, err error) {
	here := map[string]bool{}
	for _, row := range b.Rows {
		here[row.Key] = true
	}
	for _, j := range b.Rejected {
		here[j.Key] = true
	}
	absent := k.Absent(func(key string) bool { return here[key] })
	switch {
	case len(absent) == 0:
		return false, nil
	case l.One != nil && len(absent) <= l.Limits.Closely:
		return true, l.byID(ctx, absent, b, w)
	case l.Paging.Kind == PagingNone && len(here) > 0:
		return false, nil
	}
	return true, l.readAgain(ctx, len(absent), b, w)
}

// readAgain takes what a second read shows beside what the first one has shown.
func (l *List) readAgain(ctx context.Context, absent int, b *source.Batch, w *walk) error {
	again, second, err := l.once(ctx, "")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		w.doubt("%d people are absent, and the list could not be read a second time: %v", absent, err)
		return nil
	case second.why != "":
		w.doubt("%d people are absent, and a second read proves nothing: %s", absent, second.why)
		return nil
	}
	good, bad := again.done()
	newer := map[string]bool{}
	for _, row := range good {
		newer[row.Key] = true
	}
	for _, j := range bad {
		newer[j.Key] = true
	}
	b.Rows = append(slices.DeleteFunc(b.Rows, func(r source.Row) bool { return newer[r.Key] }), good...)
	maps.DeleteFunc(b.Live.Unknown, func(key string, _ []string) bool { return newer[key] })
	if again.details != nil {
		again.details.left(b)
	}
	b.Rejected = append(slices.DeleteFunc(b.Rejected, func(j source.Reject) bool { return newer[j.Key] }), bad...)
	return nil
}

// byID asks for whoever a list lacks. Whoever is there after all, as a list may hide those
// who have left, is taken as they are.
func (l *List) byID(ctx context.Context, absent []string, b *source.Batch, w *walk) error {
	d := l.newDetails()
	defer d.left(b)
	for _, key := range absent {
		row, reject, why, err := l.one(ctx, key, d)
		switch e, _ := errors.AsType[*Error](err); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e != nil && e.gone():
		case e != nil && e.Credential, err != nil && e == nil:
			return err
		case err != nil:
			w.doubt("%s is absent, and could not be asked for by id: %v", key, err)
		case why != "":
			w.doubt("%s is absent, and what is had by id cannot be taken: %s", key, why)
		case reject != nil:
			b.Rejected = append(b.Rejected, *reject)
		default:
			b.Rows = append(b.Rows, *row)
		}
		if w.why != "" {
			return nil
		}
	}
	return nil
}

// one reads a record by its id. why says that what came is not what was asked for, or that
// it cannot be asked for.
func (l *List) one(ctx context.Context, key string, d *details) (row *source.Row, reject *source.Reject, why string, err error) {
	had := l.oneAsked
	if l.Feed != nil {
		had = l.oneFed
	}
	v, why, err := had(ctx, key)
	if err != nil || why != "" {
		return nil, nil, why, err
	}
	if got, reason := l.key(v); reason != "" || got != key {
		return nil, nil, "the answer is not about the id that was asked for", nil
	}
	v, reason, err := d.of(ctx, key, v)
	switch {
	case err != nil:
		return nil, nil, "", err
	case reason != "":
		return nil, &source.Reject{Key: key, Reason: reason}, "", nil
	}
	r := l.newRows()
	r.count = 1
	r.note(v)
	r.take(key, v)
	good, bad := r.done()
	if len(bad) > 0 {
		return nil, &bad[0], "", nil
	}
	if names := r.hidden(); len(names) > 0 {
		return nil, nil, "the answer lacks the column " + strings.Join(names, ", ") + ": have it told, or list it under optional", nil
	}
	return &good[0], nil, "", nil
}

// oneAsked has a record by its id; see one.
func (l *List) oneAsked(ctx context.Context, key string) (record *jsonpath.Value, why string, err error) {
	request, why := l.One.ask(l, key)
	if why != "" {
		return nil, l.where + why, nil
	}
	a, err := l.client.get(ctx, request)
	if err != nil {
		return nil, "", err
	}
	answer, err := jsonpath.Parse(a.body)
	if err != nil {
		return nil, request.where + " answers with what cannot be read: " + err.Error(), nil
	}
	v, none := l.One.record(answer)
	switch {
	case none:
		return nil, "", &Error{Where: request.where, Msg: "finds nobody of that id", Status: http.StatusNotFound}
	case v == nil:
		return nil, "the answer does not hold the record where one looks for it; it has " + memberNames(answer), nil
	}
	return v, "", nil
}

// address is where a record is had, or what is told of it, or why there is no such place. An
// id is of the source's, and leads nowhere else.
func (l *List) address(template, id string) (at *url.URL, why string) {
	path, query, asked := strings.Cut(template, "?")
	switch {
	case strings.Contains(path, idIn) && (id == "." || id == ".."):
		return nil, " has a record whose id would name another place"
	case strings.Contains(path, idIn):
		path = strings.Replace(path, idIn, url.PathEscape(id), 1)
	default:
		query = strings.Replace(query, idIn, url.QueryEscape(id), 1)
	}
	if asked {
		path += "?" + query
	}
	u, err := url.Parse(path)
	if err != nil || origin(u) != l.origin {
		return nil, " has a record whose id fits into no address"
	}
	return u, ""
}

// ReadSome implements source.LiveReader. Whoever is not found by id is not gone: everybody
// is read, and that tells. So it does of those whose record cannot be had, as others need
// not wait for them. The order is left to chance, so that it is not always the same few who
// are asked for first and get no answer.
func (l *List) ReadSome(ctx context.Context, keys []string) (*source.Batch, error) {
	began := time.Now()
	got := some{unsure: map[string]bool{}}
	if l.One == nil {
		got.unsure["single records cannot be read"] = true
		keys = nil
	}
	d := l.newDetails()
	for _, i := range rand.Perm(len(keys)) { //nolint:gosec // it spreads who is asked first, and protects nothing
		row, reject, why, err := l.one(ctx, keys[i], d)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := got.add(row, reject, why, err); err != nil {
			return nil, err
		}
		if got.inARow >= mostInARow {
			break
		}
	}
	if got.failed != nil && !got.answered {
		return nil, got.failed
	}
	b := l.batch(got.good, got.bad)
	b.Live.Began = began
	d.left(b)
	b.Proof = source.Proof{Rows: len(got.good), Rejected: len(got.bad), Reason: "it holds some people alone"}
	if len(got.unsure) > 0 && l.Unsure != nil {
		l.Unsure(got.why())
	}
	return b, nil
}

// mostInARow is how many who are asked for by id may get no answer, one after the other,
// before the others are not asked for any more: each may take minutes.
const mostInARow = 3

// some is what is had of records that are read by id.
type some struct {
	good     []source.Row
	bad      []source.Reject
	unsure   map[string]bool // why some cannot be taken
	answered bool            // of one at least it is known what there is
	failed   error           // the first that may be of the list, and not of one record
	inARow   int
}

// add takes in what came of one. Its error is about all of them.
func (s *some) add(row *source.Row, reject *source.Reject, why string, err error) error {
	switch e, _ := errors.AsType[*Error](err); {
	case e == nil && err != nil, e != nil && e.Credential:
		return err
	case e != nil && e.gone():
		s.unsure["somebody who was told of is not found by id"] = true
	case e != nil && (e.Again || e.Status < 400):
		s.unsure[e.Error()] = true
		s.failed, s.inARow = cmp.Or(s.failed, err), s.inARow+1
		return nil
	case e != nil: // of one alone
		s.unsure[e.Error()] = true
	case why != "":
		s.unsure[why] = true
	case reject != nil:
		s.bad = append(s.bad, *reject)
	default:
		s.good = append(s.good, *row)
	}
	s.answered, s.inARow = true, 0
	return nil
}

// why says in words why everybody has to be read.
func (s *some) why() string {
	const most = 3
	all := slices.Sorted(maps.Keys(s.unsure))
	if n := len(all); n > most {
		all = append(all[:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(all, "; ")
}

// ReadTeams implements source.LiveReader: a list states none.
func (*List) ReadTeams(context.Context) ([]string, []source.StatedTeam, error) { return nil, nil, nil }
