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
	return derive(c, facts{f.Start, f.End, f.LeaveStart, f.LeaveEnd, f.OnLeave})
}
