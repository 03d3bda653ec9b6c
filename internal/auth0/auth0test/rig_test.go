// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is a tenant with a client that asks it.
type rig struct {
	testing.TB
	*auth0test.Tenant
	clock *clock
	token string
}

const (
	host   = "http://acme.example"
	secret = "a secret of this test"
)

func newRig(t testing.TB, change ...func(*auth0test.Config)) *rig {
	t.Helper()
	r := &rig{TB: t, clock: newClock()}
	cfg := auth0test.Config{ClientID: "usher", Secret: secret, Now: r.clock.Now}
	for _, f := range change {
		f(&cfg)
	}
	tenant, err := auth0test.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Tenant = tenant
	r.token = r.signIn("usher", secret)
	return r
}

// signIn gets a token by a secret; "" if there is none.
func (r *rig) signIn(id, secret string) string {
	r.Helper()
	body := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q,"audience":"%s/api/v2/"}`, id, secret, host)
	var out struct {
		Token string `json:"access_token"`
	}
	res := r.send(http.MethodPost, "/oauth/token", body, nil)
	if res.Code == http.StatusOK {
		unmarshal(r, res.Body.String(), &out)
	}
	return out.Token
}

func (r *rig) send(method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	r.Helper()
	req := httptest.NewRequestWithContext(r.Context(), method, host+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	for name, v := range header {
		req.Header.Set(name, v)
	}
	res := httptest.NewRecorder()
	r.ServeHTTP(res, req)
	return res
}

// api asks the Management API, and wants a status.
func (r *rig) api(want int, method, path, body string) string {
	r.Helper()
	res := r.send(method, "/api/v2"+path, body, map[string]string{"Authorization": "Bearer " + r.token})
	if res.Code != want {
		r.Fatalf("%s %s answered %d %s, want %d", method, path, res.Code, res.Body, want)
	}
	return res.Body.String()
}

// refused asks the Management API, and wants a refusal of a status and errorCode.
func (r *rig) refused(status int, code, method, path, body string) string {
	r.Helper()
	var out struct {
		StatusCode             int    `json:"statusCode"`
		Error, Message         string `json:",omitzero"`
		ErrorCode              string `json:"errorCode"`
		ErrorText, MessageText string `json:"-"`
	}
	text := r.api(status, method, path, body)
	unmarshal(r, strings.NewReplacer(`"error":`, `"Error":`, `"message":`, `"Message":`).Replace(text), &out)
	if out.StatusCode != status || out.ErrorCode != code || out.Message == "" || out.Error != http.StatusText(status) {
		r.Errorf("%s %s was refused by %s, want errorCode %q", method, path, text, code)
	}
	return out.Message
}

func unmarshal(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// doc is a JSON object.
type doc = map[string]any

func object(t testing.TB, text string) doc {
	t.Helper()
	var out doc
	unmarshal(t, text, &out)
	return out
}

func list(t testing.TB, text string) []doc {
	t.Helper()
	var out []doc
	unmarshal(t, text, &out)
	return out
}

const database = "Username-Password-Authentication"

// newUser makes a user by the API, and returns its id.
func (r *rig) newUser(email string) string {
	r.Helper()
	body := fmt.Sprintf(`{"connection":%q,"email":%q,"password":"correct horse","verify_email":false}`, database, email)
	return object(r, r.api(http.StatusCreated, http.MethodPost, "/users", body))["user_id"].(string)
}

// told are the types of the events that came about, with who they are about.
func (r *rig) told() []string {
	var out []string
	for _, e := range r.Events() {
		out = append(out, e.Type+" "+e.Subject)
	}
	return out
}

// effects are the operations in the ledger.
func (r *rig) effects() []string {
	var out []string
	for _, e := range r.Ledger() {
		out = append(out, e.Op+" "+e.Kind)
	}
	return out
}
