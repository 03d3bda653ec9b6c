// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/source"
)

// Detail is what is told of a record in an answer of its own: their employments, or the
// name of a department of which the record has the id. The record gets it as a member, to
// which paths may lead, in the place of one that has the same name.
//
// A record of which it cannot be had is set aside, and stays as it was: without it nobody
// knows when they leave. Not so if all that is read of it are columns that are optional: of
// these what was last known stays, see source.LiveBatch, and the rest is taken. A department
// that is not there any more keeps nobody in.
type Detail struct {
	Name string // of the member
	URL  string // with {id} in its path or query, of the same origin as the list's
	// ID leads to what {id} stands for, in the record and in what details before this one
	// have added; the zero Path is the record's key. Where it leads nowhere nothing is asked,
	// and the record has no such member. What an id leads to is asked once in a read.
	ID Path
	// List leads to a list in the answer, as Config.List does; nil: what is told is one value,
	// at At.
	List  *Path
	At    Path
	Paged bool // List goes on as the list of records does
}

// checkDetails says what is wrong with the details.
func (c Config) checkDetails(list *url.URL) error {
	var errs []error
	for i, d := range c.With {
		what := "with " + d.Name
		switch {
		case d.Name == "":
			errs = append(errs, errors.New("what is told in a request of its own has no name"))
		case slices.ContainsFunc(c.With[:i], func(o Detail) bool { return o.Name == d.Name }):
			errs = append(errs, fmt.Errorf("%s is there twice", what))
		case d.Paged && d.List == nil:
			errs = append(errs, fmt.Errorf("%s is paged, and has no list", what))
		case d.List != nil:
			errs = append(errs, plain(*d.List, "the list of "+what))
		}
		errs = append(errs, withID(d.URL, list, what))
	}
	return errors.Join(errs...)
}

// used are the details that a column is read from, or what another one of them is asked by.
func (c Config) used() (out []Detail) {
	read, all := map[string]bool{}, false
	for _, column := range c.Columns {
		name := column.Path.First()
		read[name], all = true, all || name == ""
	}
	for _, d := range slices.Backward(c.With) {
		if all || read[d.Name] {
			out = append(out, d)
			read[d.ID.First()] = true
		}
	}
	slices.Reverse(out)
	return out
}

const (
	// detailsAtOnce is how many are asked for at the same time; requests_per_second holds
	// for all of them together.
	detailsAtOnce = 4
	// mostRefused is how many may be refused before it is believed that all will be.
	mostRefused = 20
	// detailsABatch is how many records wait for each other before they become rows.
	detailsABatch = 64
	mostDetail    = 1 << 20  // bytes of one answer
	mostShared    = 16 << 20 // of the answers that are kept for the rest of a read
)

// details adds to records what is told of them in requests of their own. What many of them
// share is asked once.
type details struct {
	l *List

	// spared are the columns that are read of a detail and of those that are asked for by it,
	// if all of them are optional; nil if one is not.
	spared [][]string

	// members are those of a record that are kept until it is its turn; nil: all.
	members map[string]bool
	waiting []waiting
	over    bool // there are more than may be asked for

	mu sync.Mutex
	// unknown are columns of which nothing could be had, by key; why is why, of the first.
	unknown map[string][]string
	why     string
	shared  map[string]*shared // by address
	size    int64              // of these
	tally   []tally            // by detail
	inARow  int                // requests, one after the other, to which no answer came
	failed  error              // the last of them
}

// waiting is a record of which not all is known, as it was read: a list is walked to its end
// first, so that it moves as little as may be, and cursors do not grow old.
type waiting struct {
	key string
	raw []byte
}

// tally is what came of one detail so far.
type tally struct {
	had     bool // for one record at least
	refused int
	first   *Error
}

// shared is an answer for several records.
type shared struct {
	once   sync.Once
	v      *jsonpath.Value
	reason string
	err    error
}

