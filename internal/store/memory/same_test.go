// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/memory"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// everything is a transaction of either store.
type everything interface {
	source.Tx
	provision.Tx
	store.Reader
}

// both are the two stores, which are told the same.
type both struct {
	*rapid.T
	ctx  context.Context
	lite *sqlite.DB
	mem  *memory.DB
	some []string // the writes of this sequence
	log  []string
}

// mostTransactions are what one sequence has, and mostWrites what one of them does.
const (
	mostTransactions = 12
	mostWrites       = 8
)

// TestSaysWhatSQLiteSays tells both stores the same at random, and asks them everything.
// What it tells and what it is told is spoilt afterwards, as it is the caller's.
func TestSaysWhatSQLiteSays(t *testing.T) {
	t.Parallel()
	sqlitetest.New(t) // the first one takes time that is real
	rapid.Check(t, func(rt *rapid.T) {
		inBubble(t, func(t *testing.T) {
			lite, err := sqlite.Open(context.Background(), sqlitetest.New(t), "test")
			if err != nil {
				rt.Fatal(err)
			}
			defer func() { _ = lite.Close() }()
			b := &both{T: rt, ctx: context.Background(), lite: lite, mem: memory.New()}
			b.some = pick(b, "about", subjects)
			b.begin()
			for range rapid.IntRange(1, mostTransactions).Draw(rt, "transactions") {
				b.transaction()
				if b.flag("sequence") {
					b.sequence()
				}
				if b.flag("ask") {
					b.compare()
				}
			}
			b.compare()
		})
	})
}

// inBubble runs a sequence with a clock of its own, by which both stores stamp. What
// ends it is passed on to rapid, which is outside, where time goes on.
func inBubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	var ended any
	synctest.Test(t, func(t *testing.T) {
		defer func() { ended = recover() }()
		fn(t)
	})
	if ended != nil {
		panic(ended)
	}
}

// update runs one transaction in each store, and compares what came of it.
func (b *both) update(what string, fn func(everything) (string, error)) {
	b.Helper()
	b.log = append(b.log, what)
	run := func(update func(context.Context, func(directory.Tx) error) error) (said string) {
		err := update(b.ctx, func(tx directory.Tx) (err error) {
			all, ok := tx.(everything)
			if !ok {
				b.Fatalf("%T lacks a room", tx)
			}
			said, err = fn(all)
			return err
		})
		if err != nil && !errors.Is(err, errUndo) {
			said += " and failed"
		}
		return said
	}
	if got, want := run(b.mem.Directory().Update), run(b.lite.Directory().Update); got != want {
		b.fail(what, got, want)
	}
}

var errUndo = errors.New("undo")

// fail tells of the first line that differs, from a little before where it does.
func (b *both) fail(what, got, want string) {
	b.Helper()
	gots, wants := strings.Split(got+"\n", "\n"), strings.Split(want+"\n", "\n")
	for i := range min(len(gots), len(wants)) {
		got, want = gots[i], wants[i]
		if got != want {
			break
		}
	}
	about, _, _ := strings.Cut(got, ": ")
	same := 0
	for same < min(len(got), len(want)) && got[same] == want[same] {
		same++
	}
	from := max(0, same-60)
	b.Fatalf("%s: %s:\nmemory …%.160q\nsqlite …%.160q\nafter\n%s", what, about, got[from:], want[from:], strings.Join(b.log, "\n"))
}

// begin makes a small company, so that not every sequence has to.
func (b *both) begin() {
	b.update("begin", func(tx everything) (string, error) {
		for _, app := range apps[1:3] {
			if err := errors.Join(tx.PutApp(b.ctx, provision.AppState{Name: app}), tx.MarkApp(b.ctx, app)); err != nil {
				return "", err
			}
		}
		var all []*directory.Person
		var records []directory.Record
		for i, id := range people[:3] {
			all = append(all, &directory.Person{ID: id, State: directory.Active, User: user("u" + id), Generation: 1, Revision: 1, Why: "employed"})
			records = append(records, directory.Record{
				Key: directory.Key{Source: "hr", ID: keys[i]}, Generation: 1, Person: id, Holds: true, User: []byte(`{}`), At: tx.Now(),
			})
		}
		return "", errors.Join(tx.PutRecords(b.ctx, records), tx.PutPeople(b.ctx, all))
	})
}

