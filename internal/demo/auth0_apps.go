// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"net/http"

	"github.com/usher-id/usher/scim/scimtest"
)

// auth0Apps are those of the story about Auth0: the tenant, and simulators of six apps
// that one would find behind it, each by its own profile.
func auth0Apps(int) []*App {
	all := []*App{
		{Name: loginApp, Says: "a tenant of Auth0, where people sign in; departments are roles", traits: traits{login: true}, sim: &tenant{}},
		{Name: "aws-iam-identity-center", Says: "groups are Auth0's roles, and who is in them is never told", traits: traits{byRoles: true, wholeNames: true}},
		{Name: "github-emu", Says: "groups are Auth0's roles; who is suspended loses their names", traits: traits{byRoles: true, hidesNames: true, wholeNames: true}},
		{Name: "slack", Says: "user names of at most 21 characters, no @ in names", traits: traits{shortNames: true}},
		{Name: "atlassian", Says: "wants one address to be the primary one"},
		{Name: "salesforce", Says: "wants a licence, and never deletes anybody", traits: traits{
			wholeNames: true, more: `      entitlements[type eq "profile"].value: '"00e000000000001"'` + "\n",
		}},
		{Name: "pagerduty", Says: "has no groups, and deletes who is deactivated", traits: traits{noGroups: true, deletes: true}},
	}
	for _, a := range all {
		a.mails, a.loses = true, true
		if a.login {
			continue
		}
		a.profile = a.Name
		quirks, _ := scimtest.QuirksOf(a.Name) // a test plays them all
		a.sim = &scimSimulator{quirks: quirks, faults: scimtest.Rules(scimtest.Rule{
			Method: http.MethodPost, Type: "User", Times: 1, Fault: scimtest.Fault{Kind: scimtest.AnswerLost},
		})}
	}
	return all
}

// loginApp is the name of the tenant, as an app and as a source.
const loginApp = "auth0"
