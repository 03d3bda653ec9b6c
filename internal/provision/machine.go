// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"net/http"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/planted"
)

// Machine decides in which order the requests of one stage go out and what
// each answer means. It is a pure state machine: the clock, randomness and
// answers come in; what to commit and what to send goes out. Its owner must
// commit what Step returns as Record before it sends what Step returns as Send.
//
// It keeps four promises: no request without a committed intent, one request
// at a time for one person or group, never more intents without outcome than
// the window, as each of them costs a look-up after a crash, and no request
// while the app asks for a pause, whomever it said so to.
type Machine struct {
	slots  int // requests in flight, at most
	window int // intents without outcome

	pace   int       // requests in flight that the app bears, as far as is known
	calm   int       // requests done since pace has last changed
	strain int       // pauses in a row
	hold   time.Time // nothing is sent before
	sick   *failures // of the app, in a row
	broken *app.Error
	most   map[Kind]int // operations in one request, as the app has taught us; none is 0

	queue    []*Intent       // not recorded yet
	ready    []*Intent       // recorded, not sent
	busy     map[string]bool // keys recorded or in flight
	flying   int
	outcomes []Outcome // not committed yet
	stopped  string    // why nothing more is sent
	done     int       // requests that the app said yes to
	barred   int       // requests that it forbade, while none was done
	refused  bool
}

// NewMachine returns a machine for a stage's requests.
func NewMachine(slots int, queue []*Intent) *Machine {
	return &Machine{slots: slots, pace: slots, window: windows * slots, queue: queue, busy: map[string]bool{}, sick: &failures{}, most: map[Kind]int{}}
}

// Trial has one request sent at a time until something has gone through.
func (m *Machine) Trial() { m.pace = 1 }

// Broken is the failure by which the app turned out to be sick; nil if it is not.
func (m *Machine) Broken() *app.Error { return m.broken }

// windows is how many times its slots a machine may have intents without
// outcome: enough that requests go on while the next ones are committed, and that
// few commits are needed, as each costs a sync of the disk. After a crash as many
// have to be looked up: 256 by default, within seconds.
const windows = 16

// Step is what is to be done now.
type Step struct {
	Intents  []*Intent // commit, together with
	Outcomes []Outcome // these, before
	Send     []*Intent // sending these
	Finished bool      // nothing is left, and everything is committed
	Wait     time.Time // nothing can be done before, and nothing is in flight; zero for none
}

// Step returns what is to be done now. Sent intents have been recorded by an
// earlier step, so that their commit is already durable. With free unset a
// commit is under way, and nothing is given out that wants another.
func (m *Machine) Step(now time.Time, free bool) Step {
	var s Step
	held := now.Before(m.hold)
	for !held && m.flying < m.pace && len(m.ready) > 0 {
		s.Send = append(s.Send, m.ready[0])
		m.ready = m.ready[1:]
		m.flying++
	}
	if !free {
		return s
	}
	// A commit costs nearly the same for one intent as for many, and takes a
	// while: ask for it when half of what was recorded has been sent.
	if !held && m.stopped == "" && len(m.ready) < m.window/2 {
		s.Intents = m.take()
	}
	if len(s.Intents) > 0 || len(m.outcomes) >= m.window/2 || m.flying == 0 {
		s.Outcomes, m.outcomes = m.outcomes, nil
	}
	s.Finished = m.flying == 0 && len(m.ready) == 0 && len(s.Intents) == 0 && len(s.Outcomes) == 0 &&
		(len(m.queue) == 0 || m.stopped != "")
	if held && !s.Finished && m.flying == 0 && len(s.Outcomes) == 0 {
		s.Wait = m.hold
	}
	return s
}

// take moves intents from the queue into the window, skipping those whose
// person or group is being written: they keep their place.
func (m *Machine) take() []*Intent {
	var taken, skipped []*Intent
	room := m.window - len(m.ready) - m.flying - len(m.outcomes)
	i := 0
	for ; i < len(m.queue) && len(taken) < room; i++ {
		in := m.queue[i]
		if m.busy[in.key()] {
			skipped = append(skipped, in)
			continue
		}
		m.busy[in.key()] = true
		taken = append(taken, in)
	}
	// The skipped go back in front of what was not looked at, in place.
	m.queue = m.queue[i-len(skipped):]
	copy(m.queue, skipped)
	return taken
}

