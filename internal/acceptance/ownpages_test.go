// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/testenv"
)

// playsOwn runs the commands of a page of an app that is spoken to by an API of its own,
// where there is a fake that it can be run against.
func (p *appPage) playsOwn() {
	p.Helper()
	switch p.id {
	case "entra-graph":
		p.playsEntra()
	case "github-teams":
		p.playsGitHub()
	case "google-workspace":
		p.workspace()
	case "okta-users-api":
		p.playsOkta()
	default:
		p.Errorf("nobody runs the commands of %s", p.id)
	}
	p.opensOwn()
	p.quotesOwn()
}

// opensOwn holds that such a page says at once what it rests on, and has the same parts as
// the others.
func (p *appPage) opensOwn() {
	p.Helper()
	p.begins("Not tried on a live ")
	p.dated()
	for _, word := range []string{"## Who Usher is there", "## Somebody comes", "## Who was there before", "## Somebody leaves", "## Teams", "## Limits", "## What an answer means", "## Not verified", " when it is sealed."} {
		if !strings.Contains(p.text, word) {
			p.Errorf("the page has no %q", word)
		}
	}
}

// readOn is when a page's makers were read: a day, or that by which it was done.
var readOn = regexp.MustCompile(`\b[Rr]ead (?:on|by) 2026-\d\d-\d\d\b`)

// dated holds that a page says on which day its makers were read.
func (p *appPage) dated() {
	p.Helper()
	if !readOn.MatchString(p.text) {
		p.Error("the page does not say on which day its makers were read")
	}
}

// quotesOwn holds that what the page says in Usher's words, of leavers above all, was said
// while its commands ran.
func (p *appPage) quotesOwn() {
	p.Helper()
	told := blocks(p.text, "")
	if len(told) == 0 || !strings.Contains(told[0], ": whoever leaves is ") {
		p.Errorf("the page does not say what becomes of leavers: %q", told)
	}
	for _, b := range told {
		if !strings.Contains(p.say.String(), b) {
			p.Errorf("nobody has said\n%s", b)
		}
	}
}

