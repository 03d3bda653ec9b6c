// SPDX-License-Identifier: Apache-2.0

package demo

// Report is what was played, and how it ended.
type Report struct {
	Story   string       `json:"story"`
	Steps   []StepReport `json:"steps"`
	Apps    []AppReport  `json:"apps"`
	Passed  bool         `json:"passed"` // every app ended as it should
	Seconds float64      `json:"seconds"`
}

// StepReport is one day of the story.
type StepReport struct {
	Title   string   `json:"title"`
	Day     string   `json:"day"`
	HR      string   `json:"hr"`              // what HR did
	Login   string   `json:"login,omitempty"` // what happened in Auth0
	Follows string   `json:"follows"`         // what must follow
	Did     []string `json:"did"`             // what Usher did, in words
	Wrong   []string `json:"wrong"`           // what is not as it must be
	Seconds float64  `json:"seconds"`
}

// AppReport is how one app ended.
type AppReport struct {
	Name     string   `json:"name"`
	Says     string   `json:"says"`
	People   int      `json:"people"`   // who must have an account that is active
	Accounts int      `json:"accounts"` // that are there and active
	Disabled int      `json:"disabled"`
	Groups   int      `json:"groups"`
	Writes   int      `json:"writes"`             // requests that changed something
	Requests int      `json:"requests"`           // all that reached the app
	Retries  int      `json:"retries"`            // requests that it turned away or whose answer was lost, and that came again
	NotKept  []string `json:"not_kept,omitempty"` // what it answers 200 to and ignores, as Usher found
	Wrong    []string `json:"wrong"`
}
