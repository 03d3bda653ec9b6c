// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/scim"
)

// pushing is a company whose people two identity providers push.
const pushing = `store: DIR/usher.db
sources:
  idp: {type: scim, strictness: lenient, rate_limit: 0}
  slow: {type: scim, rate_limit: 25}
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
    groups: {teams: [idp]}
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: '127.0.0.1:0'}
`

// provider speaks for one identity provider.
type provider struct {
	testing.TB
	base, secret string
}

func (s *served) provider(t testing.TB, source string, life time.Duration) provider {
	t.Helper()
	secret, k := token.New(source, "test", time.Now(), life)
	if err := s.usher.PutToken(s.ctx, k, "test"); err != nil {
		t.Fatal(err)
	}
	return provider{t, s.url + "/scim/v2", secret}
}

func (p provider) do(method, path, body string) (int, http.Header, string) {
	p.Helper()
	return p.send(method, path, "application/scim+json", body)
}

func (p provider) send(method, path, kind, body string) (int, http.Header, string) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Authorization", "Bearer "+p.secret)
	req.Header.Set("Content-Type", kind)
	if len(body) > 1<<19 { // an answer may come before all of it is sent
		req.Header.Set("Expect", "100-continue")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// make creates a resource and returns its id.
func (p provider) make(path, body string) string {
	p.Helper()
	status, _, text := p.do("POST", path, body)
	r, err := scim.ParseResource([]byte(text), scim.Limits{})
	if status != 201 || err != nil {
		p.Fatalf("%d %s", status, text)
	}
	return r.ID()
}

// What a provider pushes reaches the apps: people, their groups, and that they have
// left; a departure of many is held as that of any source.
func TestPushedReachesApps(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.conf = pushing
	s.serve(t)
	p := s.provider(t, "idp", 0)
	var ids, names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("u%02d", i))
		ids = append(ids, p.make("/Users", `{"userName":"`+names[i]+`@acme.example","displayName":"U"}`))
	}
	s.alive(t, names...)
	p.make("/Groups", `{"displayName":"Ops","members":[{"value":"`+ids[0]+`"},{"value":"`+ids[1]+`"}]}`)
	until(t, "the group is there, with its members", func() bool {
		s.app.mu.Lock()
		defer s.app.mu.Unlock()
		return slices.Equal(s.app.in("Ops"), names[:2])
	})
	off := func(id string) {
		t.Helper()
		if status, _, text := p.do("PATCH", "/Users/"+id, `{"schemas":["`+scim.PatchOpURN+`"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	off(ids[0])
	s.alive(t, names[1:]...)
	for _, id := range ids[1:21] { // twenty at once, more than pass
		off(id)
	}
	until(t, "the departures are held", func() bool {
		st, err := s.usher.Status(s.ctx)
		return err == nil && len(st.Holds) == 1 && st.Holds[0].Count == 20
	})
	if got := s.live(); !slices.Equal(got, names[1:]) {
		t.Errorf("%v have accounts", got)
	}
	st, err := s.usher.Status(s.ctx)
	if err != nil || len(st.Sources) != 2 || !st.Sources[0].Pushed || st.Sources[0].Rows != 30 {
		t.Errorf("%+v %v", st.Sources, err)
	}
	if !strings.Contains(s.log.String(), "switch=stringBooleans") {
		t.Error("no word of the switch that saved a request")
	}
	if strings.Contains(s.log.String(), p.secret) {
		t.Error("the token is in the log")
	}
}

// Who presents no token that holds is told nothing, in the form of the protocol.
func TestPushedTokens(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.conf = pushing
	s.serve(t)
	good, other := s.provider(t, "idp", time.Hour), s.provider(t, "slow", 0)
	id := good.make("/Users", `{"userName":"ann"}`)
	short := s.provider(t, "idp", time.Millisecond)
	time.Sleep(2 * time.Millisecond)
	for what, p := range map[string]provider{
		"none":                   {t, good.base, ""},
		"a guess":                {t, good.base, "usher_scim_guess"},
		"cut off":                {t, good.base, good.secret[:len(good.secret)-1]},
		"expired":                short,
		"of the wrong length":    {t, good.base, good.secret + strings.Repeat("x", 200)},
		"with another beginning": {t, good.base, strings.TrimPrefix(good.secret, "usher_")},
	} {
		for _, path := range []string{"/Users/" + id, "/Users", "/ServiceProviderConfig", "/nowhere"} {
			status, header, text := p.do("GET", path, "")
			if status != 401 || header.Get("WWW-Authenticate") == "" || header.Get("Content-Type") != "application/scim+json" || !strings.Contains(text, `"status":"401"`) {
				t.Errorf("%s, %s: %d %v %s", what, path, status, header, text)
			}
		}
	}
	bare, err := http.Get(good.base + "/ServiceProviderConfig") // without any Authorization
	if err != nil {
		t.Fatal(err)
	}
	_ = bare.Body.Close()
	if bare.StatusCode != 401 {
		t.Errorf("%d without a credential", bare.StatusCode)
	}
	if status, _, _ := other.do("GET", "/Users/"+id, ""); status != 404 {
		t.Errorf("another provider sees %d", status)
	}
	all, err := s.usher.Tokens(s.ctx)
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	used := 0
	for _, k := range all {
		if k.Used != nil {
			used++
		}
		if k.ID == "" || k.Owner != "test" {
			t.Errorf("%+v", k)
		}
	}
	if used != 2 {
		t.Errorf("%d tokens are noted as used", used)
	}
	k, err := s.usher.FindToken(s.ctx, all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	k.Revoked = time.Now()
	if err := s.usher.PutToken(s.ctx, k, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.usher.FindToken(s.ctx, "nobody"); err == nil {
		t.Error("a token that nobody made")
	}
}

// What is experimental is there for the source that asks for it, and for no other.
func TestExperimentalTypes(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.conf = strings.Replace(pushing, "rate_limit: 25}", "rate_limit: 25, experimental: [agents, roles]}", 1)
	s.serve(t)
	off, on := s.provider(t, "idp", 0), s.provider(t, "slow", 0)
	for _, path := range []string{"/Agents", "/Roles", "/Entitlements", "/ResourceTypes/Agent", "/Schemas/" + scim.AgentURN} {
		wanted := 200
		if path == "/Entitlements" {
			wanted = 404
		}
		if status, _, text := on.do("GET", path, ""); status != wanted {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if status, _, text := off.do("GET", path, ""); status != 404 {
			t.Errorf("%s without: %d %s", path, status, text)
		}
	}
	for _, path := range []string{"/ResourceTypes", "/Schemas", "/ServiceProviderConfig"} {
		_, _, with := on.do("GET", path, "")
		_, _, without := off.do("GET", path, "")
		if word := regexp.MustCompile(`2\.0:(Agent|Role)"|RolesAndEntitlements`); !word.MatchString(with) || word.MatchString(without) {
			t.Errorf("%s tells of it %t, and %t to whoever has not asked for it", path, word.MatchString(with), word.MatchString(without))
		}
	}
	id := on.make("/Agents", `{"schemas":["`+scim.AgentURN+`"],"agentUserName":"bot"}`)
	on.make("/Users", `{"schemas":["`+scim.UserURN+`"],"userName":"ann","roles":[{"value":"admin"}]}`)
	if status, _, _ := off.do("GET", "/Agents/"+id, ""); status != 404 {
		t.Errorf("another provider sees %d", status)
	}
	if _, _, text := on.do("GET", "/Roles", ""); !strings.Contains(text, `"value":"admin"`) || !strings.Contains(text, `"totalResults":1`) {
		t.Errorf("%s", text)
	}
	if status, _, text := on.do("POST", "/Roles", `{"schemas":["`+scim.RoleURN+`"],"value":"x"}`); status != 405 {
		t.Errorf("%d %s", status, text)
	}
	s.alive(t, "ann") // the agent is nobody
}