// playsOkta runs the page's configuration and commands in their order, and has somebody
// leave who is signed in while it serves.
func (p *appPage) playsOkta() {
	p.Helper()
	private, err := rest.NewKey()
	if err != nil {
		p.Fatal(err)
	}
	public, _, err := rest.PublicKeyOf(private)
	if err != nil {
		p.Fatal(err)
	}
	org, err := oktatest.New(oktatest.Config{ClientID: "0oa1example", PublicKeys: [][]byte{public}, Attributes: []string{"usherId"}, MostPerPage: 3})
	if err != nil {
		p.Fatal(err)
	}
	url, stop, err := org.Listen(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(stop)
	// The fake knows a key by its thumbprint, which is what the page says of a key_id that is left out.
	block := p.replaced(blocks(p.text, "yaml")[0], map[string]string{
		"    url: https://acme.okta.com ":                  "    url: " + url + "\n    allow: [loopback, plain-http] ",
		"      key_id: kid-as-okta-shows-it             #": "      #",
	})
	p.write("usher.yaml", p.head+block+"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: \"off\"}\n")
	p.write("people.csv", p.people)
	p.write("okta.pem", string(private))
	commands := strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n")
	if n := len(commands); n != 7 || commands[n-1] != "usher serve" {
		p.Fatalf("the page's commands are %q", commands)
	}
	p.firstRun(commands[:6], func() int { return org.Counts().Writes() })
	seats := func(groups map[string]string) {
		p.Helper()
		for login, u := range org.Users() {
			group := groups[login]
			if group == "" && (u.Status != "DEPROVISIONED" || len(u.Groups)+u.Sessions > 0) ||
				group != "" && (u.Status != "PROVISIONED" && u.Status != "ACTIVE" || !slices.Equal(u.Groups, []string{group}) || u.Profile["usherId"] == "") {
				p.Errorf("%s is to be in %q: %+v", login, group, u)
			}
		}
		if n := len(org.Users()); n != 4 {
			p.Errorf("%d users", n)
		}
	}
	in := map[string]string{"ada.brandt@acme.example": "Engineering", "paul.meyer@acme.example": "Engineering", "ines.lopez@acme.example": "Finance", "zoe.omalley@acme.example": "Finance"}
	seats(in)
	const zoe = "zoe.omalley@acme.example"
	if err := org.SignIn(org.Users()[zoe].ID); err != nil {
		p.Fatal(err)
	}
	p.serves(commands[6], func() {
		p.write("people.csv", strings.Replace(p.people, "2020-06-15,\n", "2020-06-15,2021-06-30\n", 1))
	}, func() bool {
		u := org.Users()[zoe]
		return u.Status == "DEPROVISIONED" && u.Sessions+len(u.Groups) == 0
	})
	delete(in, zoe)
	seats(in)
	if secret := strings.Split(string(private), "\n")[3]; strings.Contains(p.say.String(), secret) {
		p.Error("the key is shown")
	}
	p.shell(0, "usher audit verify")
}

// replaced puts other lines into a configuration, each of which has to be there once.
func (p *appPage) replaced(block string, lines map[string]string) string {
	p.Helper()
	for old, with := range lines {
		if strings.Count(block, old) != 1 {
			p.Fatalf("%q is not there once", old)
		}
		block = strings.Replace(block, old, with, 1)
	}
	return block
}

// serves runs a page's last command, does something meanwhile, and waits until it is
// followed, and until the command has ended as Ctrl-C ends it.
func (p *appPage) serves(command string, do func(), followed func() bool) {
	p.Helper()
	cmd := p.command(context.WithoutCancel(p.Context()), command)
	log := &testenv.Output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	do()
	for end := time.Now().Add(20 * time.Second); !followed() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil || !followed() {
		p.Errorf("%v, followed %t\n%s", err, followed(), log)
	}
	p.heard(log.String())
}

// playsEntra runs the page's configuration and commands in their order, and has somebody
// leave while it serves.
func (p *appPage) playsEntra() {
	p.Helper()
	const secret = "the-secret~of.the_tenant"
	tenant, err := entratest.New(entratest.Config{Domains: []string{"acme.onmicrosoft.com", "acme.example"}, Secret: secret, MostPerPage: 2})
	if err != nil {
		p.Fatal(err)
	}
	url, stop, err := tenant.Listen(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(stop)
	block := blocks(p.text, "yaml")[0]
	block = p.replaced(block, map[string]string{
		"    # url: https://graph.microsoft.com ": "    url: " + url + "\n    allow: [loopback, plain-http] ",
		"      client_secret: secret:entra\n":     "      client_secret: secret:entra\n      authority: " + url + "\n",
	})
	p.write("usher.yaml", p.head+block+"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: \"off\"}\n")
	p.write("people.csv", p.people)
	p.write("secret.txt", secret+"\n")
	commands := strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n")
	if n := len(commands); n != 7 || commands[n-1] != "usher serve" {
		p.Fatalf("the page's commands are %q", commands)
	}
	p.firstRun(commands[:6], func() int { return tenant.Counts().Writes() })
	zoe := entraSeats(p.T, tenant, 4, "Engineering", "Finance")
	if err := tenant.SignIn(zoe.ID); err != nil {
		p.Fatal(err)
	}
	p.serves(commands[6], func() {
		p.write("people.csv", strings.Replace(p.people, "2020-06-15,\n", "2020-06-15,2021-06-30\n", 1))
	}, func() bool {
		u := tenant.Users()["zoe.omalley@acme.example"]
		return !u.Enabled && u.Sessions == 0 && len(u.Groups) == 0
	})
	entraSeats(p.T, tenant, 3, "Engineering", "Finance")
	for _, r := range tenant.Refusals() {
		if r.Status != 404 { // whether a name is free is asked by it
			p.Errorf("refused: %+v", r)
		}
	}
	if strings.Contains(p.say.String(), secret) {
		p.Error("the secret is shown")
	}
	p.shell(0, "usher audit verify")
}

// entraSeats holds that so many people are in, each in one group of those, and returns one
// of them.
func entraSeats(t *testing.T, tenant *entratest.Tenant, n int, groups ...string) entratest.User {
	t.Helper()
	in := 0
	for name, u := range tenant.Users() {
		if !u.Enabled {
			continue
		}
		if in++; len(u.Groups) != 1 || !slices.Contains(groups, u.Groups[0]) || u.Props["usageLocation"] != "GB" || u.Props["extensionAttribute15"] == "" {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if in != n {
		t.Errorf("%d are in, want %d: %v", in, n, tenant.Users())
	}
	return tenant.Users()["zoe.omalley@acme.example"]
}
