// SPDX-License-Identifier: Apache-2.0

package provision

// AppReport tells what would happen or happened at one app. In a plan the
// numbers are what would happen, after an apply what did.
type AppReport struct {
	Create       int     `json:"create"`
	Update       int     `json:"update"`
	Disable      int     `json:"disable"`
	Delete       int     `json:"delete"`
	GroupCreate  int     `json:"group_create"`
	GroupUpdate  int     `json:"group_update"`
	MemberAdd    int     `json:"member_add"`
	MemberRemove int     `json:"member_remove"`
	Unchanged    int     `json:"unchanged"`
	Held         int     `json:"held"`
	Parked       int     `json:"parked"`
	Waiting      int     `json:"waiting"` // due, and not done by the end
	Foreign      int     `json:"foreign"`
	Drifted      int     `json:"drifted,omitempty"` // accounts and groups that were not as they were left
	Requests     int64   `json:"requests"`
	Seconds      float64 `json:"seconds"`
	Paused       string  `json:"paused,omitempty"` // why nothing is sent
	// NotKept are the attributes that the app accepts and does not keep as sent.
	NotKept []string `json:"not_kept,omitempty"`
	// FirstRun is set until the app has been read and its first writes have been
	// agreed to, and in the cycle in which that happens.
	FirstRun bool `json:"-"`
	// Unsought counts the people who have left and whose accounts the first list
	// did not show, where it proves nothing and the app cannot be asked for one.
	Unsought int `json:"-"`
}

// Writes is the number of changes at the app.
func (a *AppReport) Writes() int {
	return a.Create + a.Update + a.Disable + a.Delete + a.GroupCreate + a.GroupUpdate + a.MemberAdd + a.MemberRemove
}

func (a *AppReport) add(k Kind, n int) {
	switch k {
	case Create:
		a.Create += n
	case Update:
		a.Update += n
	case Disable:
		a.Disable += n
	case Delete:
		a.Delete += n
	case GroupCreate:
		a.GroupCreate += n
	case GroupUpdate:
		a.GroupUpdate += n
	case MemberAdd:
		a.MemberAdd += n
	case MemberRemove:
		a.MemberRemove += n
	}
}

// count adds what an outcome did to the report.
func (r *run) count(o *Outcome) {
	if o.Result == Done {
		r.report.add(o.Intent.Kind, len(o.Intent.Ops))
	}
}
