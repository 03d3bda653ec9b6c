// SPDX-License-Identifier: Apache-2.0

package entra_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
)

const secret = "the-secret~of.the_tenant"

// newTenant is a tenant, and a client of it without a network.
func newTenant(t *testing.T, tc entratest.Config, cc entra.Config) (*entratest.Tenant, *entra.Client) {
	t.Helper()
	if len(tc.Certificates) == 0 {
		tc.Secret = secret
	}
	tenant, err := entratest.New(tc)
	if err != nil {
		t.Fatal(err)
	}
	if cc.HTTP == nil {
		cc.HTTP = tenant.Transport()
	}
	if len(cc.Key) == 0 && cc.Credential == nil && cc.Secret == "" {
		cc.Secret = secret
	}
	if cc.Tenant == "" {
		cc.Tenant = entratest.TenantID
	}
	if cc.ClientID == "" {
		cc.ClientID = entratest.ClientID
	}
	cc.Attributes = append(cc.Attributes, "userPrincipalName", "displayName", "department", "extensionAttribute3")
	c, err := entra.New(cc)
	if err != nil {
		t.Fatal(err)
	}
	return tenant, c
}

// ada is who is made.
func ada(pairs ...string) entra.NewUser {
	n := entra.NewUser{Enabled: true, Password: "correct-Horse-7-battery", Props: entra.Props{
		"userPrincipalName": "ada@acme.example", "displayName": "Ada", "mailNickname": "ada",
	}}
	for i := 0; i < len(pairs); i += 2 {
		n.Props[pairs[i]] = pairs[i+1]
	}
	return n
}

// fails holds that an error is of a code, says some words, and shows no secret.
func fails(t *testing.T, err error, code string, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*entra.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	for _, hidden := range []string{secret, "correct-Horse", "BEGIN"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%q shows a secret", err)
		}
	}
}

// TestLifecycle is a user from the cradle to the grave, with what Graph refuses on the way.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	tenant, c := newTenant(t, entratest.Config{}, entra.Config{})
	ctx := t.Context()
	u, err := c.CreateUser(ctx, ada("department", "R&D", "extensionAttribute3", "x"))
	if err != nil || !u.Enabled || !u.Known || u.Text("department") != "R&D" || u.Text("extensionAttribute3") != "x" {
		t.Fatalf("%+v %v", u, err)
	}
	_, err = c.CreateUser(ctx, ada())
	if fails(t, err, "Request_BadRequest", "Another object with the same value"); !entra.IsTaken(err) {
		t.Errorf("%v is not taken", err)
	}
	_, err = c.CreateUser(ctx, ada("userPrincipalName", "eve@acme.example", "shoe", "42"))
	if fails(t, err, "Request_BadRequest", "shoe"); entra.IsTaken(err) {
		t.Errorf("%v is taken", err)
	}
	if err := tenant.SignIn(u.ID); err != nil {
		t.Fatal(err)
	}
	off := false
	if err := errors.Join(c.UpdateUser(ctx, u.ID, entra.Props{"department": "", "extensionAttribute3": ""}, &off), c.RevokeSessions(ctx, u.ID)); err != nil {
		t.Fatal(err)
	}
	u, err = c.User(ctx, u.ID)
	if err != nil || u.Enabled || u.Guest || u.Synced || u.Text("department") != "" || u.Text("extensionAttribute3") != "" || u.SessionsFrom.IsZero() || u.Created.IsZero() || tenant.Users()["ada@acme.example"].Sessions != 0 {
		t.Errorf("%+v %v", u, err)
	}
	tenant.SetRoles(u.ID, "Helpdesk Administrator")
	roles, err := c.Roles(ctx, u.ID)
	if err != nil || len(roles) != 1 {
		t.Errorf("%v %v", roles, err)
	}
	fails(t, c.UpdateUser(ctx, u.ID, nil, &off), "Authorization_RequestDenied")
	tenant.SetRoles(u.ID)
	for range 2 {
		if err := c.DeleteUser(ctx, u.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.User(ctx, u.ID); !entra.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if id := tenant.Put(entratest.Person{Name: "old@acme.example", Synced: true}); !entra.IsSynced(c.UpdateUser(ctx, id, entra.Props{"department": "x"}, nil)) {
		t.Error("who comes from on-premises is changed, or refused for something else")
	}
}

// TestLookups: by name it is found as soon as the replica knows, by anything else when the
// filter does, and an id is nobody's name.
func TestLookups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newTenant(t, entratest.Config{Lag: 5 * time.Second}, entra.Config{})
		ctx := t.Context()
		made, err := c.CreateUser(ctx, ada("department", `a 'b' "c`))
		if err != nil {
			t.Fatal(err)
		}
		tenant.Put(entratest.Person{Name: "$x@acme.example"})
		if _, found, err := c.UserByName(ctx, "ada@acme.example"); found || err != nil {
			t.Errorf("%v %v", found, err)
		}
		time.Sleep(5 * time.Second)
		for name, want := range map[string]bool{"ADA@acme.example": true, "$x@acme.example": true, made.ID: false, "bob@acme.example": false, "a/b": false, "#": false} {
			if u, found, err := c.UserByName(ctx, name); err != nil || found != want {
				t.Errorf("%s: %v %v %v", name, u.ID, found, err)
			}
		}
		if list, err := c.UsersBy(ctx, "department", `a 'b' "c`); err != nil || len(list) != 1 || list[0].ID != made.ID {
			t.Errorf("%v %v", list, err)
		}
		for _, id := range []string{"", ".", ".."} {
			if _, err := c.User(ctx, id); err == nil {
				t.Errorf("%q is somebody", id)
			}
		}
	})
}