// Recorded says that intents are durable: they may be sent.
func (m *Machine) Recorded(intents []*Intent) {
	if m.stopped != "" {
		for _, in := range intents {
			m.withdraw(in)
		}
		return
	}
	m.ready = append(m.ready, intents...)
}

// Stop ends the stage: what is in flight is waited for, nothing more is sent.
func (m *Machine) Stop(why string) {
	if m.stopped != "" {
		return
	}
	m.stopped = why
	for _, in := range m.ready {
		m.withdraw(in)
	}
	m.ready = nil
}

func (m *Machine) withdraw(in *Intent) {
	delete(m.busy, in.key())
	m.outcomes = append(m.outcomes, Outcome{Intent: in, Result: Withdrawn, Detail: m.stopped})
}

// Answer is what came of a request.
type Answer struct {
	Err      *app.Error // nil when the app said yes
	Remote   string
	Status   int
	Elapsed  time.Duration
	Verified bool // the effect was read back
	Ignored  bool // it was read back, and it is not there
	Shown    shown
}

// Answered takes an answer at an instant; luck is a number in [0, 1) for the
// jitter of a retry.
func (m *Machine) Answered(now time.Time, luck float64, in *Intent, a Answer) {
	m.flying--
	delete(m.busy, in.key())
	o := Outcome{Intent: in, At: now, Remote: a.Remote, Status: a.Status, Elapsed: a.Elapsed, Verified: a.Verified, Shown: a.Shown}
	o.Result = Done
	if a.Ignored {
		o.Result, o.Detail = Ignored, "answered with success, but the account read back is still active"
		if in.lets() {
			o.Detail = "answered with success, but the account read back is still inactive"
		}
	}
	if a.Err != nil {
		o.Status, o.Detail = a.Err.Status, a.Err.Error()
		o.Result = meaning(in, a.Err)
	}
	m.feel(now, luck, a.Err)
	m.judge(in, a.Err)
	switch o.Result {
	case Done:
		m.done++
	case Forbidden:
		// One protected account is its own affair. An app that forbids one
		// after another and allows nothing has taken our rights away.
		if m.barred++; m.done == 0 && m.barred >= mostBarred {
			m.Stop("the app forbids what we ask: " + o.Detail)
			o.Result, m.refused = Refused, true
		}
	case RetryLater:
		o.RetryAt = now.Add(max(a.Err.RetryAfter, backoff(in.Attempt, luck)))
	case Ambiguous:
		o.RetryAt = now.Add(backoff(in.Attempt, luck))
	case Lost, Taken:
		// The first time it is looked up at once. An app that shows what it then
		// denies must not keep us going round.
		if in.Attempt > 0 {
			o.RetryAt = now.Add(backoff(in.Attempt, luck))
		}
	case Refused:
		m.Stop("the app refused our credential: " + o.Detail)
		m.refused = true
	case Split:
		m.queue = append(halves(in), m.queue...)
		if a.Err.Class == app.TooLarge {
			m.shrink(in.Kind, max(1, len(in.Ops)/2))
		}
	}
	m.outcomes = append(m.outcomes, o)
}