// The configuration knows the experiments that there are, and no others.
func TestExperimentsAreKnown(t *testing.T) {
	t.Parallel()
	var names []string
	for _, x := range scim.Experiments() {
		names = append(names, x.Name)
	}
	known := []string{config.ExperimentalAgents, config.ExperimentalRoles, config.ExperimentalEntitlements}
	if !slices.Equal(names, known) {
		t.Errorf("there are %v, the configuration knows %v", names, known)
	}
}

// A provider that asks too often is told when to come back; others do not notice.
func TestPushedRate(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.conf = pushing
	s.serve(t)
	slow, free := s.provider(t, "slow", 0), s.provider(t, "idp", 0)
	refused := 0
	for range 90 { // twice the rate may come at once
		status, header, text := slow.do("GET", "/Users?count=0", "")
		switch {
		case status == 429:
			refused++
			if header.Get("Retry-After") != "1" || !strings.Contains(text, `"status":"429"`) {
				t.Fatalf("%v %s", header, text)
			}
		case status != 200:
			t.Fatalf("%d %s", status, text)
		}
	}
	if refused == 0 || refused > 40 {
		t.Errorf("%d of 90 refused", refused)
	}
	for range 60 {
		if status, _, text := free.do("GET", "/Users?count=0", ""); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
}

// A bulk request counts as many requests as it has operations, so that it is no way
// around the rate; what can never be let in is not advertised.
func TestPushedRateOfBulk(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.conf = pushing
	s.serve(t)
	slow := s.provider(t, "slow", 0)
	job := func(from, n int) string {
		ops := make([]string, n)
		for i := range ops {
			ops[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":{"schemas":[%q],"userName":"b%d@acme.example"}}`, i, scim.UserURN, from+i)
		}
		return `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
	}
	count := func() string {
		t.Helper()
		status, _, text := slow.do("GET", "/Users?count=0", "")
		if status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		return text
	}
	if _, _, text := slow.do("GET", "/ServiceProviderConfig", ""); !strings.Contains(text, `"bulk":{"supported":true,"maxOperations":50,`) {
		t.Errorf("%s", text)
	}
	if status, _, text := slow.do("POST", "/Bulk", job(0, 51)); status != 413 {
		t.Errorf("%d %s", status, text)
	}
	time.Sleep(200 * time.Millisecond) // at 25 a second, what was asked so far is forgotten
	// Two at once: however long one takes, the other has come while it had taken all.
	type answered struct {
		status int
		header http.Header
		text   string
	}
	both := make(chan answered, 2)
	for _, from := range []int{0, 100} {
		go func() {
			status, header, text := slow.do("POST", "/Bulk", job(from, 45))
			both <- answered{status, header, text}
		}()
	}
	one, other := <-both, <-both
	if one.status == 200 {
		one, other = other, one
	}
	if one.status != 429 || one.header.Get("Retry-After") == "" || !strings.Contains(one.text, `"status":"429"`) {
		t.Fatalf("%d %v %s", one.status, one.header, one.text)
	}
	if other.status != 200 || strings.Count(other.text, `"status":"201"`) != 45 {
		t.Fatalf("%d %s", other.status, other.text)
	}
	time.Sleep(2 * time.Second) // twice the rate may come at once
	if got := count(); !strings.Contains(got, `"totalResults":45`) {
		t.Errorf("something was done before it was refused: %s", got)
	}
	if status, _, text := slow.do("POST", "/Bulk", job(200, 40)); status != 200 || strings.Count(text, `"status":"201"`) != 40 {
		t.Errorf("%d %s", status, text)
	}
	free := s.provider(t, "idp", 0)
	if status, _, text := free.do("GET", "/Me", ""); status != 501 { // a token is nobody's
		t.Errorf("%d %s", status, text)
	}
	const most = 1 << 20
	if _, _, text := free.do("GET", "/ServiceProviderConfig", ""); !strings.Contains(text, fmt.Sprintf(`"maxOperations":1000,"maxPayloadSize":%d}`, most)) {
		t.Errorf("%s", text)
	}
	body := job(0, 1)
	for size, want := range map[int]int{most: 200, most + 1: 413} {
		if status, _, text := free.do("POST", "/Bulk", body+strings.Repeat(" ", size-len(body))); status != want {
			t.Errorf("%d bytes: %d %s", size, status, text)
		}
	}
}
