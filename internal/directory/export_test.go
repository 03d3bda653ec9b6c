// SPDX-License-Identifier: Apache-2.0

package directory

import "time"

// Facts are what decides a state, for tests from outside.
type Facts struct {
	Start, End, LeaveStart, LeaveEnd time.Time
	OnLeave                          bool
}

// Derive is derive.
func Derive(c Calendar, f Facts) (State, string, time.Time) {
	return derive(c, facts{start: f.Start, end: f.End, leaveStart: f.LeaveStart, leaveEnd: f.LeaveEnd, onLeave: f.OnLeave})
}
