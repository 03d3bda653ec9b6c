// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// sparing is a store that reads a Group's members only for who wants to see them.
type sparing struct {
	*scimserver.Memory
	spared int
}

var _ scimserver.PartStore = (*sparing)(nil)

func (s *sparing) GetPart(ctx context.Context, typ, id string, without []scim.Path) (*scim.Resource, error) {
	r, err := s.Get(ctx, typ, id)
	if err != nil {
		return nil, err
	}
	return s.spare([]*scim.Resource{r}, without)[0], nil
}

func (s *sparing) LookupPart(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) ([]*scim.Resource, bool, error) {
	found, ok, err := s.Lookup(ctx, typ, attribute, value)
	return s.spare(found, without), ok, err
}

func (s *sparing) spare(all []*scim.Resource, without []scim.Path) (out []*scim.Resource) {
	headless := slices.ContainsFunc(without, func(p scim.Path) bool { return strings.EqualFold(p.String(), "members") })
	for _, r := range all {
		if headless {
			s.spared++
			r = r.Clone()
			r.Delete("members")
		}
		out = append(out, r)
	}
	return out
}

// What an answer leaves out is not read (RFC 7644 §3.9), whether it is excluded or what
// is asked for is something else; what it shows is.
func TestPartsAreAskedFor(t *testing.T) {
	t.Parallel()
	store := &sparing{Memory: scimserver.NewMemory(nil, nil)}
	s := newServer(t, func(c *scimserver.Config) { c.Store = store })
	id := s.make("/Groups", group("all", s.make("/Users", user("ann"))))
	const named = "&filter=displayName%20eq%20%22all%22"
	for query, spared := range map[string]bool{
		"":                            false,
		"?excludedAttributes=members": true,
		"?excludedAttributes=MEMBERS": true,
		"?excludedAttributes=" + scim.GroupURN + ":members": true,
		"?excludedAttributes=members.display":               false,
		"?excludedAttributes=displayName":                   false,
		"?attributes=displayName":                           true,
		"?attributes=id":                                    true,
		"?attributes=displayName,members":                   false,
		"?attributes=members.value":                         false,
		"?attributes=" + scim.GroupURN + ":members":         false,
	} {
		for path, q := range map[string]string{"/Groups/" + id: query, "/Groups": "?count=1" + strings.Replace(query, "?", "&", 1) + named} {
			store.spared = 0
			body := s.do("GET", path+q, "").want(200, "").Body.String()
			if (store.spared == 1) != spared || strings.Contains(body, `"value"`) == spared {
				t.Errorf("GET %s%s: spared %d: %s", path, q, store.spared, body)
			}
		}
	}
}
