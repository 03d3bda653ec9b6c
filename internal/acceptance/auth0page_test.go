// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// TestAuth0Page runs the configuration and the commands of docs/auth0.md as they stand,
// with a fake tenant in place of the real one, which grants exactly the scopes that the
// page says. Somebody leaves who is signed in, while Usher serves.
func TestAuth0Page(t *testing.T) {
	t.Parallel()
	leads(t, "auth0.md")
	readme := readPage(t, "apps", "README.md")
	p := &appPage{T: t, id: "auth0", text: readPage(t, "auth0.md"), head: blocks(readme, "yaml")[0], people: blocks(readme, "csv")[0], dir: t.TempDir()}
	p.begins("Not tried on a live tenant.**")
	clicks, _, _ := strings.Cut(p.text, "\n## As an app\n")
	for _, word := range []string{"read on 2026-", "## Who Usher is there", "Remove `secret.txt` when it is sealed."} {
		if !strings.Contains(clicks, word) {
			t.Errorf("the page has no %q before it says more", word)
		}
	}
	_, list, _ := strings.Cut(clicks, "these: ")
	list, _, _ = strings.Cut(list, "*Authorize*")
	var scopes []string
	for _, m := range regexp.MustCompile("`([a-z]+:[a-z_]+)`").FindAllStringSubmatch(list, -1) {
		scopes = append(scopes, m[1])
	}
	const secret = "the-secret~of.the_tenant"
	tenant, err := auth0test.New(auth0test.Config{ClientID: "AbCdEfExample", Secret: secret, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	block := p.replaced(blocks(p.text, "yaml")[0], map[string]string{
		"      url: https://acme.eu.auth0.com\n": "      url: " + url + "\n      allow: [loopback, plain-http]\n",
	})
	p.write("usher.yaml", p.head+block+"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: \"off\"}\n")
	p.write("people.csv", p.people)
	p.write("secret.txt", secret+"\n")
	commands := strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n")
	if n := len(commands); n != 8 || commands[n-1] != "usher serve" {
		t.Fatalf("the page's commands are %q", commands)
	}
	p.firstRun(commands[:7], func() int { return tenant.Counts().Writes() })
	in := map[string]string{"ada.brandt@acme.example": "Engineering", "paul.meyer@acme.example": "Engineering", "ines.lopez@acme.example": "Finance", "zoe.omalley@acme.example": "Finance"}
	seats := func() {
		t.Helper()
		for _, u := range tenant.Users() {
			roles := tenant.RolesOf(u.ID)
			if team := in[u.Email]; u.Blocked != (team == "") || team != "" && !slices.Equal(roles, []string{team}) {
				t.Errorf("%s is to be in %q: blocked %t, in %v", u.Email, team, u.Blocked, roles)
			}
		}
		if tenant.Len() != 4 {
			t.Errorf("%d users", tenant.Len())
		}
	}
	seats()
	if n := len(tenant.Mails()); n != 4 {
		t.Errorf("%d mails to choose a password", n)
	}
	zoe, _ := tenant.UserByEmail("zoe.omalley@acme.example")
	if err := tenant.SignIn(zoe.ID); err != nil {
		t.Fatal(err)
	}
	p.serves(commands[7], func() {
		p.write("people.csv", strings.Replace(p.people, "2020-06-15,\n", "2020-06-15,2021-06-30\n", 1))
	}, func() bool {
		u, _ := tenant.User(zoe.ID)
		return u.Blocked && tenant.Sessions(zoe.ID)+tenant.RefreshTokens(zoe.ID)+len(tenant.RolesOf(zoe.ID)) == 0
	})
	delete(in, "zoe.omalley@acme.example")
	seats()
	for _, r := range tenant.Refusals() {
		if r.Status == 403 {
			t.Errorf("the scopes that the page names do not do: %+v", r)
		}
	}
	said := p.say.String()
	if strings.Contains(said, secret) || strings.Contains(said, "which nothing here needs") {
		t.Errorf("the secret is shown, or a scope is superfluous:\n%s", said)
	}
	if told := blocks(clicks, ""); len(told) != 1 || !strings.Contains(said, told[0]) {
		t.Errorf("nobody has said %q\n%s", told, said)
	}
	p.shell(0, "usher audit verify")
}
