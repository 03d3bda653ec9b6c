// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// rivalRow is a row of docs/comparison.md.
type rivalRow struct {
	name string // number and idea, as the page has it
	run  func(*testing.T)
}

func rivalRows() []rivalRow {
	return []rivalRow{
		{"1 credentials of several kinds", rivalCredentials},
		{"2 a missing secret is refused at the start", rivalSecrets},
		{"3 an account that exists is matched before one is made", rivalMatches},
		{"4 a conflict adopts by rule or waits for a person", rivalConflicts},
		{"5 an update is one PATCH of our attributes", rivalPatches},
		{"6 who was there before the stream is there", rivalBackfills},
		{"7 a leaver is disabled and deleted only by policy", rivalDisables},
		{"8 a block and a date are ways to leave", rivalLeavers},
		{"9 each app has a mapping and a preview", rivalMaps},
		{"10 nobody is skipped in silence", rivalWithoutMail},
		{"11 an account is found by its id", rivalRemembers},
		{"12 Retry-After is kept", rivalRetries},
		{"13 what was set aside is listed and replayed", rivalReplays},
		{"14 a test event is no event", rivalTests},
		{"15 nine apps from one tenant", rivalManyApps},
		{"16 roles and organizations and groups are groups", rivalGroups},
		{"17 late events change nothing", rivalOrder},
		{"18 drift is found and mended", rivalDrift},
		{"19 a first run is shown before it is done", rivalFirstRun},
		{"20 scope goes by facts of people", rivalScope},
		{"21 a ledger that shows what was changed in it", rivalLedger},
		{"22 private apps and no public address", rivalPrivate},
		{"23 a mass departure is held", rivalGuard},
		{"25 each app's dialect of PATCH", rivalDialects},
	}
}

// TestRival holds Usher, row by row, against what Auth0's own outbound SCIM Action does
// not do. What is said of it is in docs/comparison.md; here is what the tenant's and the
// apps' own ledgers and counts say of Usher.
func TestRival(t *testing.T) {
	t.Parallel()
	for _, row := range rivalRows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
}

// rivalCredentials: the tenant is shown a signed assertion and no secret, an app a
// token and the headers that its kind of app asks for, or what rivalClients has. A webhook has two secrets at a
// time, in a header of one's choice.
func rivalCredentials(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	shown := http.Header{}
	quirks, _ := scimtest.QuirksOf("github-emu")
	r := newRival(t, func(c *auth0test.Config) {
		c.Secret, c.PublicKeys = "", [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}
	}, rivalApp{name: "code", profile: "github-emu", Config: scimtest.Config{Quirks: quirks}, through: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			shown = req.Header.Clone()
			mu.Unlock()
			next.ServeHTTP(w, req)
		})
	}})
	file := filepath.Join(r.dir, "key.pem")
	r.must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600))
	r.edit(`client_secret: "`+rivalSecret+`"`, "private_key: "+file)
	r.put("ada", "R&D")
	r.apply(0)
	r.sees("code", "ada")
	if no := r.apps["code"].Refusals(); len(no) > 0 || shown.Get("Authorization") != "Bearer a-token-of-the-fake" || shown.Get("Accept") != "application/scim+json" || shown.Get("User-Agent") != "usher" {
		t.Errorf("the app is shown %v, and refuses %v", shown, no)
	}
	rivalClients(t)

	r.edit("changes: none", "changes: webhook\n    webhook: {header: X-Usher, secrets: [the-secret-before-this-one, the-secret-of-this-month]}")
	at := r.serve()
	var streams []string
	for _, secret := range []string{"the-secret-before-this-one", "the-secret-of-this-month", "the-secret-of-nobody"} {
		id, err := r.tenant.AddStream(auth0test.Stream{URL: "http://" + at + "/hooks/auth0", Header: "X-Usher", Value: secret})
		r.must(err)
		streams = append(streams, id)
	}
	r.put("bea", "R&D")
	r.until("bea is there", func() bool { return slices.Equal(r.live("code"), []string{"ada", "bea"}) })
	for i, want := range []auth0test.StreamStatus{{Enabled: true, Sent: 1}, {Enabled: true, Sent: 1}, {Enabled: true, Failed: 1, FailedInARow: 1}} {
		r.until("each delivery has an end", func() bool { s, _ := r.tenant.StreamStatus(streams[i]); return s.Sent+s.Failed == 1 })
		if got, _ := r.tenant.StreamStatus(streams[i]); got != want {
			t.Errorf("stream %d: %+v, want %+v", i, got, want)
		}
	}
}

