// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// GetText implements scimserver.TextStore.
func (p *Provider) GetText(ctx context.Context, typ, id string, without []scim.Path) (t scimserver.Text, ok bool, err error) {
	if !hasText(typ, without) {
		return t, false, nil
	}
	found, err := p.findText(ctx, source.PushedByID, id)
	switch {
	case err != nil:
		return t, false, err
	case len(found) == 0:
		return t, false, scimserver.ErrNotFound
	}
	return found[0], true, nil
}

// LookupText implements scimserver.TextStore.
func (p *Provider) LookupText(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) ([]scimserver.Text, bool, error) {
	by, value, ok := p.key(typ, attribute, value)
	if !ok || !hasText(typ, without) {
		return nil, false, nil
	}
	found, err := p.findText(ctx, by, value)
	return found, true, err
}

// hasText tells whether what is stored of a type is what an answer shows of it: a User
// as it was sent, which is kept without the password.
func hasText(typ string, without []scim.Path) bool {
	return typ == typeUser && !slices.ContainsFunc(without, func(at scim.Path) bool { return at.URN != "" || !strings.EqualFold(at.Attr, "password") })
}

// findText reads Users by a key, at one look.
func (p *Provider) findText(ctx context.Context, by source.PushedBy, value string) (found []scimserver.Text, err error) {
	err = p.c.Store.Look(ctx, func(tx source.PushTx) error {
		users, err := tx.PushedUsers(ctx, p.c.Source, by, value)
		found = make([]scimserver.Text, len(users))
		for i, u := range users {
			found[i] = scimserver.Text{Body: u.Body, Rest: groupsText(u.Groups), ID: u.ID, Created: u.Created, LastModified: u.Modified, Version: tag(u.Version)}
		}
		return err
	})
	return found, err
}

// groupsText is what setGroups adds to a User.
func groupsText(in []source.PushedGroup) []byte {
	if len(in) == 0 {
		return nil
	}
	dst := []byte(`{"groups":[`)
	add := func(name, text string) { dst = scim.String(text).AppendJSON(append(dst, name...)) }
	for i, g := range in {
		if i > 0 {
			dst = append(dst, ',')
		}
		add(`{"value":`, g.ID)
		if g.DisplayName != "" {
			add(`,"display":`, g.DisplayName)
		}
		add(`,"type":`, "direct")
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}