func (l *List) newDetails() *details {
	d := &details{l: l, shared: map[string]*shared{}, unknown: map[string][]string{}, tally: make([]tally, len(l.With)), members: map[string]bool{}, spared: l.spared()}
	paths := []Path{l.Key}
	for _, c := range l.Columns {
		paths = append(paths, c.Path)
	}
	for _, w := range l.With {
		if !w.ID.IsZero() {
			paths = append(paths, w.ID)
		}
	}
	for _, p := range paths {
		if d.members == nil || p.First() == "" {
			d.members = nil
			break
		}
		d.members[p.First()] = true
	}
	return d
}

// spared are, by detail, the columns for want of which no record is set aside.
func (l *List) spared() [][]string {
	out := make([][]string, len(l.With))
	for i, w := range slices.Backward(l.With) {
		needed, of := l.Key.First() == w.Name, []string{}
		for _, c := range l.Columns {
			switch first := c.Path.First(); {
			case first == "", first == w.Name && !c.Optional:
				needed = true
			case first == w.Name:
				of = append(of, c.Name)
			}
		}
		for j := i + 1; j < len(l.With); j++ {
			if l.With[j].ID.First() == w.Name {
				needed, of = needed || out[j] == nil, append(of, out[j]...)
			}
		}
		if !needed {
			out[i] = of
		}
	}
	return out
}

// needed is how many requests some records need at least.
func (d *details) needed(records int) int {
	n := 0
	for _, w := range d.l.With {
		if w.ID.IsZero() {
			n += records
		}
	}
	return max(n, min(1, records))
}

// collect keeps the records of a list until it is walked.
func (d *details) collect(r *rows) func(raw []byte, page int) error {
	return func(raw []byte, page int) error {
		key, v := r.read(raw, page)
		switch {
		case v == nil:
		case max(d.needed(1), 1)*(len(d.waiting)+1) > d.l.Limits.Details:
			d.over, d.waiting = true, nil
		case !d.over:
			d.waiting = append(d.waiting, waiting{key, v.Only(d.members)})
		}
		return nil
	}
}

// add asks for what is told of each record, and makes rows of them. An error is about all of
// them. When requests get no answer any more the others are not asked for, and it is not
// proven that these were all.
func (d *details) add(ctx context.Context, r *rows, w *walk) error {
	if d.over {
		return &Error{Where: d.l.where, Msg: fmt.Sprintf("has so many records that more than %d requests would be needed for what is told of each (with): take what can be had in the list itself", d.l.Limits.Details)}
	}
	all := d.waiting
	if end, ok := ctx.Deadline(); ok && d.l.RequestsPerSecond > 0 {
		if takes := time.Duration(float64(d.needed(len(all))) / d.l.RequestsPerSecond * float64(time.Second)); takes > time.Until(end) {
			return &Error{Where: d.l.where, Msg: fmt.Sprintf("has %d records, and to ask for what is told of each (with) takes %s at %v requests a second, which is longer than a read may take: set requests_per_second higher if you may", len(all), takes.Round(time.Second), d.l.RequestsPerSecond)}
		}
	}
	for begin := 0; begin < len(all); begin += detailsABatch {
		batch := all[begin:min(begin+detailsABatch, len(all))]
		got, err := d.batch(ctx, batch)
		if err != nil {
			return err
		}
		for i, g := range got {
			switch {
			case g.skipped:
				w.doubt("what is told of each record could not be had any more, from record %d of %d on: %v", begin+i+1, len(all), d.failed)
			case g.reason != "":
				r.reject(batch[i].key, g.reason)
			default:
				r.note(g.v)
				r.take(batch[i].key, g.v)
			}
		}
		clear(batch) // they are rows now
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, t := range d.tally {
		if !t.had && t.first != nil && (d.spared[i] == nil || t.refused > 1) { // else all may have just the one that is gone
			return t.first
		}
	}
	if r.noted == 0 && d.failed != nil { // it says nothing of what we may see
		return d.failed
	}
	return nil
}

// spare notes that a record is taken without some columns; false: it may not be.
func (d *details) spare(key string, i int, why string) bool {
	if d.spared[i] == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unknown[key] = append(d.unknown[key], d.spared[i]...)
	d.why = cmp.Or(d.why, why)
	return true
}

// left puts into a batch of which records what was last known stays.
func (d *details) left(b *source.Batch) {
	n := 0
	for _, row := range b.Rows {
		if of := d.unknown[row.Key]; len(of) > 0 {
			if b.Live.Unknown == nil {
				b.Live.Unknown = map[string][]string{}
			}
			b.Live.Unknown[row.Key] = of
			n++
		}
	}
	if n > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("of %d records what is optional could not be had, and is as it was last known, the first because %s", n, d.why))
	}
}

