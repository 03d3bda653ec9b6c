// SPDX-License-Identifier: Apache-2.0

package google_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/internal/rest"
)

const (
	robot = "usher@project.iam.gserviceaccount.com"
	admin = "admin@acme.example"
	scope = "https://www.googleapis.com/auth/admin.directory."
)

// robotKey is the key of the service account, private and public.
var robotKey = sync.OnceValues(func() (private, public []byte) {
	private, err := rest.NewKey()
	if err == nil {
		public, _, err = rest.PublicKeyOf(private)
	}
	if err != nil {
		panic(err)
	}
	return private, public
})

// keyFile is a key file as Google gives it, with some of it changed: pairs.
func keyFile(change ...string) []byte {
	private, _ := robotKey()
	m := map[string]string{
		"type": "service_account", "client_email": robot, "client_id": "1234567890", "private_key_id": "key1", "private_key": string(private),
		"token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
	}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

// newAccount is an account, and a client of it without a network.
func newAccount(t *testing.T, ac googletest.Config, cc google.Config) (*googletest.Account, *google.Client) {
	t.Helper()
	_, public := robotKey()
	ac.Email, ac.PublicKeys = robot, [][]byte{public}
	account, err := googletest.New(ac)
	if err != nil {
		t.Fatal(err)
	}
	if cc.HTTP == nil {
		cc.HTTP = account.Transport()
	}
	if cc.Key == nil && cc.Credential == nil {
		cc.Key = keyFile()
	}
	if cc.Administrator == "" {
		cc.Administrator = admin
	}
	c, err := google.New(cc)
	if err != nil {
		t.Fatal(err)
	}
	return account, c
}

// ada are the fields of a user.
func ada(email string) map[string]jsontext.Value {
	return map[string]jsontext.Value{"primaryEmail": google.Text(email), "name": jsontext.Value(`{"givenName":"Ada","familyName":"L"}`)}
}

const password = "a-password-of-hers"

// fails holds that an error says some words, and nothing secret.
func fails(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", words)
	}
	private, _ := robotKey()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	for _, secret := range append(strings.Split(string(private), "\n")[1:4], password, "hunter2") {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows what is secret", err)
		}
	}
}

