// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"fmt"
	"time"

	"github.com/usher-id/usher/scim"
)

// Calendar is now, for starts, ends and leave.
type Calendar struct {
	Now     time.Time
	PreHire time.Duration // how long before the start somebody is let in
}

// facts are what decides a state; a zero time is an absent one.
type facts struct {
	start, end           time.Time
	leaveStart, leaveEnd time.Time
	// onLeave is the source's word that a leave is on, of which it may not tell the days.
	// It is no day, so that a row that says so today and tomorrow says the same.
	onLeave bool
	revoked Revocation // if it holds
}

// paths of the lifecycle extension, by alias-free name.
var (
	startDate      = scim.Path{URN: scim.UsherUserURN, Attr: "startDate"}
	endDate        = scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}
	leaveStartDate = scim.Path{URN: scim.UsherUserURN, Attr: "leaveStartDate"}
	leaveEndDate   = scim.Path{URN: scim.UsherUserURN, Attr: "leaveEndDate"}
	onLeave        = scim.Path{URN: scim.UsherUserURN, Attr: "onLeave"}
)

// facts are the dates of a person, and what holds whatever they say.
func (p *Person) facts() (facts, error) {
	f, err := factsOf(p.User)
	return f.under(p.Revoked), err
}

func (f facts) under(r Revocation) facts {
	if r.Holds(f.start) {
		f.revoked = r
	}
	return f
}

// cause is why somebody who is a leaver by their facts is one.
func (f facts) cause() Cause {
	if !f.revoked.At.IsZero() {
		return CauseRevoked
	}
	return CauseTermination
}

func factsOf(u *scim.Resource) (facts, error) {
	var f facts
	for _, d := range []struct {
		path scim.Path
		into *time.Time
	}{{startDate, &f.start}, {endDate, &f.end}, {leaveStartDate, &f.leaveStart}, {leaveEndDate, &f.leaveEnd}} {
		v, ok := u.At(d.path)
		if !ok {
			continue
		}
		s, _ := v.AsString()
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return f, fmt.Errorf("%s is no dateTime", d.path.Attr)
		}
		*d.into = t
	}
	if v, ok := u.At(onLeave); ok {
		if f.onLeave, ok = v.AsBool(); !ok {
			return f, fmt.Errorf("%s is no boolean", onLeave.Attr)
		}
	}
	return f, nil
}

// away tells whether a leave is on: one of which the first day is told, or the word. A
// first day that lies ahead and an end that has passed outdo the word, which may be older.
func (f *facts) away(now time.Time) bool {
	return (f.onLeave || !f.leaveStart.IsZero()) && !f.leaveStart.After(now) && (f.leaveEnd.IsZero() || f.leaveEnd.After(now))
}

func (f *facts) whyAway() string {
	if f.leaveStart.IsZero() {
		return "on leave, as the source says"
	}
	return "on leave since " + stamp(f.leaveStart)
}

// derive is the lifecycle: the state at c.Now, why, and when time alone will
// change it again (zero: never).
func derive(c Calendar, f facts) (s State, why string, next time.Time) {
	from := f.start
	if !from.IsZero() {
		from = from.Add(-c.PreHire)
	}
	switch {
	case !f.revoked.At.IsZero():
		return Leaver, f.revoked.why(), time.Time{}
	case !f.end.IsZero() && !f.end.After(c.Now):
		return Leaver, "the end date " + stamp(f.end) + " has passed", time.Time{}
	case !from.IsZero() && from.After(c.Now):
		return Staged, "the start date " + stamp(f.start) + " lies ahead", soonest(c.Now, from, f.end)
	case f.away(c.Now):
		return OnLeave, f.whyAway(), soonest(c.Now, f.leaveEnd, f.end)
	}
	return Active, "employed", soonest(c.Now, f.end, f.leaveStart)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// soonest returns the earliest of ts that lies after now, or zero.
func soonest(now time.Time, ts ...time.Time) time.Time {
	var first time.Time
	for _, t := range ts {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Held reports whether somebody is in although their end has been stated: they wait for
// Settle, or for somebody's consent to what the guard holds, and gain nothing meanwhile. No
// clock is asked: that of whoever wants to know may be behind the one that has accepted it.
func (p *Person) Held() bool { return p.State.In() && p.Cause != "" }

// HeldAt is Held, and also of those whose end has come since Settle last looked, by the clock
// of whoever asks.
func (p *Person) HeldAt(now time.Time) bool {
	if p.Held() || !p.State.In() || p.Next.IsZero() || p.Next.After(now) {
		return p.Held()
	}
	f, err := p.facts()
	return err == nil && (!f.revoked.At.IsZero() || !f.end.IsZero() && !f.end.After(now) || f.start.After(now))
}

// rehired tells a new generation from a correction: the hire date is a newer
// one, and the person had gone. Either the end that was stated had passed and
// the new start lies behind it, or they had left as absent, as from a file that
// lists nobody who is not employed. A mere change of the end date takes a
// termination back and reopens the same generation (DESIGN: order).
func rehired(old *Person, now time.Time, fresh facts) bool {
	before, err := old.facts()
	switch {
	case err != nil || !fresh.start.After(before.start):
		return false
	case !before.revoked.At.IsZero():
		return fresh.revoked.At.IsZero()
	case !before.end.IsZero() && !before.end.After(now):
		return fresh.start.After(before.end)
	}
	return old.State == Leaver && old.Cause == CauseAbsent && !before.start.IsZero()
}
