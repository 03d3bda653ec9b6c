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

// facts are the dates that decide a state; a zero time is an absent one.
type facts struct {
	start, end           time.Time
	leaveStart, leaveEnd time.Time
}

// paths of the lifecycle extension, by alias-free name.
var (
	startDate      = scim.Path{URN: scim.UsherUserURN, Attr: "startDate"}
	endDate        = scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}
	leaveStartDate = scim.Path{URN: scim.UsherUserURN, Attr: "leaveStartDate"}
	leaveEndDate   = scim.Path{URN: scim.UsherUserURN, Attr: "leaveEndDate"}
)

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
	return f, nil
}

// derive is the lifecycle: the state at c.Now, why, and when time alone will
// change it again (zero: never).
func derive(c Calendar, f facts) (s State, why string, next time.Time) {
	from := f.start
	if !from.IsZero() {
		from = from.Add(-c.PreHire)
	}
	switch {
	case !f.end.IsZero() && !f.end.After(c.Now):
		return Leaver, "the end date " + stamp(f.end) + " has passed", time.Time{}
	case !from.IsZero() && from.After(c.Now):
		return Staged, "the start date " + stamp(f.start) + " lies ahead", soonest(c.Now, from, f.end)
	case !f.leaveStart.IsZero() && !f.leaveStart.After(c.Now) && (f.leaveEnd.IsZero() || f.leaveEnd.After(c.Now)):
		return OnLeave, "on leave since " + stamp(f.leaveStart), soonest(c.Now, f.leaveEnd, f.end)
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

// rehired tells a new generation from a correction: the hire date is a newer
// one, and the person had gone. Either the end that was stated had passed and
// the new start lies behind it, or they had left as absent, as from a file that
// lists nobody who is not employed. A mere change of the end date takes a
// termination back and reopens the same generation (DESIGN: order).
func rehired(old *Person, now time.Time, fresh facts) bool {
	before, err := factsOf(old.User)
	switch {
	case err != nil || !fresh.start.After(before.start):
		return false
	case !before.end.IsZero() && !before.end.After(now):
		return fresh.start.After(before.end)
	}
	return old.State == Leaver && old.Cause == CauseAbsent && !before.start.IsZero()
}
