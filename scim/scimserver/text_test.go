// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// texting is a store that has the text of Users without their passwords.
type texting struct {
	*scimserver.Memory
	given int
}

var _ scimserver.TextStore = (*texting)(nil)

func (s *texting) GetText(ctx context.Context, typ, id string, without []scim.Path) (t scimserver.Text, ok bool, err error) {
	r, err := s.Get(ctx, typ, id)
	if err != nil || !s.has(typ, without) {
		return t, false, err
	}
	return s.text(r), true, nil
}

func (s *texting) LookupText(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) (found []scimserver.Text, ok bool, err error) {
	all, ok, err := s.Lookup(ctx, typ, attribute, value)
	if err != nil || !ok || !s.has(typ, without) {
		return nil, false, err
	}
	for _, r := range all {
		found = append(found, s.text(r))
	}
	return found, true, nil
}

func (s *texting) has(typ string, without []scim.Path) bool {
	return typ == "User" && slices.EqualFunc(without, []string{"password"}, func(p scim.Path, want string) bool { return p.String() == want })
}

func (s *texting) text(r *scim.Resource) scimserver.Text {
	s.given++
	t := scimserver.Text{ID: r.ID(), Version: r.Version()}
	for path, at := range map[string]*time.Time{"meta.created": &t.Created, "meta.lastModified": &t.LastModified} {
		v, _ := r.At(scim.MustPath(path))
		text, _ := v.AsString()
		*at, _ = scim.ParseDateTime(text)
	}
	body := r.Clone()
	for _, name := range []string{"id", "meta", "password"} {
		body.Delete(name)
	}
	t.Body = body.AppendJSON(nil)
	return t
}

// An answer is made of the text where it shows what the text says, and is what it would
// be without. (Memory has its attributes in another order.)
func TestTextsAreAskedFor(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	for name, c := range map[string]struct {
		hide []scim.Path
		path string
		text bool
	}{
		"by id":                   {path: "/Users/1", text: true},
		"by a filter":             {path: `/Users?filter=userName%20eq%20"ann"`, text: true},
		"nobody by a filter":      {path: `/Users?filter=userName%20eq%20"bob"`},
		"none of who is found":    {path: `/Users?count=0&filter=userName%20eq%20"ann"`, text: true},
		"by another filter":       {path: `/Users?filter=userName%20sw%20"ann"`},
		"another page":            {path: `/Users?startIndex=2&filter=userName%20eq%20"ann"`},
		"several, as a list":      {path: `/Users?filter=externalId%20eq%20"x"`, text: true},
		"attributes":              {path: "/Users/1?attributes=userName"},
		"excluded attributes":     {path: "/Users/1?excludedAttributes=title"},
		"a type without":          {path: "/Groups/3"},
		"an attribute is hidden":  {path: "/Users/1", hide: []scim.Path{scim.MustPath("title")}},
		"hidden, and by a filter": {path: `/Users?filter=userName%20eq%20"ann"`, hide: []scim.Path{scim.MustPath("title")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &texting{Memory: scimserver.NewMemory(set, nil)}
			s := newServer(t, func(conf *scimserver.Config) { conf.Store, conf.Hide = store, c.hide })
			plain := newServer(t, func(conf *scimserver.Config) { conf.Store, conf.Hide = plainStore{store}, c.hide })
			s.make("/Users", user("ann", `"title":"Dr. \"No\" \u0001 日本"`, `"password":"s3cret"`, `"externalId":"x"`))
			s.make("/Users", user("eve", `"externalId":"x"`))
			s.make("/Groups", group("all", "1"))
			store.given = 0
			got := s.do("GET", c.path, "").want(200, "")
			if (store.given > 0) != c.text {
				t.Errorf("%d texts were asked for", store.given)
			}
			want := plain.do("GET", c.path, "").want(200, "")
			if fmt.Sprint(got.Header()) != fmt.Sprint(want.Header()) || !got.resource().Equal(want.resource().Object) {
				t.Errorf("%v %s, want %v %s", got.Header(), got.Body, want.Header(), want.Body)
			}
			if strings.Contains(got.Body.String(), "s3cret") {
				t.Errorf("the password is shown: %s", got.Body)
			}
		})
	}
}

// Who has the version already gets no text.
func TestTextUnchanged(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) { c.Store = &texting{Memory: scimserver.NewMemory(nil, nil)} })
	id := s.make("/Users", user("ann"))
	etag := s.do("GET", "/Users/"+id, "").want(200, "").Header().Get("ETag")
	if got := s.do("GET", "/Users/"+id, "", "If-None-Match: "+etag).want(304, ""); got.Body.Len() > 0 || got.Header().Get("ETag") != etag {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
}