// rivalSecrets: without a secret nothing begins, and nothing is asked. One that is not
// taken is a failure, or a pause with words, and takes nothing from anybody.
func rivalSecrets(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.put("ada", "R&D")
	right := r.conf
	for _, of := range [][2]string{{"token: a-token-of-the-fake", "token: "}, {`client_secret: "` + rivalSecret + `"`, "client_secret: "}} {
		for _, none := range []string{"${USHER_TEST_IS_NOT_SET}", `"${USHER_TEST_IS_NOT_SET:-}"`, `""`} {
			r.conf = right
			r.edit(of[0], of[1]+none)
			_, errs := r.usher(2, "apply")
			if !strings.Contains(errs, "usher.yaml:") || strings.Contains(none, "SET}\"") && !strings.Contains(errs, "USHER_TEST_IS_NOT_SET") {
				t.Errorf("%s: %s", of[1]+none, errs)
			}
			r.usher(2, "check")
			r.usher(2, "serve")
		}
	}
	if n := r.tenant.Counts().Total() + r.apps["wiki"].Counts().Total(); n != 0 {
		t.Errorf("%d requests without a secret", n)
	}
	r.conf = right
	r.apply(0)
	r.edit(rivalSecret, "a-secret-that-was-rotated")
	r.put("bea", "R&D")
	if _, errs := r.usher(1, "apply"); !strings.Contains(errs, "source auth0") || strings.Contains(errs, "rotated") {
		t.Errorf("%s", errs)
	}
	r.conf = right
	r.edit("a-token-of-the-fake", "a-token-that-was-rotated")
	r.apps["wiki"].ResetCounts()
	out, _ := r.usher(4, "apply")
	if !strings.Contains(out, "token") || strings.Contains(out, "rotated") || r.apps["wiki"].Counts().Total() > 2 {
		t.Errorf("%s, %v", out, r.apps["wiki"].Counts())
	}
	r.sees("wiki", "ada")
	r.conf = right
	r.apply(0)
	r.sees("wiki", "ada", "bea")
}

// rivalMatches: whoever has an account keeps it, under the id that it has.
func rivalMatches(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.put("ada", "R&D")
	r.put("bea", "R&D")
	there := scim.NewResource(scim.UserURN)
	there.Set("userName", scim.String("ADA@acme.example"))
	there.Set("title", scim.String("Countess"))
	id, err := r.apps["wiki"].Add("User", there)
	r.must(err)
	r.apply(0)
	r.sees("wiki", "ada", "bea")
	if made := r.happened("wiki", scimtest.Created); !slices.Equal(made, []string{"bea"}) {
		t.Errorf("made are %v", made)
	}
	if u := r.account("wiki", "ada@acme.example"); u.ID() != id || u.ExternalID() == "" || u.DisplayName() != "Ada Doe" || !strings.Contains(u.String(), "Countess") {
		t.Errorf("%s", u)
	}
}

