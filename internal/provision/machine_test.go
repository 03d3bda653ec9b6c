// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/provision"
)

var classes = []app.Class{
	app.Ambiguous, app.Retry, app.Terminal, app.Unauthorized, app.NotFound, app.Conflict, app.Precondition, app.TooLarge, app.Unreachable, 99,
}

var kinds = []provision.Kind{
	provision.Disable, provision.Delete, provision.Create, provision.Update,
	provision.GroupCreate, provision.GroupUpdate, provision.MemberRemove, provision.MemberAdd,
}

func members(n int) *provision.Intent {
	in := &provision.Intent{Kind: provision.MemberAdd, Team: "t"}
	for i := range n {
		in.Ops = append(in.Ops, &provision.Op{ID: fmt.Sprint(i)})
		in.Remotes = append(in.Remotes, fmt.Sprint(i))
	}
	return in
}

// Every class of error has a meaning for every kind of request.
func TestMeaningIsTotal(t *testing.T) {
	t.Parallel()
	creates := map[provision.Kind]bool{provision.Create: true, provision.GroupCreate: true}
	for _, kind := range kinds {
		for _, class := range classes {
			for _, n := range []int{1, 3} {
				for _, attempt := range []int{0, 1} {
					in := members(n)
					in.Kind, in.Attempt = kind, attempt
					got := provision.Meaning(in, &app.Error{Class: class})
					want := provision.Ambiguous // whatever is not known
					switch {
					case class == app.Retry || class == app.Unreachable || class == app.Precondition:
						want = provision.RetryLater
					case class == app.Unauthorized:
						want = provision.Refused
					case class == app.NotFound && creates[kind]:
						want = provision.Parked
					case class == app.NotFound && kind == provision.Delete:
						want = provision.Done
					case class == app.NotFound && n > 1 && attempt > 0:
						want = provision.Split
					case class == app.NotFound:
						want = provision.Lost
					case class == app.Conflict && creates[kind]:
						want = provision.Taken
					case class == app.Conflict && n > 1:
						want = provision.Split
					case class == app.Conflict:
						want = provision.Parked
					case (class == app.TooLarge || class == app.Terminal) && n > 1:
						want = provision.Split
					case class == app.TooLarge || class == app.Terminal:
						want = provision.Parked
					}
					if got != want {
						t.Errorf("%s of %d, attempt %d, %s: %s, not %s", kind, n, attempt, class, got, want)
					}
				}
			}
		}
	}
}

// 412 is about what is there: it is read again. The class alone may mean that something
// is not there yet, and is no more than a wait.
func TestMeaningOfPreconditionFailed(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		want := provision.Lost
		if kind == provision.Create || kind == provision.GroupCreate {
			want = provision.RetryLater
		}
		in := members(3)
		in.Kind = kind
		if got := provision.Meaning(in, &app.Error{Class: app.Precondition, Status: 412}); got != want {
			t.Errorf("%s: %s, not %s", kind, got, want)
		}
		if got := provision.Meaning(in, &app.Error{Class: app.Precondition, Status: 404}); got != provision.RetryLater {
			t.Errorf("%s: %s of what is not there yet", kind, got)
		}
	}
}

