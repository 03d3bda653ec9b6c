// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"strings"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// mostValues is how many roles, or entitlements, are told.
const mostValues = 10_000

// Values is a Provider that tells which roles and entitlements there are
// (draft-ietf-scim-roles-entitlements-01): those that its own Users have, as any
// other is taken as well. They are no resources that are kept; nobody writes them,
// and they have no version.
type Values struct{ *Provider }

var (
	_ scimserver.PartStore   = Values{}
	_ scimserver.MemberStore = Values{}
	_ scimserver.CursorStore = Values{}
)

// WithValues returns the provider with the lists of the types that have one.
func WithValues(p *Provider) Values { return Values{p} }

// valued is the attribute of Users whose values a type tells; "" for other types.
func (v Values) valued(typ string) string {
	switch v.schema(typ) {
	case scim.RoleURN:
		return "roles"
	case scim.EntitlementURN:
		return "entitlements"
	}
	return ""
}

// all are the values of an attribute, as resources.
func (v Values) all(ctx context.Context, typ string) (out []*scim.Resource, err error) {
	err = v.view(ctx, func(ctx context.Context, tx source.PushTx) error {
		out = nil
		n, err := tx.PushedCount(ctx, v.c.Source, typeUser)
		if err != nil {
			return err
		}
		if n > v.most {
			return tooMany(fmt.Sprintf("the values of more than %d Users are not counted", v.most))
		}
		values, err := tx.PushedValues(ctx, v.c.Source, typeUser, v.valued(typ), mostValues+1)
		if err != nil {
			return err
		}
		if len(values) > mostValues {
			return tooMany(fmt.Sprintf("there are more than %d values", mostValues))
		}
		for _, one := range values {
			r := scim.NewResource(v.schema(typ))
			r.SetID(valueID(typ, one.Value))
			r.Set("value", scim.String(one.Value))
			r.Set("supported", scim.Bool(true))
			r.Set("limitedAssignmentsPermitted", scim.Bool(false))
			r.Set("totalAssignmentsUsed", scim.Integer(int64(one.Users)))
			for name, text := range map[string]string{"display": one.Display, "type": one.Kind} {
				if text != "" {
					r.Set(name, scim.String(text))
				}
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

func tooMany(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TooMany, Detail: detail}
}

// valueID is the same for a value as long as there is one, and after.
func valueID(typ, value string) string {
	sum := sha256.Sum256([]byte(typ + "\x00" + value))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26])
}

// Get implements scimserver.Store.
func (v Values) Get(ctx context.Context, typ, id string) (*scim.Resource, error) {
	return v.GetPart(ctx, typ, id, nil)
}

// GetPart implements scimserver.PartStore. A value is small.
func (v Values) GetPart(ctx context.Context, typ, id string, without []scim.Path) (*scim.Resource, error) {
	if v.valued(typ) == "" {
		return v.Provider.GetPart(ctx, typ, id, without)
	}
	all, err := v.all(ctx, typ)
	for _, r := range all {
		if r.ID() == id {
			return r, nil
		}
	}
	if err == nil {
		err = scimserver.ErrNotFound
	}
	return nil, err
}

// List implements scimserver.Store.
func (v Values) List(ctx context.Context, typ string, q scimserver.Query) (scimserver.Page, error) {
	if v.valued(typ) == "" {
		return v.Provider.List(ctx, typ, q)
	}
	all, err := v.all(ctx, typ)
	if err != nil {
		return scimserver.Page{}, err
	}
	return scimserver.Select(v.c.Schemas, v.schema(typ), all, q), nil
}

// Walk implements scimserver.CursorStore. A cursor counts: values have no order but
// that of their text.
func (v Values) Walk(ctx context.Context, typ string, q scimserver.Query, cursor string) (page scimserver.Page, err error) {
	if v.valued(typ) == "" {
		return v.Provider.Walk(ctx, typ, q, cursor)
	}
	at := int64(0)
	if cursor != "" {
		place, err := v.c.Cursors.Open(v.c.Source, typ, q, cursor)
		if err != nil || len(place) != 1 {
			return page, scimserver.ErrCursor
		}
		at = place[0]
	}
	q.StartIndex = int(at) + 1
	if page, err = v.List(ctx, typ, q); err != nil {
		return page, err
	}
	if end := at + int64(len(page.Resources)); end < int64(page.Total) && q.Count > 0 {
		page.NextCursor = v.c.Cursors.Seal(v.c.Source, typ, q, end)
	}
	return page, nil
}

// Lookup implements scimserver.Store. Values have no index of their own.
func (v Values) Lookup(ctx context.Context, typ string, attribute scim.Path, value string) ([]*scim.Resource, bool, error) {
	return v.LookupPart(ctx, typ, attribute, value, nil)
}

// LookupPart implements scimserver.PartStore.
func (v Values) LookupPart(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) ([]*scim.Resource, bool, error) {
	if v.valued(typ) == "" {
		return v.Provider.LookupPart(ctx, typ, attribute, value, without)
	}
	return nil, false, nil
}
