// SPDX-License-Identifier: Apache-2.0

package config

import "strings"

// What becomes of users who are administrators, in Google Workspace.
const (
	AdministratorsLeave = "leave" // they are never written
	AdministratorsWrite = "write" // they are as anybody
)

// GoogleApp is what an app of type google has of its own.
type GoogleApp struct {
	Key            Secret `json:"service_account_key"` // JSON, or the path of a file that holds it
	Administrator  Text   `json:"administrator"`       // for whom the service account acts
	Administrators string `json:"administrators"`      // one of the constants
	ChangePassword bool   `json:"change_password"`     // with the first sign-in
	GroupDomain    Text   `json:"group_domain"`        // of the addresses of groups; empty = no groups
	GroupPrefix    Text   `json:"group_prefix"`        // of the addresses of groups
}

// googleApp are the keys that only an app of type google has.
func (d *decoder) googleApp(a *GoogleApp, what string) []field {
	return []field{
		{key: "service_account_key", read: func(n *node) { a.Key = d.signingKey(n, "service_account_key of "+what) }},
		{key: "administrator", read: func(n *node) {
			a.Administrator, _ = d.text(n, "administrator of "+what)
			if local, domain, ok := strings.Cut(a.Administrator.Value, "@"); !a.Administrator.IsZero() && (!ok || local == "" || !isDomain(domain)) {
				d.fail(a.Administrator.Pos, "administrator of "+what+" is no e-mail address", "write that of the administrator for whom the service account acts")
			}
		}},
		{key: "administrators", read: func(n *node) {
			if t, ok := d.choice(n, "administrators of "+what, AdministratorsLeave, AdministratorsWrite); ok {
				a.Administrators = t.Value
			}
		}},
		{key: "change_password", read: func(n *node) { set(&a.ChangePassword)(d.boolean(n, "change_password of "+what)) }},
		{key: "group_domain", read: func(n *node) {
			if a.GroupDomain, _ = d.text(n, "group_domain of "+what); !a.GroupDomain.IsZero() && !isDomain(a.GroupDomain.Value) {
				d.fail(a.GroupDomain.Pos, "group_domain of "+what+" is no domain", "write one of the account's, such as acme.example")
			}
		}},
		{key: "group_prefix", read: func(n *node) {
			if a.GroupPrefix, _ = d.text(n, "group_prefix of "+what); !isLocal(a.GroupPrefix.Value) {
				d.fail(a.GroupPrefix.Pos, "group_prefix of "+what+" cannot begin an address", "up to 32 small letters, digits, dots and hyphens, such as team-")
			}
		}},
	}
}

const mostPrefix = 32 // characters; an address has 64 before its @

// isLocal reports whether a text may begin an address.
func isLocal(s string) bool {
	return len(s) <= mostPrefix && !strings.HasPrefix(s, ".") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// isDomain reports whether a text looks like a domain of mail.
func isDomain(s string) bool {
	return strings.Contains(s, ".") && len(s) <= 253 && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") &&
		!strings.Contains(s, "..") && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-'
	})
}

// googleWords checks what goes together in an app of type google.
func (d *decoder) googleWords(n *node, a *App, what string) {
	if a.Google == nil {
		return
	}
	if a.Groups != nil && n.at("group_domain") == nil {
		d.fail(a.Groups.Pos, "groups of "+what+" have no addresses", "write group_domain, the domain in which each group gets one")
	}
}