// What each result leaves to be tried: parked, looked at, retried, or nothing.
func TestStandingIsTotal(t *testing.T) {
	t.Parallel()
	at := noon.Add(time.Minute)
	was := provision.Standing{Due: true, Version: 7, Attempts: 2, Journal: 5}
	for result, want := range map[provision.Result]provision.Standing{
		provision.Done:       {Due: true, Version: 7, Journal: 5},
		provision.RetryLater: {Due: true, Version: 7, Journal: 5, Attempts: 3, RetryAt: at},
		provision.Parked:     {Due: true, Version: 7, Journal: 5, Attempts: 3, Parked: "why"},
		provision.Ignored:    {Due: true, Version: 7, Journal: 5, Attempts: 3, Parked: "why"},
		provision.Ambiguous:  {Due: true, Version: 7, Journal: 5, Attempts: 3, RetryAt: at, Observe: true},
		provision.Lost:       {Due: true, Version: 7, Journal: 5, Attempts: 3, RetryAt: at, Observe: true},
		provision.Taken:      {Due: true, Version: 7, Journal: 5, Attempts: 3, RetryAt: at, Observe: true},
		provision.Refused:    was, provision.Split: was, provision.Withdrawn: was, provision.Void: was,
	} {
		s := was
		provision.Stand(&s, &provision.Outcome{Result: result, Detail: "why", RetryAt: at})
		want.Last = result
		if s != want {
			t.Errorf("%s: %+v, not %+v", result, s, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for attempt := range 100 {
		low, high := provision.Backoff(attempt, 0), provision.Backoff(attempt, 0.999)
		if low < time.Second/2 || high > 10*time.Minute || high < low {
			t.Errorf("attempt %d: %v to %v", attempt, low, high)
		}
		if attempt > 0 && low < provision.Backoff(attempt-1, 0) {
			t.Errorf("attempt %d waits less than the one before", attempt)
		}
	}
}

// driver runs a machine as its owner must, and holds it to its promises.
type driver struct {
	t        *rapid.T
	m        *provision.Machine
	window   int
	recorded map[*provision.Intent]bool
	sent     map[*provision.Intent]bool
	ended    map[*provision.Intent]provision.Result
	flying   map[string]*provision.Intent
	results  map[string]provision.Result // by operation, of what is no split
	stopped  bool
	steps    int
	now      time.Time
	pause    time.Time // the app asked for, to anybody
}

// step carries one step out: commit first, then send.
func (d *driver) step() provision.Step {
	s := d.m.Step(d.now, true)
	if d.steps++; d.steps > 10_000 {
		d.t.Fatal("the machine never ends")
	}
	for _, in := range s.Send {
		switch {
		case !d.recorded[in]:
			d.t.Fatalf("sent before it was recorded: %+v", in)
		case d.sent[in]:
			d.t.Fatalf("sent twice: %+v", in)
		case d.flying[in.Key()] != nil:
			d.t.Fatalf("two writers for %s", in.Key())
		case d.stopped:
			d.t.Fatal("sent after a stop")
		case d.now.Before(d.pause):
			d.t.Fatal("sent while the app asks for a pause")
		}
		d.sent[in], d.flying[in.Key()] = true, in
	}
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		if d.ended[o.Intent] != "" || !d.recorded[o.Intent] || d.sent[o.Intent] == (o.Result == provision.Withdrawn) {
			d.t.Fatalf("outcome %s of %+v after %q", o.Result, o.Intent, d.ended[o.Intent])
		}
		d.ended[o.Intent] = o.Result
		for _, op := range o.Intent.Ops {
			if o.Result == provision.Split {
				continue
			}
			if d.results[op.ID] != "" {
				d.t.Fatalf("operation %s ended twice", op.ID)
			}
			d.results[op.ID] = o.Result
		}
	}
	for _, in := range s.Intents {
		if d.recorded[in] {
			d.t.Fatal("recorded twice")
		}
		d.recorded[in] = true
	}
	if open := len(d.recorded) - len(d.ended); open > d.window {
		d.t.Fatalf("%d intents without outcome, the window is %d", open, d.window)
	}
	if len(s.Intents) > 0 || len(s.Outcomes) > 0 {
		d.m.Recorded(s.Intents)
	}
	return s
}

func (d *driver) answer(in *provision.Intent, class int) {
	delete(d.flying, in.Key())
	var a provision.Answer
	switch {
	case class < len(classes):
		a.Err = &app.Error{Class: classes[class], RetryAfter: time.Second}
		if classes[class] == app.Retry {
			d.pause = d.now.Add(time.Second)
		}
		d.stopped = d.stopped || classes[class] == app.Unauthorized
	case class == len(classes):
		a.Ignored = true
	}
	d.m.Answered(d.now, 0.5, in, a)
}

func TestMachine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 5).Draw(t, "slots")
		var queue []*provision.Intent
		asked := 0
		for range rapid.IntRange(0, 40).Draw(t, "requests") {
			in := members(rapid.IntRange(1, 6).Draw(t, "members"))
			in.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
			in.Attempt = rapid.IntRange(0, 1).Draw(t, "attempt")
			in.Team = rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "team")
			in.Person = rapid.SampledFrom([]string{"p", "q", "r", "s"}).Draw(t, "person")
			for _, op := range in.Ops {
				op.ID = fmt.Sprint(asked)
				asked++
			}
			queue = append(queue, in)
		}
		d := &driver{
			now: noon, t: t, m: provision.NewMachine(slots, queue), window: 8 * slots, recorded: map[*provision.Intent]bool{}, sent: map[*provision.Intent]bool{},
			ended: map[*provision.Intent]provision.Result{}, flying: map[string]*provision.Intent{}, results: map[string]provision.Result{},
		}
		stopAt := rapid.IntRange(0, 120).Draw(t, "stop")
		for {
			if d.steps == stopAt {
				d.m.Stop("stopped")
				d.stopped = true
			}
			s := d.step()
			if s.Finished {
				break
			}
			if len(s.Intents) > 0 || len(s.Outcomes) > 0 {
				continue
			}
			if !s.Wait.IsZero() && len(d.flying) == 0 {
				if !s.Wait.After(d.now) {
					t.Fatalf("waits for %v at %v", s.Wait, d.now)
				}
				d.now = s.Wait
				continue
			}
			if len(d.flying) == 0 && len(s.Send) == 0 {
				t.Fatal("neither finished nor anything to wait for")
			}
			if len(d.flying) > slots {
				t.Fatalf("%d in flight with %d slots", len(d.flying), slots)
			}
			key := rapid.SampledFrom(sorted(d.flying)).Draw(t, "who answers")
			d.answer(d.flying[key], rapid.IntRange(0, 2*len(classes)).Draw(t, "answer"))
		}
		if len(d.flying) > 0 || d.m.Flying() != 0 {
			t.Fatalf("finished with %d in flight", len(d.flying))
		}
		for in := range d.recorded {
			if d.ended[in] == "" {
				t.Fatalf("finished, and %+v has no outcome", in)
			}
		}
		if !d.stopped && len(d.results) != asked {
			t.Fatalf("%d of %d operations ended", len(d.results), asked)
		}
	})
}

