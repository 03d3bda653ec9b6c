// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0"
)

func TestParseUser(t *testing.T) {
	t.Parallel()
	const text = `{"user_id":"auth0|a","email":"a@acme.example","email_verified":true,"username":"al","phone_number":"+1","name":"A B",
		"given_name":"A","family_name":"B","nickname":"al","picture":"https://p.example/a","blocked":true,
		"identities":[{"connection":"db","provider":"auth0","user_id":"a","isSocial":false,"profileData":{}},{"connection":"github","provider":"github","user_id":12345678901234567890,"isSocial":true}],
		"app_metadata":{"department":"R&D","n":1},"user_metadata":{},"user_metadata.country":"FR","app_metadata.department":"old",
		"created_at":"2026-01-02T03:04:05.678Z","updated_at":"2026-02-03T04:05:06+01:00","logins_count":7}`
	got, err := auth0.ParseUser([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := auth0.User{
		ID: "auth0|a", Email: "a@acme.example", EmailVerified: true, Username: "al", PhoneNumber: "+1", Name: "A B", GivenName: "A",
		FamilyName: "B", Nickname: "al", Picture: "https://p.example/a", Blocked: true,
		Identities:  []auth0.Identity{{Connection: "db", Provider: "auth0", UserID: "a"}, {Connection: "github", Provider: "github", UserID: "12345678901234567890", Social: true}},
		AppMetadata: map[string]jsontext.Value{"department": jsontext.Value(`"R&D"`), "n": jsontext.Value("1")}, UserMetadata: map[string]jsontext.Value{"country": jsontext.Value(`"FR"`)},
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), UpdatedAt: got.UpdatedAt, Raw: jsontext.Value(text),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if at := time.Date(2026, 2, 3, 3, 5, 6, 0, time.UTC); !got.UpdatedAt.Equal(at) {
		t.Errorf("updated at %v", got.UpdatedAt)
	}
	if id := got.Identities[1].ID(); id != "github|12345678901234567890" {
		t.Error(id)
	}
}

// TestParseUserLenient holds which oddities cost nobody more than the odd value.
func TestParseUserLenient(t *testing.T) {
	t.Parallel()
	u, err := auth0.ParseUser([]byte(`{"user_id":"samlp|x","name":["A"],"nickname":5,"email":null,"email_verified":"true","created_at":{"$date":1},
		"app_metadata":null,"user_metadata":"x","identities":null,"blocked":null}`))
	if err != nil || u.Name+u.Nickname+u.Email != "" || u.EmailVerified || u.Blocked || !u.CreatedAt.IsZero() || u.AppMetadata != nil {
		t.Errorf("%+v, %v", u, err)
	}
	for _, text := range []string{
		``, `null`, `[]`, `"u"`, `{}`, `{"user_id":""}`, `{"user_id":5}`, `{"user_id":"u","blocked":"false"}`, `{"user_id":"u","blocked":0}`,
		`{"user_id":"u","identities":{}}`, `{"user_id":"u","identities":[1]}`, `{"user_id":"u","identities":[{"provider":"p"}]}`,
		`{"user_id":"u","identities":[{"provider":"p","user_id":1.5}]}`, `{"user_id":"u","identities":[{"provider":"p","user_id":-1}]}`,
		`{"user_id":"u","identities":[{"provider":"p","user_id":true}]}`, `{"user_id":"u","user_id":"v"}`, `{"user_id":"u"} {}`,
	} {
		if u, err := auth0.ParseUser([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, u)
		}
	}
}

// TestUserWrites holds what goes over the wire, byte for byte.
func TestUserWrites(t *testing.T) {
	t.Parallel()
	var line, body string
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		line, body = r.Method+" "+r.RequestURI, string(text)
		switch r.Method {
		case http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case http.MethodPost:
			switch r.URL.Path {
			case "/api/v2/tickets/password-change":
				answer(w, http.StatusCreated, `{"ticket":"https://acme.example/lo/reset?ticket=x"}`)
				return
			case "/dbconnections/change_password":
				if r.Header.Get("Authorization") != "" {
					t.Error("the token goes to the authentication API")
				}
				_, _ = io.WriteString(w, "We have sent a mail.")
				return
			}
			answer(w, http.StatusCreated, alice)
		default:
			answer(w, http.StatusOK, alice)
		}
	})
	c := s.client(t)
	p := func(s string) *string { return &s }
	yes, no := true, false
	full := auth0.UserChange{
		Connection: "db", UserID: "a", Password: "Pa55", Email: p("a@acme.example"), Username: p(""), PhoneNumber: p("+1"), Name: p("A B"),
		GivenName: p("A"), FamilyName: p("B"), Nickname: p("al"), Picture: p("https://p.example/a"), EmailVerified: &yes, VerifyEmail: &no, Blocked: &no,
		AppMetadata: map[string]jsontext.Value{"b": jsontext.Value(`"2"`), "a": jsontext.Value(`1`)}, UserMetadata: map[string]jsontext.Value{"x": jsontext.Value("null")},
	}
	for _, tc := range []struct {
		name string
		do   func() error
		line string
		body string
	}{
		{
			"create", func() error { _, err := c.CreateUser(t.Context(), full); return err }, "POST /api/v2/users",
			`{"app_metadata":{"a":1,"b":"2"},"blocked":false,"connection":"db","email":"a@acme.example","email_verified":true,"family_name":"B","given_name":"A","name":"A B","nickname":"al","password":"Pa55","phone_number":"+1","picture":"https://p.example/a","user_id":"a","user_metadata":{"x":null},"verify_email":false}`,
		},
		{"update", func() error {
			_, err := c.UpdateUser(t.Context(), "auth0|a", auth0.UserChange{GivenName: p(""), Name: p("C"), Blocked: &yes})
			return err
		}, "PATCH /api/v2/users/auth0%7Ca", `{"blocked":true,"given_name":null,"name":"C"}`},
		{"update nothing", func() error { _, err := c.UpdateUser(t.Context(), "auth0|a", auth0.UserChange{}); return err }, "PATCH /api/v2/users/auth0%7Ca", `{}`},
		{"delete", func() error { return c.DeleteUser(t.Context(), "auth0|a") }, "DELETE /api/v2/users/auth0%7Ca", ""},
		{"sessions", func() error { return c.EndSessions(t.Context(), "auth0|a") }, "DELETE /api/v2/users/auth0%7Ca/sessions", ""},
		{"refresh tokens", func() error { return c.RevokeRefreshTokens(t.Context(), "auth0|a") }, "DELETE /api/v2/users/auth0%7Ca/refresh-tokens", ""},
		{"ticket", func() error {
			ticket, err := c.PasswordTicket(t.Context(), "auth0|a", "https://usher.example/", time.Hour)
			if ticket == "" {
				t.Error("no ticket")
			}
			return err
		}, "POST /api/v2/tickets/password-change", `{"result_url":"https://usher.example/","ttl_sec":3600,"user_id":"auth0|a"}`},
		{
			"mail", func() error { return c.PasswordEmail(t.Context(), "a@acme.example", "db") }, "POST /dbconnections/change_password",
			`{"client_id":"client-1","connection":"db","email":"a@acme.example"}`,
		},
	} {
		if err := tc.do(); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if line != tc.line || body != tc.body {
			t.Errorf("%s:\n got %s %s\nwant %s %s", tc.name, line, body, tc.line, tc.body)
		}
	}
	n := c.Requests()
	if _, err := c.CreateUser(t.Context(), auth0.UserChange{Email: p("a@acme.example")}); !failure(t, err).Unsent {
		t.Errorf("%v", err)
	}
	if _, err := c.UpdateUser(t.Context(), "auth0|a", auth0.UserChange{Password: "x"}); !failure(t, err).Unsent {
		t.Errorf("%v", err)
	}
	if c.Requests() != n {
		t.Error("what cannot be was sent")
	}
}