// rivalConflicts: an account that nobody knew of answers a create with 409. Nobody's is
// taken over by rule; somebody else's waits, untouched, for a person, and keeps nobody.
func rivalConflicts(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.put("ada", "R&D")
	r.apply(0)
	add := func(name, externalID string) string {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(name+"@acme.example"))
		u.SetExternalID(externalID)
		id, err := r.apps["wiki"].Add("User", u)
		r.must(err)
		return id
	}
	nobodys, somebodys := add("bea", ""), add("cleo", "their-17")
	r.put("bea", "R&D")
	r.put("cleo", "R&D")
	r.put("dan", "R&D")
	r.apps["wiki"].ResetCounts()
	if a := r.apply(4).Apps["wiki"]; a.Parked != 1 || r.apps["wiki"].Counts()["POST /Users"] != 3 {
		t.Errorf("%+v %v", a, r.apps["wiki"].Counts())
	}
	if u := r.account("wiki", "bea@acme.example"); u.ID() != nobodys || u.ExternalID() == "" {
		t.Errorf("bea: %s", u)
	}
	if u := r.account("wiki", "cleo@acme.example"); u.ID() != somebodys || u.ExternalID() != "their-17" || u.DisplayName() != "" {
		t.Errorf("cleo: %s", u)
	}
	if made := r.happened("wiki", scimtest.Created); !slices.Equal(made, []string{"ada", "dan"}) {
		t.Errorf("made are %v", made)
	}
	var parked []struct{ Who, Reason string }
	if r.asks(&parked, 0, "people", "--parked"); len(parked) != 1 || parked[0].Who != "cleo@acme.example" || !strings.Contains(parked[0].Reason, "another externalId") {
		t.Errorf("parked: %v", parked)
	}
	// A person looks, and says at the app whose it is.
	r.must(r.apps["wiki"].Alter("User", somebodys, func(u *scim.Resource) { u.SetExternalID("") }))
	r.apply(0, "--person", "cleo@acme.example")
	if u := r.account("wiki", "cleo@acme.example"); u.ID() != somebodys || u.DisplayName() != "Cleo Doe" {
		t.Errorf("cleo: %s", u)
	}
}

// rivalPatches: a change is one request, which names what has changed and nothing else.
func rivalPatches(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada := r.put("ada", "R&D")
	r.apply(0)
	u := r.account("wiki", "ada@acme.example")
	r.must(r.apps["wiki"].Alter("User", u.ID(), func(u *scim.Resource) {
		u.Set("nickName", scim.String("Addy"))
		u.Set("locale", scim.String("en-GB"))
	}))
	r.alter(ada, called("Ada King"))
	r.apps["wiki"].ResetCounts()
	r.apply(0)
	r.sent("wiki", scimtest.Counts{"PATCH /Users/:id": 1})
	all := r.apps["wiki"].Ledger()
	if e := all[len(all)-1]; e.Op != scimtest.Updated || e.Detail != "displayName" || e.Outside {
		t.Errorf("%+v", e)
	}
	if u := r.account("wiki", "ada@acme.example").String(); !strings.Contains(u, "Ada King") || !strings.Contains(u, "Addy") || !strings.Contains(u, "en-GB") {
		t.Errorf("%s", u)
	}
	// What Auth0 changes at every sign-in is no change.
	r.must(r.tenant.SignIn(ada))
	r.apps["wiki"].ResetCounts()
	r.apply(0)
	r.sent("wiki", scimtest.Counts{})
}

// rivalBackfills: no event ever told of them.
func rivalBackfills(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.load(60) // more than a page
	r.edit("changes: none", "changes: stream")
	r.serve()
	r.until("all are there", func() bool { return len(r.live("wiki")) == 60 })
	if told := r.tenant.Events(); len(told) != 0 {
		t.Errorf("%d events", len(told))
	}
	r.put("ada", "R&D")
	r.until("and who came then", func() bool { return len(r.live("wiki")) == 61 })
}

// rivalDisables: somebody is deleted at Auth0; that deletes nothing anywhere but where
// the configuration says so, and then after the time that it names.
func rivalDisables(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "shop"}, rivalApp{name: "wiki"})
	r.edit(r.apps["shop"].base+"\n", r.apps["shop"].base+"\n    delete_after: 30d\n")
	r.today = "2026-03-01"
	ada := r.put("ada", "R&D")
	r.put("bea", "R&D")
	r.apply(0)
	r.must(r.tenant.Remove(ada))
	r.today = "2026-03-02"
	r.apply(0)
	for name, app := range r.apps {
		r.sees(name, "bea")
		if n := app.Counts()["DELETE /Users/:id"]; n != 0 || r.account(name, "ada@acme.example") == nil {
			t.Errorf("%s: %d deletions", name, n)
		}
	}
	r.today = "2026-04-02"
	r.apply(0)
	if r.account("shop", "ada@acme.example") != nil || r.account("wiki", "ada@acme.example") == nil {
		t.Error("ada is to be deleted at shop, and at wiki alone")
	}
	if a, b := r.apps["shop"].Counts()["DELETE /Users/:id"], r.apps["wiki"].Counts()["DELETE /Users/:id"]; a != 1 || b != 0 {
		t.Errorf("%d and %d deletions", a, b)
	}
}

