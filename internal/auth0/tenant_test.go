// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// The tests of this file hold the client against the fake tenant, which somebody else
// has written from the documentation.

func fakeConfig() auth0test.Config {
	return auth0test.Config{ClientID: "client-1", Secret: secret}
}

// fake is a tenant on a socket of loopback, with a client of it.
func fake(t *testing.T, cfg auth0test.Config) (*auth0test.Tenant, *auth0.Client) {
	t.Helper()
	tenant, err := auth0test.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return tenant, newClient(t, auth0.Config{URL: url})
}

func TestTenantUsers(t *testing.T) {
	t.Parallel()
	key := newRSA(t, 2048)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	cfg := fakeConfig()
	cfg.PublicKeys = [][]byte{inPEM("PUBLIC KEY", public)}
	tenant, bySecret := fake(t, cfg)
	url := strings.TrimSuffix(strings.TrimPrefix(bySecret.String(), "auth0("), ")")
	byKey := newClient(t, auth0.Config{URL: url, Key: inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))})
	for name, c := range map[string]*auth0.Client{"secret": bySecret, "key": byKey} {
		ctx := auth0.WithCorrelation(t.Context(), "change-"+name)
		mail, given, empty, yes, no := name+"@acme.example", "Ann", "", true, false
		made, err := c.CreateUser(ctx, auth0.UserChange{
			Connection: auth0test.DefaultConnection, UserID: "usher-" + name, Password: "A l0ng one, of Usher", Email: &mail, GivenName: &given, FamilyName: &empty,
			VerifyEmail: &no, AppMetadata: map[string]jsontext.Value{"department": jsontext.Value(`"R&D"`), "x": jsontext.Value("1")},
		})
		if err != nil || made.ID != "auth0|usher-"+name || made.Email != mail || made.GivenName != "Ann" || string(made.AppMetadata["department"]) != `"R&D"` || made.CreatedAt.IsZero() {
			t.Fatalf("%s: %+v, %v", name, made, err)
		}
		if ids := made.Identities; len(ids) != 1 || ids[0].ID() != made.ID || ids[0].Connection != auth0test.DefaultConnection || ids[0].Social {
			t.Errorf("%s: %+v", name, ids)
		}
		if _, err := c.CreateUser(ctx, auth0.UserChange{Connection: auth0test.DefaultConnection, Email: &mail, Password: "A l0ng one, of Usher"}); !auth0.IsConflict(err) {
			t.Errorf("%s: a second one: %v", name, err)
		}
		changed, err := c.UpdateUser(ctx, made.ID, auth0.UserChange{GivenName: &empty, Blocked: &yes, AppMetadata: map[string]jsontext.Value{"x": jsontext.Value("null")}})
		if err != nil || !changed.Blocked || changed.GivenName != "" || len(changed.AppMetadata) != 1 {
			t.Errorf("%s: %+v, %v", name, changed, err)
		}
		if read, err := c.User(ctx, made.ID); err != nil || !bytes.Equal(read.Raw, changed.Raw) {
			t.Errorf("%s: %+v, %v", name, read, err)
		}
		if list, err := c.UsersByEmail(ctx, mail); err != nil || len(list) != 1 || list[0].ID != made.ID {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		leave(ctx, t, tenant, c, made.ID)
	}
	for _, e := range tenant.Ledger() {
		if !strings.HasPrefix(e.Correlation, "change-") && !e.Outside {
			t.Errorf("an effect without its cause: %+v", e)
		}
	}
	for _, no := range tenant.Refusals() {
		if no.Status != http.StatusConflict && no.Status != http.StatusNotFound {
			t.Errorf("the tenant refused: %+v", no)
		}
	}
}

