// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	terminal := &app.Error{Class: app.Terminal, Status: 400}
	for _, tt := range []struct {
		name string
		err  error
		want app.Class
	}{
		{"own", terminal, app.Terminal},
		{"wrapped", fmt.Errorf("person 7: %w", terminal), app.Terminal},
		{"joined", errors.Join(errors.New("x"), terminal), app.Terminal},
		{"unknown", errors.New("x"), app.Ambiguous},
		{"cancelled", context.Canceled, app.Ambiguous},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), app.Ambiguous},
		{"zero", &app.Error{}, app.Ambiguous},
		{"typed nil", (*app.Error)(nil), app.Ambiguous},
	} {
		e := app.Classify(tt.err)
		if e == nil || e.Class != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, e, tt.want)
		}
	}
	if e := app.Classify(nil); e != nil {
		t.Errorf("nil: %v", e)
	}
	if e := app.Classify(context.Canceled); !errors.Is(e, context.Canceled) {
		t.Error("the cause is lost")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	e := &app.Error{Class: app.Conflict, Status: 409, ScimType: "uniqueness", Detail: "taken", Err: errors.New("cause")}
	if got, want := e.Error(), "app: conflict: status 409 uniqueness: taken: cause"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDoubt(t *testing.T) {
	t.Parallel()
	r := scim.NewResource(scim.UserURN)
	if why := app.Doubt(r); why != "" {
		t.Errorf("%q", why)
	}
	app.SetDoubt(r, "nobody has seen it")
	if why := app.Doubt(r.Clone()); why != "nobody has seen it" {
		t.Errorf("%q", why)
	}
	for _, sent := range []string{"", "a\nb", strings.Repeat("x", 1000)} {
		app.SetDoubt(r, sent)
		if why := app.Doubt(r); why != "the app has its doubts" {
			t.Errorf("%q", why)
		}
	}
}

func TestClassNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for c := app.Ambiguous; c <= app.Unreachable; c++ {
		if s := c.String(); seen[s] || strings.HasPrefix(s, "class(") {
			t.Errorf("class %d is %q", c, s)
		} else {
			seen[s] = true
		}
	}
	if s := app.Class(200).String(); s != "class(200)" {
		t.Error(s)
	}
}

func TestGenericProfile(t *testing.T) {
	t.Parallel()
	p, err := app.ProfileByID("generic-scim2")
	if err != nil {
		t.Fatal(err)
	}
	if p.Kind != "scim2" || p.MaxMembersPerRequest != 100 || p.PageSize != 100 || p.Pagination != "index" ||
		p.Patch.Style != app.PatchStylePaths || !p.ListTrusted || !p.MembersReadable || !p.Verified || !p.Reversible ||
		p.Settle != 0 || p.Concurrency != 16 || p.RequestsPerSecond != 0 || !p.Users.Patch || !p.Groups.Delete ||
		!slices.Equal(p.RequiredAttributes, []string{"userName"}) || len(p.Filters) != 2 {
		t.Errorf("%+v", p)
	}
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil || p.Source == "" {
		t.Errorf("source %q of %q", p.Source, p.Date)
	}
	if p.Endpoint(app.KindUser) != "/Users" || p.Endpoint(app.KindGroup) != "/Groups" || p.Endpoint("Thing") != "" {
		t.Error("endpoints")
	}
	if app.KindUser.Schema() != scim.UserURN || app.KindGroup.Schema() != scim.GroupURN || app.Kind("Thing").Schema() != "" {
		t.Error("schemas")
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	profiles, err := app.Profiles()
	if err != nil || len(profiles) == 0 {
		t.Fatalf("%v, %v", profiles, err)
	}
	for _, p := range profiles {
		q, err := app.ProfileByID(p.ID)
		if err != nil || q.Name != p.Name {
			t.Errorf("%s: %v", p.ID, err)
		}
	}
	for _, id := range []string{"", "none", "../profiles/generic-scim2", "generic-scim2.json", ".", "a\\b"} {
		if _, err := app.ProfileByID(id); !errors.Is(err, app.ErrNoProfile) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestParseProfileRefuses(t *testing.T) {
	t.Parallel()
	const good = `"id":"x","name":"X","kind":"scim2"`
	if _, err := app.ParseProfile([]byte(`{` + good + `}`)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no id":          `{"name":"X","kind":"scim2"}`,
		"kind":           `{"id":"x","name":"X","kind":"soap"}`,
		"SCIM's schema":  `{` + good + `,"extensions":[{"id":"` + scim.EnterpriseUserURN + `","attributes":[]}]}`,
		"no schema":      `{` + good + `,"extensions":[{"attributes":[]}]}`,
		"unknown":        `{` + good + `,"max_pages":5}`,
		"unknown inside": `{` + good + `,"patch":{"max_member":5}}`,
		"other case":     `{` + good + `,"Max_Page":5}`,
		"twice":          `{` + good + `,"max_page":5,"max_page":6}`,
		"type":           `{` + good + `,"max_page":"5"}`,
		"negative":       `{` + good + `,"patch":{"max_members":-1}}`,
		"settle":         `{` + good + `,"settle_seconds":-1}`,
		"rate":           `{` + good + `,"rate_limit":{"requests_per_second":-1}}`,
		"date":           `{` + good + `,"date":"yesterday"}`,
		"trailing":       `{` + good + `}{}`,
	} {
		if p, err := app.ParseProfile([]byte(text)); err == nil {
			t.Errorf("%s is accepted: %+v", name, p)
		}
	}
}

func TestProfileLimits(t *testing.T) {
	t.Parallel()
	p, err := app.ParseProfile([]byte(`{"id":"x","name":"X","kind":"scim2","max_page":20,"default_page":50,"settle_seconds":1.5,
		"patch":{"max_members":100,"max_ops_per_request":2},"groups":{"members_returned_on_get":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	// A removal is one operation, so the bound on operations bounds removals; those
	// who are added share one.
	if p.PageSize != 20 || p.MembersAtOnce(true) != 100 || p.MembersAtOnce(false) != 2 || p.Settle != 1500*time.Millisecond || p.MembersReadable {
		t.Errorf("%+v", p)
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(`{"id":"x","name":"X","kind":"scim2"}`))
	f.Add([]byte(`{"id":"x","name":"X","kind":"rest","patch":{"pathless":"words"},"rate_limit":{"status":[429,503]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := app.ParseProfile(data)
		if err == nil && (p.ID == "" || p.PageSize <= 0 || p.MaxMembersPerRequest <= 0 || p.Settle < 0 || p.Concurrency <= 0) {
			t.Errorf("%+v", p)
		}
	})
}