// rivalLeavers: whoever is blocked is out, and not back when the block is lifted.
// Where HR says when somebody ends, HR says it.
func rivalLeavers(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada := r.put("ada", "R&D")
	r.put("bea", "R&D")
	r.apply(0)
	r.must(r.tenant.Block(ada))
	r.apply(0)
	r.sees("wiki", "bea")
	r.must(r.tenant.Unblock(ada))
	r.apps["wiki"].ResetCounts()
	if rep := r.apply(4); rep.RejectedRows != 1 {
		t.Errorf("%d set aside", rep.RejectedRows)
	}
	r.sees("wiki", "bea")
	r.sent("wiki", scimtest.Counts{})

	h := newRival(t, nil, rivalApp{name: "wiki"})
	h.today = "2026-03-01"
	h.edit("sources:\n", `sources:
  hr:
    type: csv
    path: DIR/hr.csv
    key: id
    columns: [id, mail, start, end]
    person:
      userName: row.mail
      usher.startDate: date(row.start, ["yyyy-MM-dd"])
      usher.endDate: date(row.end, ["yyyy-MM-dd"])
`)
	h.edit("    changes: none\n", "    changes: none\n    match: [userName]\n")
	h.must(os.WriteFile(filepath.Join(h.dir, "hr.csv"), []byte(`id,mail,start,end
1,ada@acme.example,2020-01-01,2026-03-31
2,bea@acme.example,2020-01-01,
3,cleo@acme.example,2026-03-20,
`), 0o600))
	for _, name := range []string{"ada", "bea", "cleo"} {
		h.put(name, "R&D")
	}
	h.apply(0)
	h.sees("wiki", "ada", "bea")
	h.today = "2026-03-21"
	h.apply(0)
	h.sees("wiki", "ada", "bea", "cleo")
	h.today = "2026-04-01"
	h.apply(0)
	h.sees("wiki", "bea", "cleo")
	if u := h.account("wiki", "bea@acme.example"); u.DisplayName() != "Bea Doe" {
		t.Errorf("%s", u)
	}
}

// rivalMaps: one app wants short names, another the address. What each would be sent is
// shown before anything is.
func rivalMaps(t *testing.T) {
	quirks, _ := scimtest.QuirksOf("slack")
	r := newRival(t, nil, rivalApp{name: "chat", profile: "slack", Config: scimtest.Config{Quirks: quirks}}, rivalApp{name: "wiki"})
	from := strings.Index(r.conf, "      userName: person.userName\n") // of chat
	r.conf = r.conf[:from] + `      userName: person.userName.split("@")[0]` + r.conf[from+len("      userName: person.userName"):]
	r.put("ada", "R&D")
	out, _ := r.usher(0, "plan")
	if !strings.Contains(out, `userName: "ada"`) || !strings.Contains(out, `userName: "ada@acme.example"`) {
		t.Errorf("%s", out)
	}
	if n := r.apps["chat"].Counts().Writes() + r.apps["wiki"].Counts().Writes() + r.tenant.Counts().Writes(); n != 0 {
		t.Errorf("a preview wrote %d times", n)
	}
	r.apply(0)
	if r.account("chat", "ada") == nil || r.account("wiki", "ada@acme.example") == nil {
		t.Error("ada has not the name that was shown")
	}
	if no := r.apps["chat"].Refusals(); len(no) > 0 {
		t.Errorf("%v", no)
	}
}