// told is a record with what is told of it, or why that could not be had.
type told struct {
	v       *jsonpath.Value
	reason  string
	skipped bool // it was not asked for
}

func (d *details) batch(ctx context.Context, records []waiting) ([]told, error) {
	out := make([]told, len(records))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(detailsAtOnce)
	for i, rec := range records {
		g.Go(func() error {
			if out[i].skipped = d.silent(); out[i].skipped {
				return nil
			}
			v, err := jsonpath.Parse(rec.raw)
			if err != nil {
				return err // it was read before
			}
			v, reason, err := d.of(ctx, rec.key, v)
			switch e, _ := errors.AsType[*Error](err); {
			case err == nil:
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case e == nil || e.Credential || !e.Again:
				return err
			default: // the others may be had
				reason = err.Error()
			}
			out[i].v, out[i].reason = v, reason
			return nil
		})
	}
	return out, g.Wait()
}

// silent reports whether requests get no answer any more: each may take minutes.
func (d *details) silent() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inARow >= mostInARow
}

// of adds to one record what is told of it. reason says why it has to be set aside: it will
// be the same next time, and is about this record. An error may pass, or is about all.
func (d *details) of(ctx context.Context, key string, v *jsonpath.Value) (_ *jsonpath.Value, reason string, err error) {
	for i, w := range d.l.With {
		more, reason, err := d.one(ctx, i, key, v)
		why := reason
		if e, _ := errors.AsType[*Error](err); e != nil && e.Again && !e.Credential {
			why = w.Name + ": " + err.Error()
		}
		if why != "" && ctx.Err() == nil && d.spare(key, i, why) {
			more, reason, err = nil, "", nil
		}
		if err != nil || reason != "" {
			return nil, reason, err
		}
		v = v.With(w.Name, more)
	}
	return v, "", nil
}

// one is a detail of a record, nil if it has none.
func (d *details) one(ctx context.Context, i int, key string, v *jsonpath.Value) (more *jsonpath.Value, reason string, err error) {
	w, id := d.l.With[i], key
	if !w.ID.IsZero() {
		text, _ := v.First(w.ID)
		id = strings.TrimFunc(text, source.IsBlank)
		if id != "" && source.BadKey([]byte(id), source.MaxField) != "" {
			return nil, fmt.Sprintf("%s: what is at %s can be no id", w.Name, w.ID), nil
		}
	}
	if id == "" {
		return nil, "", nil
	}
	at, why := d.l.address(w.URL, id)
	if why != "" {
		return nil, w.Name + ": " + d.l.where + why, nil
	}
	return d.known(ctx, i, at)
}

