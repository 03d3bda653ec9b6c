// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/testenv"
)

// playsOwn runs the commands of a page of an app that is spoken to by an API of its own,
// where there is a fake that it can be run against.
func (p *appPage) playsOwn() {
	p.Helper()
	if p.id == "entra-graph" {
		p.playsEntra()
	}
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
	for old, with := range map[string]string{
		"    # url: https://graph.microsoft.com ": "    url: " + url + "\n    allow: [loopback, plain-http] ",
		"      client_secret: secret:entra\n":     "      client_secret: secret:entra\n      authority: " + url + "\n",
	} {
		if strings.Count(block, old) != 1 {
			p.Fatalf("%q is not there once", old)
		}
		block = strings.Replace(block, old, with, 1)
	}
	p.write("usher.yaml", p.head+block+"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: \"off\"}\n")
	p.write("people.csv", p.people)
	p.write("secret.txt", secret+"\n")
	commands := strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n")
	if n := len(commands); n != 7 || commands[n-1] != "usher serve" {
		p.Fatalf("the page's commands are %q", commands)
	}
	hold := ""
	for _, c := range commands[:6] {
		code := 0
		if c == "usher plan" {
			code = 3
		}
		before := tenant.Counts().Writes()
		out := p.shell(code, strings.ReplaceAll(c, " ID", " "+hold))
		switch {
		case c == "usher plan":
			m := holdOfPlan.FindStringSubmatch(out)
			if m == nil || tenant.Counts().Writes() > 0 {
				p.Fatalf("plan names no hold, or has written: %v\n%s", tenant.Counts(), out)
			}
			hold = m[1]
		case c == "usher apply" && tenant.Counts().Writes() != before:
			p.Errorf("once more something is written: %v", tenant.Counts())
		}
	}
	zoe := entraSeats(p.T, tenant, 4, "Engineering", "Finance")
	if err := tenant.SignIn(zoe.ID); err != nil {
		p.Fatal(err)
	}
	cmd := p.command(context.WithoutCancel(p.Context()), commands[6])
	log := &testenv.Output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.write("people.csv", strings.Replace(p.people, "2020-06-15,\n", "2020-06-15,2021-06-30\n", 1))
	out := func() bool {
		u := tenant.Users()["zoe.omalley@acme.example"]
		return !u.Enabled && u.Sessions == 0 && len(u.Groups) == 0
	}
	for end := time.Now().Add(20 * time.Second); !out() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil || !out() {
		p.Errorf("%v, out %v\n%s", err, out(), log)
	}
	entraSeats(p.T, tenant, 3, "Engineering", "Finance")
	for _, r := range tenant.Refusals() {
		if r.Status != 404 { // whether a name is free is asked by it
			p.Errorf("refused: %+v", r)
		}
	}
	if strings.Contains(p.say.String(), secret) || strings.Contains(log.String(), secret) {
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
