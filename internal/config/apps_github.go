// SPDX-License-Identifier: Apache-2.0

package config

import "strings"

// What becomes of owners of an organization at GitHub.
const (
	OwnersKeep   = "keep"   // they are left alone, and told of
	OwnersManage = "manage" // they are removed and demoted as everybody, and people made owners
)

// gitHubURL is where the API of github.com is.
const gitHubURL = "https://api.github.com"

// GitHubApp is what an app of type github has of its own.
type GitHubApp struct {
	Organization Text   `json:"organization"` // its login
	AppID        Text   `json:"app_id"`       // of the GitHub App: its client id, or its app id
	Key          Secret `json:"private_key"`  // PEM, or the path of a file that holds it
	Owners       string `json:"owners"`       // one of the constants
}

// gitHubApp are the keys that only an app of type github has.
func (d *decoder) gitHubApp(a *GitHubApp, what string) []field {
	return []field{
		{key: "organization", read: func(n *node) {
			t, ok := d.text(n, "organization of "+what)
			if ok && (t.Value == "" || len(t.Value) > 100 || strings.ContainsAny(t.Value, "/:. \t")) {
				d.fail(t.Pos, "organization of "+what+" is no name of one", "write it as it stands behind github.com/")
			}
			a.Organization = t
		}},
		{key: "app_id", read: func(n *node) { a.AppID, _ = d.text(n, "app_id of "+what) }},
		{key: "private_key", read: func(n *node) { a.Key = d.signingKey(n, "private_key of "+what) }},
		{key: "owners", read: func(n *node) {
			if t, ok := d.choice(n, "owners of "+what, OwnersKeep, OwnersManage); ok {
				a.Owners = t.Value
			}
		}},
	}
}

// gitHubWords fills in what an app of type github need not say.
func (d *decoder) gitHubWords(a *App) {
	if a.GitHub != nil && a.URL.IsZero() {
		a.URL = Text{Value: gitHubURL, Pos: a.Pos}
	}
}
