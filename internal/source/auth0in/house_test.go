// SPDX-License-Identifier: Apache-2.0

package auth0in_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/auth0in"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
)

// house is a directory on a real store whose one source is a fake tenant.
type house struct {
	*testing.T
	tenant *auth0test.Tenant
	reader *auth0in.Tenant
	db     store.DB
	dir    *directory.Directory
	src    source.Source
}

var columns = []string{"email", "family_name", "app_metadata.unit"}

func mapped(tb testing.TB) *mapping.Mapping {
	tb.Helper()
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		tb.Fatal(err)
	}
	env, err := c.Row(columns)
	if err != nil {
		tb.Fatal(err)
	}
	var attrs []config.Attribute
	for _, a := range [][2]string{{"userName", "row.email"}, {"name.familyName", "row.family_name"}, {"enterprise.department", `row["app_metadata.unit"]`}} {
		attrs = append(attrs, config.Attribute{Path: config.Text{Value: a[0]}, Value: config.Text{Value: a[1]}})
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// setup makes a house of a tenant; change may alter what either is made of.
func setup(t *testing.T, change func(*auth0test.Config, *auth0in.Config)) *house {
	t.Helper()
	fake, in := auth0test.Config{ClientID: "usher", Secret: "s3cret"}, auth0in.Config{Source: "auth0", Host: "acme.example", Columns: columns, Teams: []auth0in.Teams{auth0in.Roles}}
	if change != nil {
		change(&fake, &in)
	}
	h := &house{T: t}
	var err error
	if h.tenant, err = auth0test.New(fake); err != nil {
		t.Fatal(err)
	}
	if in.Client, err = auth0.New(auth0.Config{URL: "https://acme.example", ClientID: "usher", Secret: "s3cret", HTTP: h.tenant.Transport()}); err != nil {
		t.Fatal(err)
	}
	if h.reader, err = auth0in.New(in); err != nil {
		t.Fatal(err)
	}
	if h.db, err = store.Open(t.Context(), storetest.New(t), "test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	m := mapped(t)
	h.dir = directory.New(directory.Config{
		Schemas: scim.CoreSchemas(), Sources: []directory.SourceRules{{Name: "auth0", Links: true, Teams: true}}, Paths: append(m.Paths(), scimin.EndDate),
		Teams: directory.Rules{}, Actor: "test", Now: time.Now,
		Gate: provision.Gate{Limits: provision.DefaultLimits(), Released: func(string) bool { return false }, Actor: "test"},
	})
	h.src = source.Source{Name: "auth0", File: "acme.example", Mapping: m, Digest: m.Digest(), Live: &source.Live{Reader: h.reader}}
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// put adds a user to the tenant.
func (h *house) put(name string, more ...func(*auth0test.User)) string {
	h.Helper()
	u := auth0test.User{Email: name + "@acme.example", FamilyName: name}
	for _, m := range more {
		m(&u)
	}
	id, err := h.tenant.Put(u)
	h.must(err)
	return id
}

// readAll reads everybody, as an apply does.
func (h *house) readAll() source.Report {
	h.Helper()
	r, err := h.tryAll()
	h.must(err)
	return r
}

func (h *house) tryAll() (source.Report, error) {
	s, err := source.Fetch(h.Context(), h.db.Source(), h.src)
	if err != nil {
		return source.Report{}, err
	}
	r, err := source.Ingest(h.Context(), h.db.Source(), h.dir, s)
	h.settle()
	return r, err
}

func (h *house) settle() {
	h.Helper()
	h.must(h.db.Directory().Update(h.Context(), func(tx directory.Tx) error {
		_, err := h.dir.Settle(h.Context(), tx)
		return err
	}))
}

// reread reads what is marked until nothing is due.
func (h *house) reread() {
	h.Helper()
	for range 100 {
		re, _, err := source.Look(h.Context(), h.db.Source(), h.src)
		h.must(err)
		if re == nil {
			return
		}
		_, err = re.Take(h.Context(), h.dir)
		h.must(err)
		h.settle()
	}
	h.Fatal("there is always more to read")
}

// hear takes what an event of the tenant tells, as a webhook would.
func (h *house) hear(e auth0test.Event) bool {
	h.Helper()
	object := string(e.Object)
	parsed, err := auth0.ParseEvent([]byte(envelope(e.ID, e.Type, object, "")))
	h.must(err)
	marked, err := source.Hear(h.Context(), h.db.Source(), h.src, h.reader.Word(parsed))
	h.must(err)
	return marked
}

// people are who there is: the name that was first theirs, their state, and what they
// are now.
func (h *house) people() string {
	h.Helper()
	var lines []string
	h.must(h.db.Read(h.Context(), func(r store.Reader) error {
		all, err := r.List(h.Context(), "", "", 100_000)
		for _, l := range all {
			words := []string{"", string(l.Person.State), ""}
			for i, p := range map[int]scim.Path{0: scim.MustPath("name.familyName"), 2: {URN: scim.EnterpriseUserURN, Attr: "department"}} {
				v, _ := l.Person.User.At(p)
				words[i], _ = v.AsString()
			}
			lines = append(lines, strings.TrimRight(strings.Join(words, " "), " "))
		}
		return err
	}))
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// stand asserts who there is.
func (h *house) stand(want string) {
	h.Helper()
	if got := h.people(); got != want {
		h.Errorf("there is %s; want %s", got, want)
	}
}

// totals counts people by state.
func (h *house) totals() (out directory.Totals) {
	h.Helper()
	h.must(h.db.Read(h.Context(), func(r store.Reader) (err error) {
		out, err = r.PeopleTotals(h.Context())
		return err
	}))
	return out
}

// follow runs the stream until the returned function is called.
func (h *house) follow(lost func()) (stop func()) {
	h.Helper()
	kept, err := source.Progress(h.Context(), h.db.Source(), "auth0")
	h.must(err)
	ctx, cancel := context.WithCancel(h.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.reader.Follow(ctx, kept, auth0in.Listener{
			Hear: func(ctx context.Context, w source.Word) error {
				_, err := source.Hear(ctx, h.db.Source(), h.src, w)
				return err
			},
			Lost: lost,
		})
	}()
	return func() { cancel(); <-done }
}

// until waits until something holds.
func (h *house) until(what string, holds func() bool) {
	h.Helper()
	for range 2_000 {
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.Fatalf("it never came to be: %s", what)
}
