// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"sync"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// columns are those of the made-up HR file.
var columns = []string{"key", "login", "name", "title", "dept", "start", "end"}

// kit is what takes long to make, is the same for every run, and safe to share.
type kit struct {
	schemas *scim.SchemaSet
	row     *mapping.Mapping // row → person
	account *mapping.Mapping // person → account
	teams   directory.Rules
}

// made is the kit, made once.
var made = sync.OnceValues(func() (*kit, error) {
	k := &kit{schemas: scim.CoreSchemas()}
	c, err := mapping.NewCompiler(k.schemas)
	if err != nil {
		return nil, err
	}
	row, err := c.Row(columns)
	if err != nil {
		return nil, err
	}
	person, err := c.Person()
	if err != nil {
		return nil, err
	}
	k.row, err = row.CompileMapping(scim.UserURN, attributes(
		"displayName", "row.name", "enterprise.department", "row.dept", "nickName", "row.key", "title", "row.title",
		"userName", "row.login", "usher.endDate", "row.end", "usher.startDate", "row.start"))
	if err != nil {
		return nil, err
	}
	k.account, err = person.CompileMapping(scim.UserURN, attributes(
		"displayName", "person.displayName", "nickName", "person.nickName", "title", "person.title", "userName", "person.userName"))
	if err != nil {
		return nil, err
	}
	each, err := person.Compile(config.Text{Value: "person.enterprise.department"}, mapping.WantString())
	if err != nil {
		return nil, err
	}
	k.teams = directory.Rules{{Name: "department", Each: each}}
	return k, nil
})

func attributes(pairs ...string) []config.Attribute {
	var out []config.Attribute
	for p := range slices.Chunk(pairs, 2) {
		out = append(out, config.Attribute{Path: config.Text{Value: p[0]}, Value: config.Text{Value: p[1]}})
	}
	return out
}