// leave sees somebody out, twice, and sees that they are.
func leave(ctx context.Context, t *testing.T, tenant *auth0test.Tenant, c *auth0.Client, id string) {
	t.Helper()
	if err := tenant.Unblock(id); err != nil {
		t.Error(err)
	}
	if err := tenant.SignIn(id); err != nil {
		t.Error(err)
	}
	sessions, err := c.Sessions(ctx, id)
	tokens, err2 := c.RefreshTokens(ctx, id)
	if err != nil || err2 != nil || sessions != tenant.Sessions(id) || tokens != tenant.RefreshTokens(id) || sessions == 0 {
		t.Errorf("%d sessions, %v, %d refresh tokens, %v", sessions, err, tokens, err2)
	}
	ticket, err := c.PasswordTicket(ctx, id, "", time.Hour)
	if err != nil || ticket == "" {
		t.Errorf("ticket %q, %v", ticket, err)
	}
	user, _ := tenant.User(id)
	if err := c.PasswordEmail(ctx, user.Email, auth0test.DefaultConnection); err != nil || len(tenant.Mails()) == 0 {
		t.Errorf("%v, %d mails", err, len(tenant.Mails()))
	}
	for range 2 {
		if err := errors.Join(c.EndSessions(ctx, id), c.RevokeRefreshTokens(ctx, id)); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := c.DeleteUser(ctx, id); err != nil {
			t.Error(err)
		}
	}
	if tenant.Sessions(id)+tenant.RefreshTokens(id) != 0 {
		t.Error("a session lives on")
	}
	if _, err := c.User(ctx, id); !auth0.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}