// TestPasswordEchoed holds that an initial password is in no error.
func TestPasswordEchoed(t *testing.T) {
	t.Parallel()
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		message, _ := json.Marshal("PasswordStrengthError: " + string(text))
		answer(w, http.StatusBadRequest, `{"errorCode":"invalid_password","message":`+string(message)+`}`)
	})
	_, err := s.client(t).CreateUser(t.Context(), auth0.UserChange{Connection: "db", Password: "Tr0ub4dor"})
	if e := failure(t, err); strings.Contains(e.Error(), "Tr0ub4dor") || e.Code != "invalid_password" {
		t.Errorf("%v", e)
	}
}

// people is a search that goes by pages, of which change may spoil one.
type people struct {
	total  int
	change func(page int, ids []string, total int) ([]string, int)
	last   url.Values
}

func (p *people) serve(w http.ResponseWriter, r *http.Request) {
	p.last = r.URL.Query()
	page, _ := strconv.Atoi(p.last.Get("page"))
	per, _ := strconv.Atoi(p.last.Get("per_page"))
	var ids []string
	for n := page * per; n < min(p.total, (page+1)*per); n++ {
		ids = append(ids, fmt.Sprintf("auth0|%04d", n))
	}
	total := p.total
	if p.change != nil {
		ids, total = p.change(page, ids, total)
	}
	var users []string
	for _, id := range ids {
		users = append(users, fmt.Sprintf(`{"user_id":%q}`, id))
	}
	answer(w, http.StatusOK, fmt.Sprintf(`{"start":%d,"limit":%d,"length":%d,"total":%d,"users":[%s]}`, page*per, per, len(ids), total, strings.Join(users, ",")))
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for total, pages := range map[int]int{0: 1, 1: 1, 50: 1, 51: 2, 100: 2, 1000: 20} {
		p := &people{total: total}
		s := newTenant(t, p.serve)
		users, err := all(s.client(t).Search(t.Context(), `updated_at:[2026-01-01 TO *]`, `a"b\c`))
		if err != nil || len(users) != total || len(s.requests()) != pages {
			t.Errorf("%d users: %v, %d found in %d requests", total, err, len(users), len(s.requests()))
		}
		for name, want := range map[string]string{
			"q": `(updated_at:[2026-01-01 TO *]) AND identities.connection:"a\"b\\c"`, "search_engine": "v3", "sort": "user_id:1", "per_page": "50", "include_totals": "true",
		} {
			if got := p.last.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	p := &people{total: 1001}
	s := newTenant(t, p.serve)
	c := s.client(t)
	if users, err := all(c.Search(t.Context(), "", "")); !errors.Is(err, auth0.ErrTooMany) || len(users) != 0 || p.last.Has("q") {
		t.Errorf("%d users, %v, %v", len(users), err, p.last)
	}
	if n, err := c.CountUsers(t.Context(), "", "db"); err != nil || n != 1001 || p.last.Get("q") != `identities.connection:"db"` {
		t.Errorf("%d, %v, %v", n, err, p.last)
	}
	p.total = 120
	for u, err := range c.Search(t.Context(), "", "") {
		if u.ID != "auth0|0000" || err != nil {
			t.Errorf("%v, %v", u, err)
		}
		break
	}
}

// TestSearchIncomplete holds that pages which do not fit together are no list.
func TestSearchIncomplete(t *testing.T) {
	t.Parallel()
	on := func(page int, f func([]string, int) ([]string, int)) func(int, []string, int) ([]string, int) {
		return func(p int, ids []string, total int) ([]string, int) {
			if p == page {
				return f(ids, total)
			}
			return ids, total
		}
	}
	for name, change := range map[string]func(int, []string, int) ([]string, int){
		"shorter": on(1, func(ids []string, total int) ([]string, int) { return ids, total - 1 }),
		"longer":  on(2, func(ids []string, total int) ([]string, int) { return ids, total + 1 }),
		"twice": on(1, func(ids []string, total int) ([]string, int) {
			return append([]string{"auth0|0000"}, ids[1:]...), total
		}),
		"empty":     on(1, func(_ []string, total int) ([]string, int) { return nil, total }),
		"short":     on(1, func(ids []string, total int) ([]string, int) { return ids[1:], total }),
		"too long":  on(2, func(ids []string, total int) ([]string, int) { return append(ids, "auth0|more"), total }),
		"no total":  on(0, func(ids []string, _ int) ([]string, int) { return ids, -1 }),
		"nobody is": on(0, func(_ []string, total int) ([]string, int) { return nil, total }),
	} {
		p := &people{total: 120, change: change}
		s := newTenant(t, p.serve)
		users, err := all(s.client(t).Search(t.Context(), "", ""))
		if e := failure(t, err); !errors.Is(e, auth0.ErrIncomplete) || len(users) > 120 {
			t.Errorf("%s: %d users, %v", name, len(users), e)
		}
	}
}

func TestUsersByEmail(t *testing.T) {
	t.Parallel()
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("email") {
		case "a+b@acme.example":
			answer(w, http.StatusOK, `[`+alice+`]`)
		case "bad@acme.example":
			answer(w, http.StatusOK, `[{"email":"x"}]`)
		default:
			answer(w, http.StatusOK, `[]`)
		}
	})
	c := s.client(t)
	if users, err := c.UsersByEmail(t.Context(), "a+b@acme.example"); err != nil || len(users) != 1 || users[0].ID != "auth0|a" {
		t.Errorf("%v, %v", users, err)
	}
	if users, err := c.UsersByEmail(t.Context(), "nobody@acme.example"); err != nil || len(users) != 0 {
		t.Errorf("%v, %v", users, err)
	}
	if _, err := c.UsersByEmail(t.Context(), "bad@acme.example"); failure(t, err).Status != http.StatusOK {
		t.Errorf("%v", err)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/sessions") {
			answer(w, http.StatusOK, `{"sessions":[{"id":"1"},{"id":"2"}],"next":"x"}`)
			return
		}
		answer(w, http.StatusOK, `{"tokens":[{"id":"1"}]}`)
	})
	c := s.client(t)
	if n, err := c.Sessions(t.Context(), "auth0|a"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := c.RefreshTokens(t.Context(), "auth0|a"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