// TestLists: lists are whole over their pages, and what cannot be whole ends with an error.
func TestLists(t *testing.T) {
	t.Parallel()
	tenant, c := newTenant(t, entratest.Config{MostPerPage: 3}, entra.Config{})
	var ids []string
	for i := range 10 {
		ids = append(ids, tenant.Put(entratest.Person{Name: fmt.Sprintf("p%d@acme.example", i), Guest: i == 3}))
	}
	group := tenant.PutGroup(entratest.Security, "staff", ids...)
	users, members := 0, 0
	for _, err := range c.Users(t.Context()) {
		if users++; err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range c.Members(t.Context(), group) {
		if members++; err != nil {
			t.Fatal(err)
		}
	}
	if users != 10 || members != 10 {
		t.Errorf("%d users, %d members", users, members)
	}
	tenant.SetFaults(fake.Rules(fake.Rule{Path: "/users", After: 2, Fault: fake.Fault{Kind: fake.Forbidden}}))
	var last error
	for _, err := range c.Users(t.Context()) {
		last = err
	}
	fails(t, last, "Authorization_RequestDenied")
}

type roundTrips func(*http.Request) *http.Response

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestLinks: a list that leads nowhere new, elsewhere or twice to the same is incomplete,
// and the token goes nowhere but to Graph.
func TestLinks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ link, body, say string }{
		"itself":      {"https://graph.microsoft.com/v1.0/users?$skiptoken=1", `[]`, "leads to itself"},
		"elsewhere":   {"https://evil.example/v1.0/groups?$skiptoken=1", `[{"id":"a"}]`, "another list"},
		"no query":    {"https://graph.microsoft.com/v1.0/users", `[{"id":"a"}]`, "no query"},
		"twice":       {"https://graph.microsoft.com/v1.0/users?$skiptoken=2", `[{"id":"a"}]`, "twice"},
		"no id":       {"", `[{"displayName":"x"}]`, "no id"},
		"no list":     {"", `null`, "no list"},
		"no json":     {"", `[`, "not the JSON"},
		"other host":  {"https://evil.example/v1.0/users?$skiptoken=1", `[]`, "leads to itself"},
		"unparseable": {"https://graph.microsoft.com/%zz?$skiptoken=1", `[{"id":"a"}]`, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			hosts := map[string]bool{}
			_, c := newTenant(t, entratest.Config{}, entra.Config{HTTP: roundTrips(func(r *http.Request) *http.Response {
				body := `{"value":` + tt.body + `,"@odata.nextLink":"` + tt.link + `"}`
				if strings.HasSuffix(r.URL.Path, "/token") {
					body = `{"token_type":"Bearer","expires_in":3599,"access_token":"the-token"}`
				} else {
					mu.Lock()
					hosts[r.URL.Host] = true
					mu.Unlock()
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
			})})
			var last error
			for _, err := range c.Users(t.Context()) {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), tt.say) || len(hosts) != 1 || !hosts["graph.microsoft.com"] {
				t.Errorf("%v, asked %v", last, hosts)
			}
		})
	}
}

// certificate makes a key and a certificate of it that ends at a time, in PEM.
func certificate(t *testing.T, until time.Time) (key, cert []byte) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until}
	made, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
}

// TestCertificate: a key proves itself by the certificate that the tenant knows it by, one
// after the other as they are exchanged; what is wrong with one is told in a sentence.
func TestCertificate(t *testing.T) {
	t.Parallel()
	key, cert := certificate(t, time.Now().Add(time.Hour))
	other, strange := certificate(t, time.Now().Add(time.Hour))
	oldKey, old := certificate(t, time.Now().Add(-time.Hour))
	tc := entratest.Config{Certificates: [][]byte{cert, old}}
	tenant, c := newTenant(t, tc, entra.Config{Key: key, Certificate: cert})
	for range 2 { // each assertion is good once
		if _, err := c.CreateUser(t.Context(), ada("userPrincipalName", rand.Text()+"@acme.example")); err != nil {
			t.Fatal(err)
		}
		tenant.RevokeTokens()
	}
	_, c = newTenant(t, tc, entra.Config{Key: other, Certificate: strange})
	_, err := c.User(t.Context(), "x")
	fails(t, err, "invalid_client", "does not take the certificate")
	_, c = newTenant(t, tc, entra.Config{Key: oldKey, Certificate: old})
	_, err = c.User(t.Context(), "x")
	fails(t, err, "", "ended on")
	for _, cfg := range []entra.Config{{Key: key, Certificate: strange}, {Key: key}, {Key: key, Certificate: key}, {Secret: secret, Certificate: cert}, {Secret: secret, Key: key, Certificate: cert}} {
		cfg.Tenant, cfg.ClientID, cfg.HTTP = entratest.TenantID, entratest.ClientID, tenant.Transport()
		if _, err := entra.New(cfg); err == nil {
			t.Error("taken")
		}
	}
}