// known asks for a detail, unless that was done for another record.
func (d *details) known(ctx context.Context, i int, at *url.URL) (*jsonpath.Value, string, error) {
	if d.l.With[i].ID.IsZero() {
		v, _, reason, err := d.ask(ctx, i, at)
		return v, reason, err
	}
	name := at.String()
	d.mu.Lock()
	s := d.shared[name]
	if s == nil {
		s = &shared{}
		d.shared[name] = s
	}
	d.mu.Unlock()
	s.once.Do(func() {
		var size int64
		s.v, size, s.reason, s.err = d.ask(ctx, i, at)
		d.mu.Lock()
		defer d.mu.Unlock()
		if size += int64(len(name)); d.size+size > mostShared {
			delete(d.shared, name)
			return
		}
		d.size += size
	})
	return s.v, s.reason, s.err
}

// ask asks for a detail, and takes in what came of that. size is that of the answer.
func (d *details) ask(ctx context.Context, i int, at *url.URL) (v *jsonpath.Value, size int64, reason string, err error) {
	first := ask{url: at, where: place(at), method: http.MethodGet, most: mostDetail}
	v, size, err = d.l.detail(ctx, d.l.With[i], first)
	e, _ := errors.AsType[*Error](err)
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &d.tally[i]
	switch {
	case err == nil:
		t.had, d.inARow = true, 0
		return v, size, "", nil
	case e != nil && e.Again:
		d.inARow, d.failed = d.inARow+1, err
		return nil, 0, "", err
	case e == nil, e.Credential && (e.Status != http.StatusForbidden || e.Where != first.where):
		return nil, 0, "", err
	}
	// Somebody has been deleted meanwhile, or may not be seen by us, which is no reason to
	// let others wait; unless it is so with everybody. That one thing is not there is not to
	// be taken for there being no such person, so that the status goes.
	if d.inARow = 0; t.first == nil {
		t.first = &Error{Where: e.Where, Msg: e.Msg, Credential: e.Credential}
	}
	if t.refused++; t.refused >= mostRefused && !t.had {
		return nil, 0, "", t.first
	}
	return nil, 0, d.l.With[i].Name + ": " + e.Error(), nil
}

// detail reads one detail, all of it.
func (l *List) detail(ctx context.Context, w Detail, first ask) (v *jsonpath.Value, size int64, err error) {
	if w.List == nil {
		return l.single(ctx, w, first)
	}
	walk := &walk{list: *w.List, most: l.Limits.Items}
	if w.Paged {
		walk.paging = l.Paging
	}
	list := &jsonpath.Value{Kind: '['}
	var raw [][]byte
	err = l.all(ctx, walk, first, func(item []byte, _ int) error {
		if len(raw) >= l.Limits.Items {
			return &Error{Where: first.where, Msg: fmt.Sprintf("has more than %d items", l.Limits.Items)}
		}
		one, err := jsonpath.Parse(item)
		if err != nil {
			return &Error{Where: first.where, Msg: "has an item that cannot be read: " + err.Error()}
		}
		raw, list.Items = append(raw, item), append(list.Items, one)
		return nil
	})
	if err == nil && walk.why != "" {
		err = &Error{Where: first.where, Msg: "may not have told all: " + walk.why}
	}
	list.Raw = slices.Concat([]byte{'['}, bytes.Join(raw, []byte{','}), []byte{']'})
	return list, walk.size, err
}

// single reads a detail that is one value.
func (l *List) single(ctx context.Context, w Detail, first ask) (v *jsonpath.Value, size int64, err error) {
	a, err := l.client.get(ctx, first)
	if err != nil {
		return nil, 0, err
	}
	if v, err = jsonpath.Parse(a.body); err != nil {
		return nil, 0, &Error{Where: first.where, Msg: "answers with what cannot be read: " + err.Error()}
	}
	found := v.Find(w.At)
	switch {
	case len(found) != 1 || found[0].Kind == 'n':
		return nil, 0, &Error{Where: first.where, Msg: "holds nothing where at looks for it; it has " + memberNames(v)}
	case link(a.header) != "":
		return nil, 0, &Error{Where: first.where, Msg: "names a next page (Link), and only a list can have one: say with list where it is"}
	}
	return found[0], int64(len(a.body)), nil
}