// feel learns from an answer how much the app bears. A rate limit and a failure
// are the app's, not one person's: whoever else is asked for meanwhile would
// only make them last.
func (m *Machine) feel(now time.Time, luck float64, e *app.Error) {
	pause := time.Duration(0)
	switch {
	case e != nil && now.Before(m.hold) && (e.Class == app.Retry || e.Class == app.Unreachable):
		// It was under way when the app first asked for a pause: the same strain,
		// which sixteen connections must not make sixteen times as long.
		m.hold = latest(m.hold, now.Add(e.RetryAfter))
		return
	case e == nil:
		m.strain = 0
		if m.calm++; m.calm >= m.pace {
			m.pace, m.calm = min(m.slots, m.pace+1), 0
		}
		return
	case e.Class == app.Retry:
		pause = max(e.RetryAfter, backoff(m.strain, luck))
	case e.Class == app.Unreachable:
		pause = backoff(m.strain, luck)
	default:
		return // an answer, if not a friendly one, or somebody's own ill luck: see judge
	}
	m.strain++
	if pause > 0 {
		m.pace, m.calm = max(1, m.pace/2), 0
		m.hold = latest(m.hold, now.Add(pause))
	}
}

// judge tells an app that is sick from people whom it does not like.
func (m *Machine) judge(in *Intent, e *app.Error) {
	switch {
	case e == nil, !sick(e): // it answers
		m.sick.reset()
	case m.sick.add(in.key(), e) && m.broken == nil:
		m.broken = e
		m.Stop("the app does not answer: " + e.Error())
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// meaning is total: every class of error has one result.
func meaning(in *Intent, e *app.Error) Result {
	several := len(in.Ops) > 1
	if planted.On(planted.AmbiguousIsFailed) && e.Class == app.Ambiguous {
		return RetryLater
	}
	switch e.Class {
	case app.Retry, app.Unreachable:
		return RetryLater
	case app.Precondition:
		if e.Status == http.StatusPreconditionFailed && in.Kind != Create && in.Kind != GroupCreate {
			return Lost // it is not as we know it: what is there is read before anything is sent again
		}
		return RetryLater
	case app.Unauthorized:
		return Refused
	case app.NotFound:
		if in.Kind == Create || in.Kind == GroupCreate {
			return Parked // the endpoint itself is not there
		}
		if in.Kind == Delete {
			return Done
		}
		if several && in.Attempt > 0 { // the group has been looked at, so it is one of them
			return Split
		}
		return Lost
	case app.Conflict:
		if in.Kind == Create || in.Kind == GroupCreate {
			return Taken
		}
		if several {
			return Split
		}
		return Parked
	case app.TooLarge, app.Terminal:
		if e.Status == http.StatusForbidden && !several {
			return Forbidden
		}
		if several {
			return Split
		}
		return Parked
	default:
		return Ambiguous
	}
}

// halves splits a membership request, so that one bad member does not keep the
// others out.
func halves(in *Intent) []*Intent {
	mid := len(in.Ops) / 2
	left, right := *in, *in
	left.ID, right.ID = 0, 0
	left.Ops, right.Ops = in.Ops[:mid], in.Ops[mid:]
	left.Remotes, right.Remotes = in.Remotes[:mid], in.Remotes[mid:]
	if len(in.known) == len(in.Ops) {
		left.known, right.known = in.known[:mid], in.known[mid:]
	}
	return []*Intent{&left, &right}
}

// shrink has no request of a kind be larger than the app takes: whatever waits is cut
// before it is refused as well.
func (m *Machine) shrink(kind Kind, most int) {
	if now := m.most[kind]; now > 0 && now <= most {
		return
	}
	m.most[kind] = most
	var queue []*Intent
	for rest := m.queue; len(rest) > 0; {
		in := rest[0]
		if rest = rest[1:]; in.Kind == kind && len(in.Ops) > most {
			rest = append(halves(in), rest...)
			continue
		}
		queue = append(queue, in)
	}
	m.queue = queue
}

// mostBarred is how many requests in a row may be forbidden before the app is
// paused.
const mostBarred = 5

// mostStrain is how many failures in a row, each about somebody else, an app may have
// before it is given time to recover.
const mostStrain = 5

const (
	firstBackoff = time.Second
	mostBackoff  = 10 * time.Minute
)

// backoff doubles with each attempt and spreads over its upper half, so that
// what failed together does not come back together.
func backoff(attempt int, luck float64) time.Duration {
	d := firstBackoff << min(attempt, 20)
	d = min(d, mostBackoff)
	return d/2 + time.Duration(luck*float64(d/2))
}
