// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/source"
)

// worker is somebody of the company, as HR has them.
type worker struct {
	key, login, name, title, dept string
	start, end                    time.Time // end is zero for none
	listed                        bool      // the file has a row of them
}

// in says whether whoever has such a row is to have access at an instant.
func (s statement) in(at time.Time) bool {
	return !s.absent && !s.start.After(at) && (s.end.IsZero() || s.end.After(at))
}

// statement is what the source was last heard to say of a worker.
type statement struct {
	worker
	absent bool // a read that was whole did not hold them
}

// reading is one delivery of the file: what the engine was given, and what whoever
// was given it may know from then on.
type reading struct {
	at      time.Time
	know    map[string]statement // by key, with what earlier ones said of whom this one is silent
	whole   bool                 // it says something of everybody
	taken   bool                 // to its end
	settled int                  // the step in which the directory had acted upon it; 0 for none
	file    *file                // if it was whole
}

// file is one state of the HR system's export.
type file struct {
	rows    []worker
	written time.Time
}

func (f file) digest() [32]byte {
	h := sha256.New()
	for _, r := range f.rows {
		_, _ = io.WriteString(h, strings.Join(r.values(), "|")+"\n")
	}
	return [32]byte(h.Sum(nil))
}

func (r worker) values() []string {
	return []string{r.key, r.login, r.name, r.title, r.dept, stamp(r.start), stamp(r.end)}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// company is the HR system: it changes by itself, and is read as a file.
type company struct {
	workers []*worker // in order of key
	last    int       // of the keys that were given
	exports int
	files   []file // that were read, the newest last
	reads   []*reading
}

var departments = []string{"sales", "ops", "board", "legal"}

// hire adds a worker.
func (c *company) hire(w *world) *worker {
	c.last++
	n := c.last
	h := &worker{
		key: fmt.Sprintf("k%03d", n), login: fmt.Sprintf("user%03d", n), name: fmt.Sprintf("Name %d", n), title: fmt.Sprintf("Title %d", w.rnd.IntN(3)),
		dept: departments[w.rnd.IntN(len(departments))], start: time.Now().Add(-24 * time.Hour).Truncate(time.Second), listed: true,
	}
	c.workers = append(c.workers, h)
	return h
}

// employed are those who are in and listed now.
func (c *company) employed() []*worker {
	now := time.Now()
	var out []*worker
	for _, w := range c.workers {
		if w.listed && (statement{worker: *w}).in(now) {
			out = append(out, w)
		}
	}
	return out
}

// export is the file as HR would write it now.
func (c *company) export() file {
	c.exports++
	f := file{written: time.Now().Add(time.Duration(c.exports) * time.Millisecond)} // never two at a time
	for _, w := range c.workers {
		if w.listed {
			f.rows = append(f.rows, *w)
		}
	}
	return f
}

// delivery is what a read of the source yields.
type delivery struct {
	file     file
	partial  string // why it is not proven whole; "" if it is
	rejected []string
	replay   bool // an older file, put there again
	strange  bool // another system's file
	fail     error
}

// deliver writes down what the engine is about to know, and makes the batch of it.
// Out is who has left: an old file may say of anybody else what it says.
func (c *company) deliver(d delivery, out map[string]bool) (*source.Batch, *reading, error) {
	if d.fail != nil {
		return nil, nil, d.fail
	}
	b := &source.Batch{Columns: columns, Fields: []int{1, 2, 3, 4, 5, 6, 7}}
	spoilt := map[string]bool{}
	for _, key := range d.rejected {
		spoilt[key] = true
	}
	for i, r := range d.file.rows {
		if spoilt[r.key] {
			b.Rejected = append(b.Rejected, source.Reject{Line: i + 2, Key: r.key, Reason: "too many fields"})
			continue
		}
		b.Rows = append(b.Rows, source.NewRow(i+2, r.key, r.values()...))
	}
	b.Proof = source.Proof{
		Complete: d.partial == "", Reason: d.partial, Rows: len(b.Rows), Rejected: len(b.Rejected), Digest: d.file.digest(), ModTime: d.file.written,
		Size: int64(100 * len(d.file.rows)),
	}
	if len(d.rejected) > 0 { // other bytes
		b.Proof.Digest = sha256.Sum256([]byte(strings.Join(d.rejected, " ") + stamp(d.file.written)))
	}
	if d.strange { // whoever is given that knows nothing new
		return b, nil, nil
	}
	r := &reading{at: time.Now(), know: map[string]statement{}, whole: d.partial == "" && !d.replay}
	if n := len(c.reads); n > 0 {
		for key, s := range c.reads[n-1].know {
			r.know[key] = s
		}
	}
	if d.partial == "" && !d.replay {
		for key, s := range r.know {
			if !slices.ContainsFunc(d.file.rows, func(w worker) bool { return w.key == key }) {
				s.absent = true
				r.know[key] = s
			}
		}
	}
	for _, row := range d.file.rows {
		if spoilt[row.key] { // it is there, and says nothing
			if s, ok := r.know[row.key]; ok {
				s.absent = false
				r.know[row.key] = s
			}
			continue
		}
		if d.replay && out[row.key] { // an old file brings nobody back
			continue
		}
		r.know[row.key] = statement{worker: row}
	}
	c.reads = append(c.reads, r)
	if len(d.rejected) == 0 && d.partial == "" && !d.replay {
		r.file = &d.file
	}
	return b, r, nil
}
