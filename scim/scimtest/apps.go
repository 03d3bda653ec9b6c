// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"maps"
	"slices"

	"github.com/usher-id/usher/scim"
)

// Apps are the real apps that [QuirksOf] knows, by id, sorted.
func Apps() []string { return slices.Sorted(maps.Keys(simulated())) }

// QuirksOf returns what makes an app behave like a real one: what the app's own
// documentation says that it takes and refuses. Where the documentation says
// nothing the simulation is plain SCIM 2.0, unless a comment in the source marks an
// assumption. None was compared with a live tenant.
//
// [App.Users] shows such an app's accounts as they are within, with ids that the app
// itself may not show.
//
// Rate limits are off; RequestsPerSecond switches them on, with the answer that the
// app gives.
func QuirksOf(id string) (Quirks, bool) {
	quirks, ok := simulated()[id]
	if !ok {
		return Quirks{}, false
	}
	q := quirks()
	q.NoRetryAfter = !slices.Contains(tellsWhen(), id)
	return q, true
}

// tellsWhen are the apps of whose answer to too many requests a Retry-After is
// documented; of Atlassian's it is unverified.
func tellsWhen() []string {
	return []string{"atlassian", "entra-scim-api", "generic-scim2", "github-emu", "github-org", "slack"}
}

func simulated() map[string]func() Quirks {
	return map[string]func() Quirks{
		"atlassian":                  atlassian,
		"auth0-inbound-scim":         auth0Inbound,
		"aws-iam-identity-center":    awsIdentityCenter,
		"cloudflare":                 cloudflare,
		"databricks":                 databricks,
		"datadog":                    datadog,
		"entra-scim-api":             entraAPI,
		"figma":                      figma,
		"generic-scim2":              generic,
		"github-emu":                 githubEMU,
		"github-org":                 githubOrg,
		"gitlab-saas":                gitlabSaaS,
		"gitlab-self-managed":        gitlabSelfManaged,
		"google-cloud-identity-scim": googleCloudIdentity,
		"grafana":                    grafana,
		"linear":                     linear,
		"notion":                     notion,
		"okta-inbound-scim":          oktaInbound,
		"onepassword":                onePassword,
		"pagerduty":                  pagerDuty,
		"salesforce":                 salesforce,
		"sentry":                     sentry,
		"slack":                      slack,
		"snowflake":                  snowflake,
		"tailscale":                  tailscale,
		"vercel":                     vercel,
		"zoom":                       zoom,
	}
}

// of says where an app's behaviour is documented.
func of(address string) map[string]string { return map[string]string{"": address} }

// by are filters of one comparison by eq.
func by(attributes ...string) *Filters { return &Filters{Attributes: attributes} }

// enterprise names an attribute of the Enterprise extension.
func enterprise(attribute string) string { return scim.EnterpriseUserURN + ":" + attribute }