func TestTenantTokens(t *testing.T) {
	t.Parallel()
	cfg := fakeConfig()
	cfg.Scopes = []string{"read:users"}
	tenant, c := fake(t, cfg)
	if scopes, err := c.Scopes(t.Context()); err != nil || !slices.Equal(scopes, cfg.Scopes) {
		t.Errorf("%v, %v", scopes, err)
	}
	tenant.RevokeTokens()
	if _, err := c.User(t.Context(), "auth0|nobody"); !auth0.IsNotFound(err) {
		t.Errorf("with a token that is not good any more: %v", err)
	}
	if n := tenant.Counts()["POST /oauth/token"]; n != 2 {
		t.Errorf("%d tokens", n)
	}
	if e := failure(t, c.DeleteUser(t.Context(), "auth0|nobody")); e.Status != http.StatusForbidden || e.Code != "insufficient_scope" {
		t.Errorf("%v", e)
	}
	url := strings.TrimSuffix(strings.TrimPrefix(c.String(), "auth0("), ")")
	for want, spoil := range map[string]func(*auth0.Config){
		"client id or the client secret is wrong": func(c *auth0.Config) { c.Secret = "another one" },
		"is no API of the tenant":                 func(c *auth0.Config) { c.Audience = "https://elsewhere.example/" },
		"does not take the private key": func(c *auth0.Config) {
			c.Secret, c.Key = "", inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(newRSA(t, 2048)))
		},
		"is no Auth0 tenant": func(c *auth0.Config) { c.URL = httptestServer(t) },
	} {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		cfg := auth0.Config{URL: url, ClientID: "client-1", Secret: secret, HTTP: transport}
		spoil(&cfg)
		bad, err := auth0.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bad.Scopes(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func httptestServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}

func TestTenantLists(t *testing.T) {
	t.Parallel()
	tenant, c := fake(t, fakeConfig())
	const people = 1000
	load := func(n int) {
		if err := tenant.Load(n, func(i int, u *auth0test.User) { u.Email = fmt.Sprintf("p%05d@acme.example", i) }); err != nil {
			t.Fatal(err)
		}
	}
	load(people)
	users, err := all(c.Search(t.Context(), `email:p00*`, auth0test.DefaultConnection))
	if err != nil || len(users) != people || !slices.IsSortedFunc(users, func(a, b auth0.User) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("%d users, %v", len(users), err)
	}
	if n, err := c.CountUsers(t.Context(), `email:"p00007@acme.example"`, ""); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := tenant.Put(auth0test.User{Email: "one-more@acme.example"}); err != nil {
		t.Fatal(err)
	}
	if users, err := all(c.Search(t.Context(), "", "")); !errors.Is(err, auth0.ErrTooMany) || len(users) != 0 {
		t.Errorf("%d users, %v", len(users), err)
	}
	ids := make([]string, 0, people)
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	roleID, err := tenant.PutRole("everybody", ids...)
	if err != nil {
		t.Fatal(err)
	}
	orgID, err := tenant.PutOrganization("acme", "Acme", ids...)
	if err != nil {
		t.Fatal(err)
	}
	groupID, err := tenant.PutGroup(auth0test.Group{Name: "g", ExternalID: "x", ConnectionID: tenant.Connections()[0].ID, Members: ids})
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]func() ([]string, error){
		"role":         func() ([]string, error) { return all(c.RoleUsers(t.Context(), roleID)) },
		"organization": func() ([]string, error) { return all(c.OrganizationMembers(t.Context(), orgID)) },
		"group":        func() ([]string, error) { return all(c.GroupMembers(t.Context(), groupID)) },
	} {
		got, err := list()
		slices.Sort(got)
		if err != nil || !slices.Equal(got, ids) {
			t.Errorf("%s: %d members, %v", name, len(got), err)
		}
	}
	if list, err := all(c.Groups(t.Context())); err != nil || len(list) != 1 || list[0].ID != groupID || list[0].ExternalID != "x" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestTenantMemberships(t *testing.T) {
	t.Parallel()
	tenant, c := fake(t, fakeConfig())
	ctx := t.Context()
	ann, err := tenant.Put(auth0test.User{Email: "ann@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 120 {
		if _, err := c.CreateRole(ctx, auth0.Role{Name: fmt.Sprintf("role %03d", i)}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateOrganization(ctx, auth0.Organization{Name: fmt.Sprintf("org-%03d", i), DisplayName: "An organization"}); err != nil {
			t.Fatal(err)
		}
	}
	roles, err := all(c.Roles(ctx))
	orgs, err2 := all(c.Organizations(ctx))
	if err != nil || err2 != nil || len(roles) != 120 || len(orgs) != 120 {
		t.Fatalf("%d roles, %v, %d organizations, %v", len(roles), err, len(orgs), err2)
	}
	role, ok, err := c.RoleByName(ctx, "role 077")
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	org, ok, err := c.OrganizationByName(ctx, "org-077")
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, ok, err := c.RoleByName(ctx, "role"); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if _, ok, err := c.OrganizationByName(ctx, "org"); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	for range 2 {
		if err := errors.Join(c.AssignRole(ctx, role.ID, []string{ann}), c.AddOrganizationMembers(ctx, org.ID, []string{ann})); err != nil {
			t.Error(err)
		}
	}
	mine, err := all(c.UserRoles(ctx, ann))
	ours, err2 := all(c.UserOrganizations(ctx, ann))
	if err != nil || err2 != nil || len(mine) != 1 || mine[0].ID != role.ID || len(ours) != 1 || ours[0].ID != org.ID {
		t.Errorf("%v, %v, %v, %v", mine, err, ours, err2)
	}
	if err := errors.Join(c.UnassignRoles(ctx, ann, []string{role.ID}), c.RemoveOrganizationMembers(ctx, org.ID, []string{ann})); err != nil {
		t.Error(err)
	}
	if len(tenant.RolesOf(ann))+len(tenant.OrganizationsOf(ann)) != 0 {
		t.Error("a membership is left")
	}
	role.Description = "what it is for"
	if got, err := c.UpdateRole(ctx, role); err != nil || got != role {
		t.Errorf("%+v, %v", got, err)
	}
	org.DisplayName, org.Metadata = "Another name", map[string]string{"k": "v"}
	if got, err := c.UpdateOrganization(ctx, org); err != nil || got.DisplayName != org.DisplayName || got.Metadata["k"] != "v" {
		t.Errorf("%+v, %v", got, err)
	}
	for range 2 {
		if err := errors.Join(c.DeleteRole(ctx, role.ID), c.DeleteOrganization(ctx, org.ID)); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Role(ctx, role.ID); !auth0.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if _, err := c.CreateRole(ctx, auth0.Role{Name: "role 001"}); err == nil {
		t.Error("two roles of one name")
	}
}

func TestTenantExport(t *testing.T) {
	t.Parallel()
	for _, nested := range []bool{false, true} {
		cfg := fakeConfig()
		cfg.ExportNested = nested
		cfg.Connections = []auth0test.Connection{{Name: "one", Strategy: "auth0"}, {Name: "two", Strategy: "auth0"}}
		tenant, c := fake(t, cfg)
		const people = 2345
		err := tenant.Load(people, func(i int, u *auth0test.User) {
			u.Email, u.Blocked = fmt.Sprintf("p%d@acme.example", i), i%7 == 0
			u.AppMetadata = jsontext.Value(fmt.Sprintf(`{"employee":"e%d","other":true}`, i))
		})
		if err != nil {
			t.Fatal(err)
		}
		users, err := all(c.Export(t.Context(), tenant.Connections()[0].ID, []string{"email", "app_metadata.employee"}))
		if err != nil || len(users) != people {
			t.Fatalf("nested %v: %d users, %v", nested, len(users), err)
		}
		for i, u := range users {
			want, _ := tenant.User(u.ID)
			if u.Email != want.Email || u.Blocked != want.Blocked || !u.UpdatedAt.Equal(want.UpdatedAt) || len(u.Identities) != 1 || len(u.AppMetadata) != 1 ||
				string(u.AppMetadata["employee"]) != fmt.Sprintf(`"e%d"`, i) {
				t.Fatalf("nested %v: %+v, want %+v", nested, u, want)
			}
		}
		if users, err := all(c.Export(t.Context(), tenant.Connections()[1].ID, nil)); err != nil || len(users) != 0 {
			t.Errorf("of an empty connection: %d users, %v", len(users), err)
		}
		for _, f := range []struct {
			rule auth0test.Rule
			ok   bool
		}{
			{auth0test.Rule{Path: "/jobs/users-exports", Fault: auth0test.Fault{Kind: auth0test.ExportFailed}}, false},
			{auth0test.Rule{Path: "/jobs/users-exports", Fault: auth0test.Fault{Kind: auth0test.ExportTorn}}, false},
			{auth0test.Rule{Path: "/exports/:id", Fault: auth0test.Fault{Kind: auth0test.Truncated}}, false},
			{auth0test.Rule{Path: "/exports/:id", Fault: auth0test.Fault{Kind: auth0test.Garbage}}, false},
			{auth0test.Rule{Path: "/exports/:id", Fault: auth0test.Fault{Kind: auth0test.Forbidden}}, false},
			{auth0test.Rule{Path: "/jobs/:id", Times: 2, Fault: auth0test.Fault{Kind: auth0test.BadGateway}}, true},
		} {
			tenant.SetFaults(auth0test.Rules(f.rule))
			users, err := all(c.Export(t.Context(), "", nil))
			if (err == nil) != f.ok || f.ok && len(users) != people {
				t.Errorf("%s: %d users, %v", f.rule.Fault.Kind, len(users), err)
			}
			if err != nil && failure(t, err).Unsent {
				t.Errorf("%s: %v", f.rule.Fault.Kind, err)
			}
		}
	}
}

// TestTenantExportStuck holds that a job that never ends is waited for as long as the
// caller says, and less and less often.
func TestTenantExportStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := fakeConfig()
		cfg.Faults = auth0test.Rules(auth0test.Rule{Path: "/jobs/users-exports", Fault: auth0test.Fault{Kind: auth0test.ExportStuck}})
		tenant, err := auth0test.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, auth0.Config{URL: "http://acme.auth0.example", HTTP: tenant.Transport()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := all(c.Export(ctx, "", nil)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if n := tenant.Counts()["GET /jobs/:id"]; n < 100 || n > 150 {
			t.Errorf("asked %d times in an hour", n)
		}
	})
}

// TestTenantEvents holds that nothing is lost of a stream that is closed and cut again
// and again, when each is opened behind the last offset.
func TestTenantEvents(t *testing.T) {
	t.Parallel()
	cfg := fakeConfig()
	cfg.Events.CloseAfterEvents = 7
	cfg.Events.Heartbeat = 20 * time.Millisecond
	tenant, c := fake(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	const people = 100
	var want []string
	go func() {
		for i := range people {
			if _, err := tenant.Put(auth0test.User{Email: fmt.Sprintf("p%d@acme.example", i)}); err != nil {
				t.Error(err)
			}
			if i%20 == 19 {
				tenant.CloseStreams(i%40 == 39)
			}
		}
	}()
	got := map[string]bool{}
	from := auth0.From{Time: time.Now().Add(-time.Hour)}
	ends, cuts := 0, 0
	for len(got) < people {
		stream, err := c.Events(ctx, from, auth0.UserCreated)
		if err != nil {
			t.Fatal(err)
		}
		for len(got) < people {
			f, err := stream.Next()
			if err != nil {
				switch {
				case errors.Is(err, io.EOF):
					ends++
				case failure(t, err).Status == 0 && ctx.Err() == nil:
					cuts++
				default:
					t.Fatalf("%d of %d events: %v", len(got), people, err)
				}
				break
			}
			if f.Err != nil || f.Offset == "" {
				t.Fatalf("%+v", f)
			}
			if from.Offset = f.Offset; f.Event != nil {
				user, err := auth0.ParseUser(f.Event.Object)
				if err != nil || f.Event.Type != auth0.UserCreated || f.Event.Time.IsZero() || got[f.Event.ID] {
					t.Fatalf("%+v, %v", f.Event, err)
				}
				got[f.Event.ID] = true
				want = append(want, user.ID)
			}
		}
		_ = stream.Close()
	}
	slices.Sort(want)
	if len(slices.Compact(want)) != people || tenant.Len() != people || ends == 0 {
		t.Errorf("%d users, %d ends, %d cuts", len(want), ends, cuts)
	}
	tenant.ForgetOffsets()
	if _, err := c.Events(ctx, from); !errors.Is(err, auth0.ErrOffset) || failure(t, err).Status != http.StatusGone {
		t.Errorf("%v", err)
	}
	if _, err := c.Events(ctx, auth0.From{Offset: "never was"}); !errors.Is(err, auth0.ErrOffset) || failure(t, err).Status != http.StatusBadRequest {
		t.Errorf("%v", err)
	}
	if _, err := c.Events(ctx, auth0.From{}, "user.exploded"); errors.Is(err, auth0.ErrOffset) || failure(t, err).Status != http.StatusBadRequest {
		t.Errorf("%v", err)
	}
	stream, err := c.Events(ctx, auth0.From{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if f, err := stream.Next(); err != nil || f.Event != nil || f.Offset == "" || stream.Retry() != 2*time.Second {
		t.Errorf("a heartbeat: %+v, %v, %v", f, err, stream.Retry())
	}
	for code, offset := range map[string]bool{"processing_error": false, "cursor_expired": true} {
		stream, err := c.Events(ctx, auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		tenant.FailStreams(code)
		for err == nil {
			_, err = stream.Next()
		}
		if e := failure(t, err); errors.Is(e, io.EOF) || e.Code != code || errors.Is(e, auth0.ErrOffset) != offset {
			t.Errorf("%v", e)
		}
	}
}

// TestTenantMute holds that a stream that has fallen silent is given up, and that one
// with heartbeats alone is not.
func TestTenantMute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, err := auth0test.New(fakeConfig())
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, auth0.Config{URL: "http://acme.auth0.example", HTTP: tenant.Transport()})
		stream, err := c.Events(t.Context(), auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		start := time.Now()
		for time.Since(start) < time.Hour {
			if f, err := stream.Next(); err != nil || f.Event != nil {
				t.Fatalf("%+v, %v after %v", f, err, time.Since(start))
			}
		}
		tenant.Mute(true)
		start = time.Now()
		_, err = stream.Next()
		if e := failure(t, err); !strings.Contains(e.Error(), "said nothing") || time.Since(start) != auth0.Silence {
			t.Errorf("%v after %v", e, time.Since(start))
		}
	})
}

func TestTenantDeliveries(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	refuse, came := true, map[string]bool{}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if refuse {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e, err := auth0.ParseEvent(text)
		if err != nil || e.Type != auth0.UserCreated || e.Stream == "" {
			t.Errorf("%+v, %v", e, err)
		}
		came[e.ID] = true
	}))
	t.Cleanup(hook.Close)
	cfg := fakeConfig()
	cfg.Retries = []time.Duration{time.Millisecond}
	tenant, c := fake(t, cfg)
	id, err := tenant.AddStream(auth0test.Stream{Name: "hook", URL: hook.URL, Bearer: "b", Types: []string{auth0.UserCreated}})
	if err != nil {
		t.Fatal(err)
	}
	const people = 120
	since := time.Now().Add(-time.Minute)
	for i := range people {
		if _, err := tenant.Put(auth0test.User{Email: fmt.Sprintf("p%d@acme.example", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var failed []string
	eventually(t, func() bool {
		failed = nil
		for d, err := range c.FailedDeliveries(t.Context(), id, since) {
			if err != nil || d.EventType != auth0.UserCreated || d.Status != "failed" {
				t.Fatalf("%+v, %v", d, err)
			}
			failed = append(failed, d.EventID)
		}
		return len(failed) == people
	})
	mu.Lock()
	refuse = false
	mu.Unlock()
	if err := errors.Join(c.Redeliver(t.Context(), id, failed), c.Redeliver(t.Context(), id, failed[:3])); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(came) == people })
	if list, err := all(c.FailedDeliveries(t.Context(), id, since)); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// eventually waits for what another process would do in its own time.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestTenantLimit holds that many callers get all done within a tenant's limit, with
// few refusals, and in about the time that it takes.
func TestTenantLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []struct {
		perSecond float64
		burst     int
	}{{2, 2}, {2, 10}, {16, 50}} {
		synctest.Test(t, func(t *testing.T) {
			cfg := fakeConfig()
			cfg.RatePerSecond, cfg.Burst, cfg.Latency = limit.perSecond, limit.burst, 30*time.Millisecond
			tenant, err := auth0test.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			c := newClient(t, auth0.Config{URL: "http://acme.auth0.example", HTTP: tenant.Transport()})
			if err := tenant.Load(1, func(_ int, u *auth0test.User) { u.Email = "a@acme.example" }); err != nil {
				t.Fatal(err)
			}
			id := tenant.Users()[0].ID
			start := time.Now()
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 20 {
						if _, err := c.User(t.Context(), id); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			took, asked := time.Since(start), tenant.Counts()["GET /users/:id"]
			least := time.Duration((320 - float64(limit.burst)) / limit.perSecond * float64(time.Second))
			// The reset is told by the second, which costs most where a burst is as small.
			if took > least*2+5*time.Second || asked > 320*11/10 {
				t.Errorf("%v: 320 reads took %v and %d requests; the limit allows them in %v", limit, took, asked, least)
			}
		})
	}
}

// TestTenantFaults holds the one line that matters, under whatever goes wrong: what is
// called unsent or refused did not happen, what is called done happened once, and what
// is called neither may have.
func TestTenantFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := fakeConfig()
		cfg.Faults = auth0test.Seeded(7, 0.4, 0.5, auth0test.TooMany, auth0test.Unavailable, auth0test.ServerError, auth0test.BadGateway, auth0test.Reset,
			auth0test.TimeOut, auth0test.AnswerLost, auth0test.AnswerHangs, auth0test.ErrorAfter, auth0test.BusyAfter, auth0test.Truncated, auth0test.Garbage,
			auth0test.Unauthorized, auth0test.Forbidden, auth0test.Slow)
		tenant, err := auth0test.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, auth0.Config{URL: "http://acme.auth0.example", HTTP: tenant.Transport()})
		var done, refused, open int
		for i := range 500 {
			mail := fmt.Sprintf("p%d@acme.example", i)
			_, err := c.CreateUser(t.Context(), auth0.UserChange{Connection: auth0test.DefaultConnection, Email: &mail, Password: "A l0ng one, of Usher"})
			_, there := tenant.UserByEmail(mail)
			switch e, failed := errors.AsType[*auth0.Error](err); {
			case err == nil:
				if done++; !there {
					t.Errorf("%s is said to be made, and is not", mail)
				}
			case !failed:
				t.Fatal(err)
			case e.Unsent, e.Status >= 400 && e.Status < 500:
				if refused++; there {
					t.Errorf("%s is said not to be made, and is: %v", mail, e)
				}
			default:
				open++
			}
		}
		creations := 0
		for _, e := range tenant.Ledger() {
			if e.Op == auth0test.Created && e.Kind == "user" {
				creations++
			}
		}
		if creations != tenant.Len() || done < 250 || refused == 0 || open < 50 {
			t.Errorf("%d done, %d refused, %d open; %d made, %d there", done, refused, open, creations, tenant.Len())
		}
	})
}
