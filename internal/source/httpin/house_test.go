// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
)

const token = "the-token-of-the-hr-system"

// house is a directory on a real store, whose one source is a list.
type house struct {
	*testing.T

	hr   *httpintest.Server
	list *httpin.List
	conf httpin.Config
	db   store.DB
	dir  *directory.Directory
	src  source.Source
}

func path(t testing.TB, text string) httpin.Path {
	t.Helper()
	p, err := httpin.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ptr[T any](v T) *T { return &v }

// listing is the configuration of a list at a fake.
func listing(t testing.TB, hr *httpintest.Server, kind httpintest.Paging) httpin.Config {
	t.Helper()
	c := httpin.Config{
		URL: hr.URL + "?secret=in-the-query", List: path(t, "data.people"), Key: path(t, "id"), Timeout: 5 * time.Second,
		Columns: []httpin.Column{
			{Name: "id", Path: path(t, "id")},
			{Name: "name", Path: path(t, "name.first")},
			{Name: "dept", Path: path(t, "dept")},
			{Name: "end", Path: path(t, "end"), Optional: true},
		},
		Auth:   httpauth.Auth{Kind: httpauth.Bearer, Secret: func() (string, error) { return token, nil }},
		HTTP:   dial.NewTransport(dial.Allow{Loopback: true, PlainHTTP: true}, time.Second, 2, nil),
		Limits: httpin.Limits{Pause: time.Millisecond, Wait: 2 * time.Second, PageBytes: 1 << 20},
	}
	c.Paging = httpin.Paging{Kind: httpin.PagingKind(kind), SizeParam: "size", Size: 3}
	switch kind {
	case httpintest.None:
		c.Paging = httpin.Paging{}
	case httpintest.Page:
		c.Paging.Param, c.Paging.First = "page", 1
	case httpintest.Offset:
		c.Paging.Param = "offset"
	case httpintest.Cursor:
		c.Paging.Param, c.Paging.Next = "cursor", path(t, "meta.next")
	case httpintest.Next:
		c.Paging.Next = path(t, "meta.next")
	}
	return c
}

// setup makes a house of a list; change may alter what it is made of.
func setup(t *testing.T, kind httpintest.Paging, change func(*httpintest.Server, *httpin.Config)) *house {
	t.Helper()
	h := &house{T: t, hr: httpintest.New(t)}
	h.hr.Paging, h.hr.Token = kind, token
	h.conf = listing(t, h.hr, kind)
	if change != nil {
		change(h.hr, &h.conf)
	}
	t.Cleanup(h.conf.HTTP.(*http.Transport).CloseIdleConnections)
	var err error
	if h.list, err = httpin.New(h.conf); err != nil {
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
		Schemas: scim.CoreSchemas(), Sources: []directory.SourceRules{{Name: "hr"}}, Paths: m.Paths(),
		Teams: directory.Rules{}, Actor: "test", Now: time.Now,
		Gate: provision.Gate{Limits: provision.DefaultLimits(), Released: func(string) bool { return false }, Actor: "test"},
	})
	h.src = source.Source{Name: "hr", File: h.list.Where(), Mapping: m, Digest: m.Digest(), Live: &source.Live{Reader: h.list}}
	return h
}

func mapped(tb testing.TB) *mapping.Mapping {
	tb.Helper()
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		tb.Fatal(err)
	}
	env, err := c.Row([]string{"id", "name", "dept", "end"})
	if err != nil {
		tb.Fatal(err)
	}
	var attrs []config.Attribute
	for _, a := range [][2]string{
		{"userName", `row.name + row.id`}, {"name.familyName", "row.name"}, {"enterprise.department", "row.dept"}, {"usher.endDate", `date(row.end, ["yyyy-MM-dd"])`},
	} {
		attrs = append(attrs, config.Attribute{Path: config.Text{Value: a[0]}, Value: config.Text{Value: a[1]}})
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// staff are n people, with ids from 1 on.
func staff(n int) []httpintest.Person {
	out := make([]httpintest.Person, n)
	for i := range out {
		out[i] = httpintest.Person{"id": i + 1, "name": map[string]string{"first": fmt.Sprintf("p%02d", i+1)}, "dept": "A", "end": "", "birthdate": "1990-01-01"}
	}
	return out
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// read reads everybody, as an apply does.
func (h *house) read() (source.Report, error) {
	h.Helper()
	s, err := source.Fetch(h.Context(), h.db.Source(), h.src)
	if err != nil {
		return source.Report{}, err
	}
	r, err := source.Ingest(h.Context(), h.db.Source(), h.dir, s)
	h.settle()
	return r, err
}

// readAll reads everybody, and holds that it is proven that these were all.
func (h *house) readAll() source.Report {
	h.Helper()
	r, err := h.read()
	h.must(err)
	if !r.Complete || len(r.Rejected) > 0 {
		h.Errorf("not proven complete: %s, %+v", r.Reason, r.Rejected)
	}
	return r
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

// listener hears into the store.
func (h *house) listener(lost func()) httpin.Listener {
	return httpin.Listener{Hear: func(ctx context.Context, w source.Word) error {
		_, err := source.Hear(ctx, h.db.Source(), h.src, w)
		return err
	}, Lost: lost}
}

// people are who there is, by name: those who are active, and what others are.
func (h *house) people() string {
	h.Helper()
	var lines []string
	h.must(h.db.Read(h.Context(), func(r store.Reader) error {
		all, err := r.List(h.Context(), "", "", 100_000)
		for _, l := range all {
			v, _ := l.Person.User.At(scim.MustPath("name.familyName"))
			name, _ := v.AsString()
			if l.Person.State != directory.Active {
				name += " " + string(l.Person.State)
			}
			lines = append(lines, name)
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

// names are p01 to pNN.
func names(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("p%02d", i+1)
	}
	return strings.Join(out, ", ")
}

// knowledge is that of nothing.
func knowledge() (k source.Knowledge) { return k }
