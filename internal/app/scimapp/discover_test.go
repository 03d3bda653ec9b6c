// SPDX-License-Identifier: Apache-2.0

package scimapp_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/scimapp"
	"github.com/usher-id/usher/scim"
)

// answers serves a body for each endpoint, and 404 for others.
func answers(bodies map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[strings.TrimPrefix(r.URL.Path, "/scim/v2")]
		switch {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		case strings.HasPrefix(body, "!"): // a status
			w.WriteHeader(map[string]int{"!401": 401, "!403": 403, "!500": 500, "!400": 400, "!413": 413}[body])
		default:
			_, _ = io.WriteString(w, body)
		}
	}
}

const (
	spc = `{"patch": {"supported": true}, "bulk": {"supported": false, "maxOperations": 7}, "filter": {"supported": "true", "maxResults": 20},
		"authenticationSchemes": [{"type": "oauthbearertoken"}, {"type": "httpbasic"}, {"type": "httpbasic"}]}`
	user = `{"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [{"name": "userName", "maxLength": 20},
		{"name": "title", "maxLength": "long"}, {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName", "maxLength": 9}]}]}`
)

func TestDiscover(t *testing.T) {
	t.Parallel()
	told := map[app.Part]app.PartState{app.PartFeatures: app.PartTold, app.PartSchemas: app.PartTold, app.PartTypes: app.PartTold}
	with := func(part app.Part, s app.PartState) map[app.Part]app.PartState {
		out := maps.Clone(told)
		if out[part] = s; s == app.PartUnknown {
			delete(out, part)
		}
		return out
	}
	types := `{"totalResults": 1, "Resources": [{"name": "User", "endpoint": "/Users", "schema": "x"}]}`
	for name, c := range map[string]struct {
		schemas, types string
		want           map[app.Part]app.PartState
		broken         []app.Part
		lengths        int
	}{
		"told":                 {`{"totalResults": 1, "Resources": [` + user + `]}`, types, told, nil, 2},
		"no count":             {`{"Resources": [` + user + `]}`, types, told, nil, 2},
		"in two pages":         {`{"totalResults": 2, "Resources": [` + user + `]}`, types, with(app.PartSchemas, app.PartCut), nil, 2},
		"by cursor":            {`{"nextCursor": "x", "totalResults": 1, "Resources": [` + user + `]}`, types, with(app.PartSchemas, app.PartCut), nil, 2},
		"one makes no sense":   {`{"totalResults": 2, "Resources": [` + user + `, {"id": "y", "attributes": "none"}]}`, types, with(app.PartSchemas, app.PartCut), nil, 2},
		"empty":                {`{"totalResults": 0, "Resources": []}`, types, with(app.PartSchemas, app.PartAbsent), nil, 0},
		"not there":            {"!400", types, with(app.PartSchemas, app.PartAbsent), nil, 0},
		"not for this token":   {"!403", types, with(app.PartSchemas, app.PartUnknown), nil, 0},
		"breaks":               {"!500", types, with(app.PartSchemas, app.PartUnknown), []app.Part{app.PartSchemas}, 0},
		"no list":              {`{"id": "x"}`, types, with(app.PartSchemas, app.PartUnknown), []app.Part{app.PartSchemas}, 0},
		"the types no list":    {`{"totalResults": 1, "Resources": [` + user + `]}`, `"x"`, with(app.PartTypes, app.PartUnknown), []app.Part{app.PartTypes}, 2},
		"a hundred of nothing": {`{"totalResults": 300, "Resources": [` + strings.Repeat(user+",", 299) + user + `]}`, types, with(app.PartSchemas, app.PartCut), nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answers(map[string]string{"/ServiceProviderConfig": spc, "/Schemas": c.schemas, "/ResourceTypes": c.types}))
			d, err := b.app.Discover(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(d.Parts, c.want) || len(d.Lengths) != c.lengths || len(d.Schemas) > 200 {
				t.Errorf("%v, %v, %d schemas", d.Parts, d.Lengths, len(d.Schemas))
			}
			if broken := slices.Sorted(maps.Keys(d.Broken)); !slices.Equal(broken, c.broken) {
				t.Errorf("broken are %v", d.Broken)
			}
			if len(b.seen) != 3 {
				t.Errorf("asked was %v", b.seen)
			}
			if c.lengths == 2 && (d.Lengths[app.LengthKey(scim.UserURN, "userName", "")] != 20 || d.Lengths[app.LengthKey(scim.UserURN, "name", "givenName")] != 9) {
				t.Errorf("%v", d.Lengths)
			}
			f := d.Features
			if !maps.Equal(f.Has, map[string]bool{"patch": true, "bulk": false, "filter": true}) || !slices.Equal(f.Auth, []string{"httpbasic", "oauthbearertoken"}) ||
				!maps.Equal(f.Numbers, map[string]int{"bulk.maxOperations": 7, "filter.maxResults": 20}) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// What the first answer shows to be no use is not gone on with.
func TestDiscoverGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		asked  int
		class  app.Class
		err    bool
	}{
		"a token that is not known": {"!401", 1, 0, false},
		"no SCIM":                   {"[]", 1, app.Retry, true},
		"none there":                {"", 1, app.Retry, true},
		"it breaks":                 {"!500", 3, 0, false},
		"not for this token":        {"!403", 3, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answers(map[string]string{"/ServiceProviderConfig": c.config}))
			_, err := b.app.Discover(t.Context())
			if (err != nil) != c.err || c.err && app.Classify(err).Class != c.class || len(b.seen) != c.asked {
				t.Errorf("%v after %v", err, b.seen)
			}
		})
	}
}

// Greet tells of address and token alone.
func TestGreet(t *testing.T) {
	t.Parallel()
	slack, err := app.ProfileByID("slack")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body  string
		class app.Class
		err   bool
	}{
		"nobody":               {listStart + `"totalResults": 0}`, 0, false},
		"it dislikes filters":  {"!400", 0, false},
		"another token":        {"!401", app.Unauthorized, true},
		"a token without this": {"!403", app.Unauthorized, true},
		"no users there":       {"", app.NotFound, true},
		"everybody":            {listStart + `"Resources": ["` + strings.Repeat("x", 3<<20) + `"]}`, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies := map[string]string{"/Users": c.body}
			if c.body == "" {
				bodies = nil
			}
			for _, p := range []app.Profile{generic(t), slack} {
				b := setup(t, answers(bodies), func(cfg *scimapp.Config) { cfg.Profile = p })
				err := b.app.Greet(t.Context())
				if (err != nil) != c.err || c.err && app.Classify(err).Class != c.class {
					t.Errorf("%v", err)
				}
				if len(b.seen) != 1 || !strings.HasPrefix(b.seen[0], "GET /scim/v2/Users?") || p.ID == "slack" && !strings.Contains(b.seen[0], "filter=") {
					t.Errorf("asked was %v", b.seen)
				}
			}
		})
	}
}