type roundTrips func(*http.Request) *http.Response

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// TestKeyGoesNowhereElse: what a key file says of where its signatures go is held against
// Google's own, and what is signed goes there alone, and no token anywhere but to the API.
func TestKeyGoesNowhereElse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key []byte
		url string
		say string
	}{
		"elsewhere":     {keyFile("token_uri", "https://evil.example/token"), "", "token_uri that is none of Google's"},
		"almost":        {keyFile("token_uri", "https://oauth2.googleapis.com.evil.example/token"), "", "none of Google's"},
		"plain":         {keyFile("token_uri", "http://oauth2.googleapis.com/token"), "", "none of Google's"},
		"metadata":      {keyFile("token_uri", "http://169.254.169.254/token"), "", "none of Google's"},
		"of a test":     {keyFile("token_uri", "http://127.0.0.1:1/token"), "", "none of Google's"},
		"universe":      {keyFile("universe_domain", "evil.example"), "", "universe_domain"},
		"a person's":    {keyFile("type", "authorized_user"), "", `type "authorized_user"`},
		"another cloud": {keyFile("type", "external_account"), "", "external_account"},
		"no e-mail":     {keyFile("client_email", "usher"), "", "lacks client_email"},
		"no key":        {keyFile("private_key", ""), "", "private_key"},
		"no PEM":        {keyFile("private_key", "hunter2"), "", "no PEM"},
		"twice":         {[]byte(`{"type":"service_account","type":"hunter2"}`), "", "no JSON"},
		"a PEM":         {[]byte("-----BEGIN PRIVATE KEY-----\nhunter2"), "", "no JSON"},
		"other API":     {keyFile(), "https://admin.evil.example", "none of Google's; take url out"},
		"other host":    {keyFile(), "https://admin.googleapis.com.evil.example", "none of Google's"},
		"private":       {keyFile(), "https://10.0.0.1", "none of Google's"},
		"name":          {keyFile(), "https://localhost", "none of Google's"}, // which leads anywhere
		"password":      {keyFile(), "https://u:hunter2@admin.googleapis.com", "take it out"},
		"path":          {keyFile(), "https://admin.googleapis.com/admin/reports/v1", "holds a path"},
		"sound":         {keyFile(), "https://admin.googleapis.com/admin/directory/v1/", ""},
		"old":           {keyFile("token_uri", "https://accounts.google.com/o/oauth2/token"), "", ""},
		"here":          {keyFile(), "http://127.0.0.1:1", ""},
	} {
		_, err := google.New(google.Config{URL: tt.url, Key: tt.key, Administrator: admin, HTTP: http.DefaultTransport})
		if tt.say == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if tt.say != "" {
			fails(t, err, tt.say)
		}
	}
	var mu sync.Mutex
	asked := map[string]bool{}
	account, _ := newAccount(t, googletest.Config{}, google.Config{})
	way := account.Transport()
	_, c := newAccount(t, googletest.Config{}, google.Config{
		Key: keyFile("token_uri", "https://www.googleapis.com/oauth2/v4/token"),
		HTTP: roundTrips(func(r *http.Request) *http.Response {
			mu.Lock()
			asked[r.Method+" "+r.URL.Scheme+"://"+r.URL.Host+r.URL.Path+" "+strings.SplitN(r.Header.Get("Authorization")+" ", " ", 2)[0]] = true
			mu.Unlock()
			res, err := way.RoundTrip(r)
			if err != nil {
				t.Error(err)
			}
			return res
		}),
	})
	if !c.Reachable(t.Context()) {
		t.Error("nobody is there")
	}
	if len(asked) != 2 || !asked["POST https://oauth2.googleapis.com/token "] || !asked["GET https://admin.googleapis.com/admin/directory/v1/users/"+admin+" Bearer"] {
		t.Errorf("asked %v", asked)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "PRIVATE") {
		t.Errorf("%s", text)
	}
}

// TestTokens: one token serves many requests, another is asked for when it is worthless,
// and what keeps it from coming is said: the scope that is missing by its name.
func TestTokens(t *testing.T) {
	t.Parallel()
	account, c := newAccount(t, googletest.Config{}, google.Config{})
	for range 3 {
		if _, found, err := c.UserByAddress(t.Context(), "ada@acme.example"); err != nil || found {
			t.Fatal(err)
		}
	}
	account.RevokeTokens()
	if _, err := c.CreateUser(t.Context(), ada("ada@acme.example"), password); err != nil || account.Counts()["POST /token"] != 2 {
		t.Errorf("%v, %v", err, account.Counts())
	}
	other, err := rest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ac  googletest.Config
		cc  google.Config
		say []string
	}{
		"one scope":   {googletest.Config{Scopes: []string{scope + "user", scope + "group"}}, google.Config{}, []string{"may not have " + scope + "user.security; add", "client 1234567890"}},
		"two scopes":  {googletest.Config{Scopes: []string{scope + "user"}}, google.Config{}, []string{"may not have " + scope + "user.security and " + scope + "group;"}},
		"all of them": {googletest.Config{Scopes: []string{scope + "orgunit"}}, google.Config{}, []string{"no domain-wide delegation for"}},
		"nobody":      {googletest.Config{}, google.Config{Administrator: "nobody@acme.example"}, []string{"invalid_grant", "no token for nobody@acme.example"}},
		"other key":   {googletest.Config{}, google.Config{Key: keyFile("private_key", string(other))}, []string{"invalid_grant", "the key key1"}},
		"not Google":  {googletest.Config{}, google.Config{HTTP: roundTrips(func(*http.Request) *http.Response { return answer(404, "nothing") })}, []string{"does not answer as Google's token endpoint does"}},
		"no token":    {googletest.Config{}, google.Config{HTTP: roundTrips(func(*http.Request) *http.Response { return answer(200, `{"id_token":"x"}`) })}, []string{"without a bearer token"}},
		"elsewhere":   {googletest.Config{}, google.Config{HTTP: roundTrips(func(*http.Request) *http.Response { return answer(302, "") })}, []string{"not followed"}},
	} {
		_, c := newAccount(t, tt.ac, tt.cc)
		_, err := c.User(t.Context(), "1")
		fails(t, err, tt.say...)
		if e, ok := errors.AsType[*google.Error](err); !ok || !e.Unsent || google.IsNotFound(err) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	// A key that changes is taken up, and one that leads elsewhere is not.
	now := keyFile("private_key", string(other))
	_, c = newAccount(t, googletest.Config{}, google.Config{Credential: func() ([]byte, error) { return now, nil }})
	_, err = c.User(t.Context(), "1")
	fails(t, err, "invalid_grant")
	now = keyFile("token_uri", "https://evil.example/token")
	_, err = c.User(t.Context(), "1")
	fails(t, err, "none of Google's")
	now = keyFile()
	if !c.Reachable(t.Context()) {
		t.Error("the right key is not taken up")
	}
}