// transaction is a few writes, of which now and then nothing is to stay.
func (b *both) transaction() {
	time.Sleep(pick(b, "sleeps", spans))
	n := rapid.IntRange(1, mostWrites).Draw(b.T, "writes")
	undo := rapid.IntRange(0, 7).Draw(b.T, "undone") == 0
	var what []string
	var all []write
	for range n {
		name := pick(b, "write", b.some)
		w := writers[name](b)
		what, all = append(what, name+" "+w.what), append(all, w)
	}
	b.update(fmt.Sprintf("%s undo=%t at %s", strings.Join(what, "; "), undo, time.Now().Format(time.RFC3339Nano)), func(tx everything) (string, error) {
		var said []string
		for i, w := range all {
			out, err := w.do(tx)
			if err != nil {
				return what[i], err // the transaction is over, as it is for every caller
			}
			said = append(said, what[i]+": "+show(out))
			spoil(reflect.ValueOf(out))
		}
		if undo {
			return strings.Join(said, "\n"), errUndo
		}
		return strings.Join(said, "\n"), nil
	})
}

func (b *both) sequence() {
	n, err := audit.Sequence(b.ctx, b.mem.Ledger())
	m, err2 := audit.Sequence(b.ctx, b.lite.Ledger())
	if err := errors.Join(err, err2); err != nil || n != m {
		b.Fatal(n, m, err)
	}
	b.log = append(b.log, "sequence")
}

// compare asks both everything, and what the chain of each says of itself.
func (b *both) compare() {
	ask := questions(b)
	var got, want string
	err := errors.Join(
		b.mem.Read(b.ctx, func(tx *memory.Tx) error { got = b.answers(tx, ask); return nil }),
		b.lite.Read(b.ctx, func(tx *sqlite.Tx) error { want = b.answers(tx, ask); return nil }),
	)
	if err != nil {
		b.Fatal(err)
	}
	if got != want {
		b.fail("what they say", got, want)
	}
	if got, want := b.ledger(b.mem.Ledger()), b.ledger(b.lite.Ledger()); got != want {
		b.fail("the ledger", got, want)
	}
}

type question struct {
	what string
	ask  func(everything) (any, error)
}

func (b *both) answers(tx everything, questions []question) string {
	var out []string
	for _, q := range questions {
		got, err := q.ask(tx)
		text := show(got)
		if err != nil {
			text = "failed"
		}
		out = append(out, q.what+": "+text)
		spoil(reflect.ValueOf(got))
	}
	return strings.Join(out, "\n")
}

// ledger tells all but salts, and what follows from them.
func (b *both) ledger(l audit.Store) string {
	var out []string
	head, err := l.Head(b.ctx)
	open, err2 := l.Unchained(b.ctx, 3)
	entries, err3 := l.Chained(b.ctx, 2, 4)
	report, err4 := audit.Verify(b.ctx, l)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		b.Fatal(err)
	}
	out = append(out, fmt.Sprint("head ", head.Seq, head.Event), fmt.Sprint("report ", report.Events, report.Erased, report.Pending))
	for _, e := range open {
		out = append(out, fmt.Sprint("open ", e.ID, e.At, e.Kind))
	}
	for _, e := range entries {
		out = append(out, fmt.Sprint("entry ", e.Seq, e.Link.Event, e.ID, e.At, e.Kind, e.Salt == nil, e.Payload == nil, string(e.Payload)))
		spoil(reflect.ValueOf(&e))
	}
	return strings.Join(out, "\n")
}
