// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

var changedRow = regexp.MustCompile(`(?m)^\| (\d+) \| [^|]+ \| [^|]+ \| [^|]+ \|$`)

// switchover is docs/from-auth0-outbound-scim.md with a fake tenant, and an app in
// which the Action has made an account for everybody but the last.
type switchover struct {
	*appPage
	tenant *auth0test.Tenant
	ids    map[string]string // of users, by name
}

func newSwitchover(t *testing.T) *switchover {
	t.Helper()
	s := &switchover{appPage: &appPage{T: t, id: "from-auth0", text: readPage(t, "from-auth0-outbound-scim.md"), dir: t.TempDir()}, ids: map[string]string{}}
	var err error
	s.tenant, err = auth0test.New(auth0test.Config{ClientID: "usher", Secret: "the tenant's secret", Scopes: []string{"read:users", "read:connections", "read:events"}})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s.fake = newFake(t, scimtest.Config{}, nil)
	for _, name := range []string{"ada", "bea", "cleo"} {
		if s.ids[name], err = s.tenant.Put(member(name, "R&D")); err != nil {
			t.Fatal(err)
		}
		if name == "cleo" {
			continue
		}
		user, _ := s.tenant.User(s.ids[name])
		u := scim.NewResource(scim.UserURN)
		u.SetExternalID(user.ID)
		u.SetActive(true)
		u.Set("userName", scim.String(user.Email))
		u.Set("displayName", scim.String(user.Name))
		u.Set("nickName", scim.String(user.Nickname))
		u.Set("name", scim.Complex(object("givenName", scim.String(user.GivenName), "familyName", scim.String(user.FamilyName))))
		u.Set("emails", scim.List(scim.Complex(object("value", scim.String(user.Email), "type", scim.String("work"), "primary", scim.Bool(true)))))
		u.Set("title", scim.String("Countess")) // which is the app's own
		if _, err := s.fake.Add("User", u); err != nil {
			t.Fatal(err)
		}
	}
	block := blocks(s.text, "yaml")[0]
	s.write("check.yaml", strings.Replace(block, "${AUTH0_CLIENT_ID}", "usher", 1))
	if out := s.shell(0, "usher check -c check.yaml"); !strings.Contains(out, "check.yaml is sound") {
		t.Error(out)
	}
	block = strings.NewReplacer(
		"https://acme.eu.auth0.com", url+"\n      allow: [loopback, plain-http]", "${AUTH0_CLIENT_ID}", "usher",
		"https://crm.example/scim/v2", s.fake.base+"\n    allow: [loopback, plain-http]",
	).Replace(block)
	s.write("usher.yaml", block)
	s.write("auth0.txt", "the tenant's secret")
	s.write("crm.txt", s.fake.token)
	for _, c := range strings.Split(strings.TrimSpace(blocks(s.text, "sh")[0]), "\n") {
		code := 0
		if c == "usher plan" {
			code = 3
		}
		if name, is := strings.CutPrefix(c, "usher secret set "); is {
			c += " < " + name + ".txt"
		}
		out := s.shell(code, c)
		if m := holdOfPlan.FindStringSubmatch(out); m != nil {
			s.head = m[1]
		}
	}
	return s
}

// object is a complex value of names and values in turn.
func object(parts ...any) scim.Object {
	var o scim.Object
	for i := 0; i+1 < len(parts); i += 2 {
		name, _ := parts[i].(string)
		v, _ := parts[i+1].(scim.Value)
		o.Set(name, v)
	}
	return o
}

// accounts are those of the app, by externalId.
func (s *switchover) accounts() map[string]*scim.Resource {
	s.Helper()
	out := map[string]*scim.Resource{}
	for _, u := range s.fake.Users() {
		if out[u.ExternalID()] != nil {
			s.Errorf("two accounts have the externalId %s", u.ExternalID())
		}
		out[u.ExternalID()] = u
	}
	return out
}

// TestFromAuth0Page: Usher looks while the Action writes, takes over what the Action has
// made, and leaves it so that the Action would find it again.
func TestFromAuth0Page(t *testing.T) {
	t.Parallel()
	s := newSwitchover(t)
	if n := s.fake.Counts(); n.Writes() > 0 || n.Total() == 0 {
		t.Fatalf("whoever only looks has sent %v", n)
	}
	s.fake.ResetCounts()
	s.shell(0, "usher apply --release-hold "+s.head)
	if n := s.fake.Counts(); n.Writes() != 1 || n["POST /Users"] != 1 { // the one that was missing
		t.Errorf("the switch has sent %v", n)
	}
	if made := s.fake.effects()[scimtest.Created+" User"]; made != 3 { // two by the Action
		t.Errorf("%d accounts were made", made)
	}
	for name, id := range s.ids {
		u := s.accounts()[id]
		if u == nil || u.UserName() != name+"@acme.example" || name != "cleo" && !strings.Contains(u.String(), "Countess") {
			t.Errorf("%s: the account of %s is %v", name, id, u)
		}
	}
	s.fake.ResetCounts()
	s.shell(0, "usher apply")
	if n := s.fake.Counts(); n.Total() > 0 {
		t.Errorf("once more %v is sent", n)
	}

	// Who is blocked is out, who is deleted is out, and nobody is deleted at the app.
	if err := s.tenant.Block(s.ids["ada"]); err != nil {
		t.Fatal(err)
	}
	if err := s.tenant.Remove(s.ids["bea"]); err != nil {
		t.Fatal(err)
	}
	s.shell(0, "usher apply")
	for name, id := range s.ids {
		if active, _ := s.accounts()[id].Active(); active != (name == "cleo") {
			t.Errorf("%s is active: %t", name, active)
		}
	}
}

// TestFromAuth0PageWithoutExternalID is why the page insists on two lines: without them
// the accounts are somebody else's, and stay so.
func TestFromAuth0PageWithoutExternalID(t *testing.T) {
	t.Parallel()
	s := newSwitchover(t)
	text := s.read("usher.yaml")
	for _, line := range []string{"      externalId: row.user_id\n", "      externalId: person.externalId\n"} {
		if strings.Count(text, line) != 1 {
			t.Fatalf("%q is not once in\n%s", line, text)
		}
		text = strings.Replace(text, line, "", 1)
	}
	s.write("usher.yaml", text)
	hold := holdOfPlan.FindStringSubmatch(s.shell(3, "usher plan"))
	if hold == nil {
		t.Fatal("there is no hold")
	}
	out := s.shell(4, "usher apply --release-hold "+hold[1])
	if words := strings.TrimSpace(blocks(s.text, "")[0]); strings.Count(out, words) != 2 {
		t.Errorf("two accounts are not told as %q:\n%s", words, out)
	}
	if at := s.accounts(); at[s.ids["ada"]] == nil || at[s.ids["bea"]] == nil {
		t.Errorf("accounts of the Action were changed: %v", at)
	}
}

// TestFromAuth0Rows: the page has each row of docs/comparison.md, and no other.
func TestFromAuth0Rows(t *testing.T) {
	t.Parallel()
	leads(t, "from-auth0-outbound-scim.md")
	numbers := func(at *regexp.Regexp, text string) (out []string) {
		for _, m := range at.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
		return out
	}
	here, there := numbers(changedRow, readPage(t, "from-auth0-outbound-scim.md")), numbers(comparedRow, readPage(t, "comparison.md"))
	if len(there) == 0 || !slices.Equal(here, there) {
		t.Errorf("rows %v, and comparison.md has %v", here, there)
	}
}