// TestLimits: what says that it is a limit is waited for, by whatever status it comes, for
// writes, too; what is forbidden is not.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		account, c := newAccount(t, googletest.Config{PerMinute: 4}, google.Config{})
		began := time.Now()
		for i := range 10 {
			if _, err := c.CreateUser(t.Context(), ada(fmt.Sprintf("p%d@acme.example", i)), password); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 2*time.Minute || took > 4*time.Minute || len(account.Users()) != 10 {
			t.Errorf("10 users, 4 a minute, in %v: %d", took, len(account.Users()))
		}
		time.Sleep(time.Minute)
		before := account.Counts().Total()
		account.SetFaults(fake.Rules(fake.Rule{Path: "/users", Fault: fake.Fault{Kind: fake.Forbidden}}))
		_, err := c.CreateUser(t.Context(), ada("more@acme.example"), password)
		if fails(t, err, "forbidden", "Not Authorized"); !google.IsForbidden(err) || account.Counts().Total()-before != 1 {
			t.Errorf("%v after %d requests", err, account.Counts().Total()-before)
		}
	})
}

// TestWords: what Google's words mean.
func TestWords(t *testing.T) {
	t.Parallel()
	reason := func(status int, reason string) *http.Response {
		return answer(status, fmt.Sprintf(`{"error":{"code":%d,"message":"so it is","errors":[{"domain":"global","reason":%q,"message":"so it is"}]}}`, status, reason))
	}
	for name, tt := range map[string]struct {
		res                                               func() *http.Response
		notFound, taken, forbidden, invalid, unset, alien bool
	}{
		"not found": {res: func() *http.Response { return reason(404, "notFound") }, notFound: true},
		"taken":     {res: func() *http.Response { return reason(409, "duplicate") }, taken: true},
		"forbidden": {res: func() *http.Response { return reason(403, "forbidden") }, forbidden: true},
		"too early": {res: func() *http.Response { return reason(412, "conditionNotMet") }, invalid: true, unset: true},
		"no more":   {res: func() *http.Response { return reason(412, "limitExceeded") }, invalid: true},
		"invalid":   {res: func() *http.Response { return reason(400, "invalid") }, invalid: true},
		"by status": {res: func() *http.Response {
			return answer(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"no"}}`)
		}, forbidden: true},
		"a gateway":    {res: func() *http.Response { return answer(404, `<html>`) }, alien: true},
		"another API":  {res: func() *http.Response { return answer(403, `{"message":"forbidden"}`) }, alien: true},
		"empty object": {res: func() *http.Response { return answer(409, `{"error":{}}`) }, alien: true},
	} {
		_, c := newAccount(t, googletest.Config{}, google.Config{HTTP: roundTrips(func(r *http.Request) *http.Response {
			if r.URL.Path == "/token" {
				return answer(200, `{"access_token":"hunter2","token_type":"Bearer","expires_in":3600}`)
			}
			return tt.res()
		})})
		_, err := c.User(t.Context(), "1")
		fails(t, err)
		e, ok := errors.AsType[*google.Error](err)
		if !ok || e.Foreign != tt.alien || google.IsNotFound(err) != tt.notFound || google.IsTaken(err) != tt.taken || google.IsForbidden(err) != tt.forbidden ||
			google.IsInvalid(err) != tt.invalid || google.IsUnsettled(err) != tt.unset {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestPasswordIsHidden: a refusal that quotes the password does not show it.
func TestPasswordIsHidden(t *testing.T) {
	t.Parallel()
	_, c := newAccount(t, googletest.Config{}, google.Config{HTTP: roundTrips(func(r *http.Request) *http.Response {
		if r.URL.Path == "/token" {
			return answer(200, `{"access_token":"hunter2","token_type":"Bearer","expires_in":3600}`)
		}
		return answer(400, `{"error":{"code":400,"message":"Invalid Input: `+password+` by hunter2"}}`)
	})})
	_, err := c.CreateUser(t.Context(), ada("ada@acme.example"), password)
	fails(t, err, "Invalid Input: [redacted] by [redacted]")
}

// TestLists: lists are whole over their pages, and what cannot be whole ends with an error.
func TestLists(t *testing.T) {
	t.Parallel()
	account, c := newAccount(t, googletest.Config{MostPerPage: 3}, google.Config{})
	var ids []string
	for i := range 10 {
		id, err := account.Put(fmt.Sprintf("p%d@acme.example", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	account.Suspend(ids[0], "ADMIN")
	group := account.PutGroup("staff@acme.example", "Staff", ids...)
	account.PutMember(group, "C01", "", "CUSTOMER", "MEMBER")
	n := 0
	for _, err := range c.Users(t.Context()) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range c.Members(t.Context(), group) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	for g, err := range c.Groups(t.Context()) {
		if n++; err != nil || g.Email != "staff@acme.example" {
			t.Fatal(err)
		}
	}
	if n != 11+11+1 { // the administrator is a user
		t.Errorf("%d entries", n)
	}
	empty := account.PutGroup("empty@acme.example", "Empty")
	for m, err := range c.Members(t.Context(), empty) {
		t.Errorf("%v %v", m, err)
	}
	for name, tt := range map[string]struct{ body, say string }{
		"itself":   {`{"nextPageToken":"t"}`, "leads to itself"},
		"twice":    {`{"users":[{"id":"1","primaryEmail":"a@b"},{"id":"1","primaryEmail":"a@b"}]}`, "twice"},
		"no id":    {`{"users":[{"primaryEmail":"a@b"}]}`, "no id"},
		"no email": {`{"users":[{"id":"1"}]}`, "no primaryEmail"},
		"no list":  {`{"users":{}}`, "no list"},
		"no page":  {`{"nextPageToken":7}`, "no text"},
		"no JSON":  {`[]`, "not the JSON"},
	} {
		_, c := newAccount(t, googletest.Config{}, google.Config{HTTP: roundTrips(func(r *http.Request) *http.Response {
			if r.URL.Path == "/token" {
				return answer(200, `{"access_token":"hunter2","token_type":"Bearer","expires_in":3600}`)
			}
			return answer(200, tt.body)
		})})
		var last error
		for _, err := range c.Users(t.Context()) {
			last = err
		}
		if last == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		fails(t, last, tt.say)
	}
}

// TestLookUps: an address finds its user, by an alias, too; our id is looked for in an index
// that is late, and whom it tells of is read again.
func TestLookUps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := newAccount(t, googletest.Config{SearchLag: 5 * time.Second, SettleIn: 3 * time.Second}, google.Config{})
		ctx := t.Context()
		fields := ada("ada@acme.example")
		fields["externalIds"] = jsontext.Value(`[{"type":"custom","customType":"usher","value":"id1"}]`)
		made, err := c.CreateUser(ctx, fields, password)
		if err != nil {
			t.Fatal(err)
		}
		if _, found, err := c.UserByAddress(ctx, "ada@acme.example"); found || err != nil {
			t.Errorf("who is new is there at once: %v", err)
		}
		time.Sleep(3 * time.Second)
		if _, err := c.UpdateUser(ctx, made.ID, map[string]jsontext.Value{"primaryEmail": google.Text("lady@acme.example")}); err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{"ADA@acme.example", "lady@acme.example"} {
			if u, found, err := c.UserByAddress(ctx, address); err != nil || !found || u.ID != made.ID || u.PrimaryEmail != "lady@acme.example" || len(u.Aliases) != 1 {
				t.Errorf("%+v %v %v", u, found, err)
			}
		}
		by := func(value string) int {
			list, err := c.UsersByExternalID(ctx, value)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if by("id1") != 0 {
			t.Error("the index knows at once")
		}
		time.Sleep(5 * time.Second)
		if by("id1") != 1 || by("id2") != 0 || by("' or 1") != 0 {
			t.Error("the index does not find her")
		}
	})
}

// TestMembers: a member is added by the address, who is in already is no error and stays
// what they are, and so is who is not in any more.
func TestMembers(t *testing.T) {
	t.Parallel()
	account, c := newAccount(t, googletest.Config{}, google.Config{})
	id, err := account.Put("ada@acme.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.User(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	group := account.PutGroup("staff@acme.example", "Staff")
	for range 2 {
		if err := c.AddMember(t.Context(), group, &u); err != nil {
			t.Error(err)
		}
	}
	if got := account.Groups()["staff@acme.example"]; len(got) != 1 || got[0] != id {
		t.Errorf("%v", got)
	}
	for range 2 {
		if err := c.RemoveMember(t.Context(), group, id); err != nil {
			t.Error(err)
		}
	}
	if got := account.Groups()["staff@acme.example"]; len(got) != 0 {
		t.Errorf("%v", got)
	}
	u.PrimaryEmail = admin // who has the address by now is somebody else
	fails(t, c.AddMember(t.Context(), group, &u), "not of the member")
}

// TestConfig: what is wrong with a configuration is said.
func TestConfig(t *testing.T) {
	t.Parallel()
	sound := google.Config{Key: keyFile(), Administrator: admin, HTTP: http.DefaultTransport}
	for _, tt := range []struct {
		change func(*google.Config)
		say    string
	}{
		{func(c *google.Config) { c.Key = nil }, "set the key file"},
		{func(c *google.Config) { c.Credential = func() ([]byte, error) { return nil, nil } }, "set the key file"},
		{func(c *google.Config) { c.Administrator = "" }, "no administrator"},
		{func(c *google.Config) { c.Administrator = "a@b c" }, "no administrator"},
		{func(c *google.Config) { c.HTTP = nil }, "nothing to send"},
		{func(c *google.Config) { c.Timeout = -1 }, "negative"},
		{func(c *google.Config) { c.UserAgent = "a\nb" }, "user agent"},
		{func(c *google.Config) { c.URL = "admin" }, "take url out"},
	} {
		cfg := sound
		tt.change(&cfg)
		_, err := google.New(cfg)
		fails(t, err, tt.say)
	}
	if err := google.CheckKey(keyFile()); err != nil {
		t.Error(err)
	}
	fails(t, google.CheckKey(keyFile("token_uri", "https://evil.example")), "none of Google's")
}
