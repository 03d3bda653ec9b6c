// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// kind is what is to be known of a type's resources.
type kind struct {
	schema string
	// name is the attribute that is indexed, in its canonical form: userName,
	// displayName of a Group, and of any other type the one that is unique. Zero for
	// none.
	name scim.Attribute
}

// kindOf reads it off the schemas. The store has one place for what is unique.
func kindOf(set *scim.SchemaSet, t scim.ResourceType) (kind, error) {
	k := kind{schema: t.Schema}
	s, ok := set.Schema(t.Schema)
	if !ok {
		return k, fmt.Errorf("resource type %s: there is no schema %s", t.Name, t.Schema)
	}
	if t.Name == typeGroup {
		k.name, _ = set.Lookup(t.Schema, scim.Path{Attr: "displayName"})
		return k, nil
	}
	for _, a := range s.Attributes {
		switch {
		case a.Uniqueness == scim.UniqueNone:
		case k.name.Name != "":
			return k, fmt.Errorf("resource type %s: %s and %s are unique; one attribute of a type can be", t.Name, k.name.Name, a.Name)
		default:
			k.name = a
		}
	}
	for _, e := range t.SchemaExtensions {
		x, _ := set.Schema(e.Schema)
		for _, a := range x.Attributes {
			if a.Uniqueness != scim.UniqueNone {
				return k, fmt.Errorf("resource type %s: %s of %s is unique; an attribute of an extension cannot be", t.Name, a.Name, x.ID)
			}
		}
	}
	return k, nil
}

// canonical is a value of the name as the index has it.
func (k kind) canonical(value string) string {
	if k.exact() {
		return value
	}
	return scim.Fold(value)
}

// exact tells whether letter case makes another name.
func (k kind) exact() bool { return k.name.CaseExact || k.name.Type == scim.TypeReference }

// states tells whether the directory has anything to do with a type.
func states(typ string) bool { return typ == typeUser || typ == typeGroup }

// keep stores a resource that is nobody and no team. Its unique name is taken by the
// store, in the same statement.
func (p *Provider) keep(ctx context.Context, tx source.PushTx, row *source.Pushed, sent *sending) error {
	row.Name, row.Record = sent.name, "" // no record: it speaks of no person
	fresh := row.Version == 0
	row.External, row.Modified, row.Body = sent.ExternalID(), tx.Now(), sent.json
	row.Version++
	err := tx.PutPushed(ctx, row)
	switch {
	case errors.Is(err, source.ErrTaken):
		return &scimserver.UniquenessError{Attribute: p.kinds[row.Type].name.Name}
	case err != nil:
		return err
	case fresh:
		return p.tell(ctx, tx, "resource.pushed", row, row.Type)
	}
	return p.tell(ctx, tx, "resource.changed", row, row.Type)
}