// rivalWithoutMail: another name does where there is no address; who has neither is
// told; and an address that is gone goes from the app.
func rivalWithoutMail(t *testing.T) {
	r := newRival(t, func(c *auth0test.Config) {
		c.Connections = []auth0test.Connection{{Name: "db", Strategy: "auth0", RequiresUsername: true}, {Name: "sms", Strategy: "sms"}}
	}, rivalApp{name: "wiki"})
	with := member("ada", "R&D")
	with.Username = "ada"
	ada, err := r.tenant.Put(with)
	r.must(err)
	_, err = r.tenant.Put(auth0test.User{Username: "grace", Name: "Grace"})
	r.must(err)
	phone, err := r.tenant.Put(auth0test.User{PhoneNumber: "+4930123456", Identities: []auth0test.Identity{{Connection: "sms"}}})
	r.must(err)
	if out, _ := r.usher(4, "apply"); !strings.Contains(out, phone+": Generic SCIM 2.0 (default profile) wants userName") {
		t.Errorf("who is set aside, and why, is not told: %s", out)
	}
	r.sees("wiki", "ada", "grace")
	before := r.account("wiki", "ada@acme.example")
	r.alter(ada, func(u *auth0test.User) { u.Email = "" })
	r.apps["wiki"].ResetCounts()
	r.apply(4)
	r.sent("wiki", scimtest.Counts{"PATCH /Users/:id": 1})
	if u := r.account("wiki", "ada"); u == nil || u.ID() != before.ID() || strings.Contains(u.String(), "acme.example") {
		t.Errorf("%s", u)
	}
}

// rivalRemembers: an app that keeps no externalId is told of a new address by the id of
// the account, without a look, and the old address may be another one's at once.
func rivalRemembers(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki", Config: scimtest.Config{Quirks: scimtest.Quirks{DropExternalID: true}}})
	ada := r.put("ada", "R&D")
	r.apply(0)
	before := r.account("wiki", "ada@acme.example").ID()
	r.alter(ada, func(u *auth0test.User) { u.Email = "ada.king@acme.example" })
	r.apps["wiki"].ResetCounts()
	r.apply(0)
	r.sent("wiki", scimtest.Counts{"PATCH /Users/:id": 1})
	r.put("ada", "Sales") // another one
	r.apply(0)
	if is, other := r.account("wiki", "ada.king@acme.example").ID(), r.account("wiki", "ada@acme.example").ID(); is != before || other == before {
		t.Errorf("accounts %s and %s, was %s", is, other, before)
	}
	r.sees("wiki", "ada", "ada.king")
}

// rivalRetries: an app that says when is asked then, and not before; and somebody who
// has to wait for hours is waited for.
func rivalRetries(t *testing.T) {
	wait := func(d time.Duration) *scimtest.Schedule {
		return scimtest.Rules(scimtest.Rule{Method: http.MethodPost, Type: "User", Times: 1, Fault: scimtest.Fault{Kind: scimtest.TooManySeconds, RetryAfter: d}})
	}
	r := newRival(t, nil, rivalApp{name: "other"}, rivalApp{name: "wiki"})
	r.put("ada", "R&D")
	r.apps["wiki"].SetFaults(wait(2 * time.Second))
	began := time.Now()
	r.apply(0)
	r.sees("wiki", "ada")
	if took := r.apps["wiki"].Ledger()[0].At.Sub(began); took < 2*time.Second || r.apps["wiki"].Counts()["POST /Users"] != 2 {
		t.Errorf("made after %v, %v", took, r.apps["wiki"].Counts())
	}
	r.apps["wiki"].SetFaults(wait(3 * time.Hour))
	r.put("bea", "R&D")
	r.apply(4, "--wait", "10ms")
	r.sees("other", "ada", "bea") // which waits for nobody
	var status struct {
		Apps []struct {
			Parked, Waiting int
			Retry           time.Time `json:"retry_at"`
		}
	}
	r.asks(&status, 0, "status")
	if s := status.Apps[1]; s.Parked != 0 || s.Waiting != 1 || time.Until(s.Retry) < 2*time.Hour+55*time.Minute {
		t.Errorf("%+v", s)
	}
	r.apps["wiki"].ResetCounts()
	r.apply(4, "--wait", "10ms")
	r.sent("wiki", scimtest.Counts{})

	r.apps["other"].SetFaults(wait(30 * 24 * time.Hour))
	r.put("cleo", "R&D")
	r.apply(4, "--wait", "10ms")
	status.Apps = nil
	r.asks(&status, 0, "status")
	if in := time.Until(status.Apps[0].Retry); in < 23*time.Hour || in > 24*time.Hour {
		t.Errorf("asked for a month, waits for %v", in)
	}
}