// TestMistakes: what is wrong with who we are, or where, is told in a sentence that says
// what to do.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for word, cfg := range map[string]entra.Config{
		"there is no tenant other.example":                        {Tenant: "other.example"},
		"has no application 11111111-2222-3333-4444-555555555555": {ClientID: "11111111-2222-3333-4444-555555555555"},
		"not one of the application's: set its value, not its id": {Secret: "another"},
		"its address is of another cloud":                         {URL: "https://graph.microsoft.us", Authority: "https://login.microsoftonline.com"},
		"issues no tokens of Entra": {HTTP: roundTrips(func(*http.Request) *http.Response {
			return &http.Response{StatusCode: 404, Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader("<html>"))}
		})},
	} {
		_, c := newTenant(t, entratest.Config{}, cfg)
		_, err := c.User(t.Context(), "x")
		e, ok := errors.AsType[*entra.Error](err)
		if !ok || !strings.Contains(err.Error(), word) || !e.Unsent || entra.IsNotFound(err) || strings.Contains(err.Error(), secret) {
			t.Errorf("%v, want %q", err, word)
		}
	}
	for word, err := range map[string]error{
		"stands for any tenant": entra.CheckTenant("common"), "neither an id": entra.CheckTenant("acme"), "client id": entra.CheckClientID("usher"),
		"no cloud that is known": entra.CheckURL("https://graph.example", ""), "/beta": entra.CheckURL("https://graph.microsoft.com/beta", ""),
		"retired": entra.CheckURL("https://graph.windows.net", ""), "sign in": entra.CheckURL("https://login.microsoftonline.com", ""),
		"holds a path": entra.CheckURL("https://graph.microsoft.com/v1.0/users", ""), "authority": entra.CheckURL("", "https://login.example/x"),
	} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want %q", err, word)
		}
	}
	for graph, login := range map[string]string{
		"": "https://login.microsoftonline.com", "https://graph.microsoft.us/v1.0/": "https://login.microsoftonline.us", "https://microsoftgraph.chinacloudapi.cn": "https://login.chinacloudapi.cn",
	} {
		if got := entra.Authority(graph, ""); got != login {
			t.Errorf("%s: %s", graph, got)
		}
	}
}

// TestPermissions: the token tells what was granted, and what was granted later is used
// once the token is old enough to be asked for again.
func TestPermissions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newTenant(t, entratest.Config{Permissions: []string{"User.Read.All"}}, entra.Config{})
		got, err := c.Permissions(t.Context())
		if err != nil || !slices.Equal(got, []string{"User.Read.All"}) {
			t.Errorf("%v %v", got, err)
		}
		_, err = c.CreateUser(t.Context(), ada())
		fails(t, err, "Authorization_RequestDenied")
		tenant.Grant(entratest.Permissions()...)
		time.Sleep(11 * time.Minute)
		_, err = c.CreateUser(t.Context(), ada()) // by the old token, which is then reconsidered
		fails(t, err, "Authorization_RequestDenied")
		if _, err = c.CreateUser(t.Context(), ada()); err != nil {
			t.Error(err)
		}
		_, c = newTenant(t, entratest.Config{Permissions: []string{}}, entra.Config{})
		if got, err := c.Permissions(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("%v %v", got, err)
		}
	})
}

// TestBusy: what Graph has not done as it was asked too often, by whatever status, is sent
// again.
func TestBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, c := newTenant(t, entratest.Config{}, entra.Config{HTTP: roundTrips(func(r *http.Request) *http.Response {
			answer := func(status int, body string, retry string) *http.Response {
				return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retry}}, Body: io.NopCloser(strings.NewReader(body))}
			}
			if strings.HasSuffix(r.URL.Path, "/token") {
				return answer(200, `{"token_type":"Bearer","expires_in":3599,"access_token":"the-token"}`, "")
			}
			switch n++; n {
			case 1:
				return answer(429, `{"error":{"code":"TooManyRequests","message":"slow down"}}`, "7")
			case 2:
				return answer(400, `{"error":{"code":"Directory_ConcurrencyViolation","message":"again"}}`, "")
			}
			return answer(204, "", "")
		})})
		began := time.Now()
		if err := c.UpdateUser(t.Context(), "x", entra.Props{"department": "x"}, nil); err != nil || n != 3 || time.Since(began) < 8*time.Second {
			t.Errorf("%v after %d requests and %v", err, n, time.Since(began))
		}
	})
}