// Sixteen requests are under way when an app first says that it is too much.
// That is one strain: the pause is what the app asks for, not sixteen backoffs. When
// none of them finds anybody there, that is an outage, and nothing more is sent.
func TestMachinePausesOnceForWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	for _, class := range []app.Class{app.Retry, app.Unreachable, app.Ambiguous} {
		var queue []*provision.Intent
		for i := range 400 {
			queue = append(queue, &provision.Intent{Kind: provision.Create, Person: fmt.Sprint(i), Ops: []*provision.Op{{ID: fmt.Sprint(i)}}})
		}
		m := provision.NewMachine(16, queue)
		m.Recorded(m.Step(noon, true).Intents)
		sent := m.Step(noon, true).Send
		if len(sent) != 16 {
			t.Fatalf("%d are under way, want 16", len(sent))
		}
		now := noon
		for _, in := range sent {
			now = now.Add(time.Millisecond)
			e := &app.Error{Class: class}
			if class == app.Retry {
				e.Status, e.RetryAfter = 429, time.Second
			}
			m.Answered(now, 0.5, in, provision.Answer{Err: e})
		}
		s := m.Step(now, true)
		for !s.Finished && len(s.Send) == 0 && (len(s.Intents) > 0 || len(s.Outcomes) > 0) {
			m.Recorded(s.Intents)
			s = m.Step(now, true)
		}
		switch {
		case class != app.Retry:
			if !s.Finished || m.Broken() == nil {
				t.Errorf("class %v: %d are sent to an app that is down", class, len(s.Send))
			}
		case len(s.Send) > 0 || !s.Wait.After(now) || s.Wait.Sub(now) > 2*time.Second || m.Broken() != nil:
			t.Errorf("class %v: %d are sent, and the pause is %v, want about a second", class, len(s.Send), s.Wait.Sub(now))
		}
	}
}
