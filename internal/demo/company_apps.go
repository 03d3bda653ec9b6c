// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// plainApp is the one that speaks plain SCIM 2.0.
const plainApp = "wiki"

// companyApps are those of the first story. The one with a rate limit bears
// more in a larger company, as it would.
func companyApps(people int) []*App {
	rate := max(50, people/4)
	return []*App{
		{Name: plainApp, Says: "plain SCIM 2.0", sim: &scimSimulator{}},
		{
			Name: "chat", Says: "takes 100 members in a request, and never says who is in a group", traits: traits{everybody: true},
			sim: &scimSimulator{quirks: scimtest.Quirks{MaxMembersPerPatch: 100, NeverReturnMembers: true}},
		},
		{
			Name: "plant", Says: fmt.Sprintf("user names of at most %d characters, at most %d requests a second", longestShortName, rate), traits: traits{shortNames: true},
			sim: &scimSimulator{quirks: scimtest.Quirks{MaxUserName: longestShortName, RequestsPerSecond: rate}},
		},
		{
			Name: "badges", Says: "answers 200 and ignores the department", traits: traits{noDepartment: true},
			sim: &scimSimulator{quirks: scimtest.Quirks{IgnoreAttributes: []string{scim.EnterpriseUserURN + ":department"}}},
		},
	}
}
