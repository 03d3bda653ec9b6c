// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The schema URNs of Internet-Drafts whose resource types are experimental.
const (
	AgentURN       = "urn:ietf:params:scim:schemas:core:2.0:Agent"
	RoleURN        = "urn:ietf:params:scim:schemas:core:2.0:Role"
	EntitlementURN = "urn:ietf:params:scim:schemas:core:2.0:Entitlement"
)

// Experiment is a resource type of an Internet-Draft. Drafts change and end, so
// nothing has it unless it asks for it, and it may change with any version of this
// package.
type Experiment struct {
	Name  string // such as "agents", for configurations
	Draft string // the document, with its number
	Type  string // the name of the resource type
	file  string
}

// Experiments lists what there is. What each type is, is data: a schema and a
// resource type in JSON, in this package's folder types. Where a draft leaves a
// characteristic open, or says two things, the schema's description tells what is
// ours.
func Experiments() []Experiment {
	return []Experiment{
		{"agents", "draft-wzdk-scim-agent-resource-00", "Agent", "types/agent.json"},
		{"roles", "draft-ietf-scim-roles-entitlements-01", "Role", "types/role.json"},
		{"entitlements", "draft-ietf-scim-roles-entitlements-01", "Entitlement", "types/entitlement.json"},
	}
}

//go:embed types/*.json
var typeFiles embed.FS

// WithExperiments returns the catalog with experiments by their names. An error names
// what there is.
func (c Catalog) WithExperiments(names ...string) (Catalog, error) {
	all := Experiments()
	for _, name := range names {
		i := slices.IndexFunc(all, func(x Experiment) bool { return x.Name == name })
		if i < 0 {
			known := make([]string, len(all))
			for j, x := range all {
				known[j] = x.Name
			}
			return c, fmt.Errorf("scim: there is no experiment %q; there are %s", name, strings.Join(known, ", "))
		}
		data, err := typeFiles.ReadFile(all[i].file)
		if err == nil {
			c, err = c.With(all[i].file, data)
		}
		if err != nil {
			return c, fmt.Errorf("scim: %w", err)
		}
	}
	return c, nil
}
