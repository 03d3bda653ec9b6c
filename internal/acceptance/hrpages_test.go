// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// hrFake is a maker's system in place of the real one that a page of docs/hr is about.
type hrFake struct {
	system *hrtest.System
	secret string            // what the page has sealed first
	lines  map[string]string // of the page's configuration, and what stands in their place
}

const hrSecret = "the-secret~of.hr"

// newHRFake starts a maker's fake. Everybody is read as often as may be, and by as many
// requests a second as it takes: the page's own times and rates are for real systems.
func newHRFake(t *testing.T, maker string) hrFake {
	t.Helper()
	const often = "    allow: [loopback, plain-http]\n    every: 10s\n    requests_per_second: 1000\n"
	switch maker {
	case "bamboohr":
		b := hrtest.NewBambooHR(t, hrSecret)
		return hrFake{&b.System, hrSecret, map[string]string{"    url: https://acme.bamboohr.com\n": "    url: " + b.URL + "\n" + often}}
	case "hibob":
		b := hrtest.NewHiBob(t, "SERVICE-12345", hrSecret)
		return hrFake{&b.System, hrSecret, map[string]string{"    type: hibob ": "    url: " + b.URL + "\n" + often + "    type: hibob "}}
	case "personio":
		p := hrtest.NewPersonio(t, hrSecret)
		return hrFake{&p.System, hrSecret, map[string]string{
			"    type: personio\n":                  "    type: personio\n    url: " + p.URL + "\n" + often,
			"https://api.personio.de/v2/auth/token": p.URL + "/v2/auth/token",
			"client_id: papi-1234, ":                "client_id: " + hrtest.PersonioClient + ", ",
		}}
	case "rippling":
		r := hrtest.NewRippling(t, hrSecret, 2)
		return hrFake{&r.System, hrSecret, map[string]string{"    type: rippling\n": "    type: rippling\n    url: " + r.URL + "\n" + often}}
	case "workday":
		w := hrtest.NewWorkday(t, "usher_isu@acme", hrSecret)
		return hrFake{&w.System, hrSecret, map[string]string{"    url: https://wd3-services1.workday.com" + hrtest.WorkdayService + "\n": "    url: " + w.URL + hrtest.WorkdayService + "\n" + often}}
	case "workday-raas":
		r := hrtest.NewWorkdayRaaS(t, "usher_isu", hrSecret)
		return hrFake{&r.System, hrSecret, map[string]string{"    url: https://wd3-services1.workday.com" + hrtest.WorkdayReport + "\n": "    url: " + r.URL + hrtest.WorkdayReport + "\n" + often}}
	}
	t.Fatalf("nobody runs the commands of docs/hr/%s.md", maker)
	return hrFake{}
}

// TestHRPages: each page of docs/hr is run as it stands, against a fake of the maker's
// system and a simulated app. Everybody appears with the first run; then somebody moves and
// somebody leaves, while Usher serves.
func TestHRPages(t *testing.T) {
	t.Parallel()
	for _, maker := range config.Makers() {
		t.Run(maker, func(t *testing.T) {
			t.Parallel()
			leads(t, filepath.Join("hr", maker+".md"))
			p := &hrPage{appPage: &appPage{T: t, id: maker, text: readPage(t, "hr", maker+".md"), dir: t.TempDir()}}
			p.begins("Not tried on a live ")
			p.dated()
			for _, word := range []string{" awkward", "when they are sealed."} {
				if !strings.Contains(p.text, word) {
					t.Errorf("the page has no %q", word)
				}
			}
			if !strings.Contains(readPage(t, "hr", "README.md"), "]("+maker+".md)") {
				t.Error("README.md does not lead there")
			}
			p.plays()
		})
	}
}

// hrPage is a page of docs/hr, with an app behind the system that it is about.
type hrPage struct {
	*appPage

	hr hrFake
}

// workers are people there, as of now: by family name their department, "" is who has left.
func (p *hrPage) workers(departments map[string]string) {
	today := time.Now().UTC()
	gone := today.AddDate(0, 0, -3).Format(time.DateOnly) // whatever day it is where they are
	var list []hrtest.Worker
	for i, name := range []string{"Brandt", "López", "Meyer", "O'Malley", "Long-Gone"} {
		id := fmt.Sprint(1001 + i)
		job := hrtest.Job{Title: "Engineer", Department: departments[name], Kind: "Employee", Start: "2020-01-01"}
		if job.Department == "" {
			job.Department, job.End = "Finance", gone
		}
		list = append(list, hrtest.Worker{ID: id, Number: "E" + id, First: "Kim", Last: name, Location: "Berlin", Zone: "Europe/Berlin", Jobs: []hrtest.Job{job}})
	}
	p.hr.system.Set(today.Format(time.DateOnly), list)
}

// seats are the departments of those who are active in the app, by family name.
func (p *hrPage) seats() map[string]string {
	in := map[string]string{}
	text := func(u *scim.Resource, path string) string {
		v, _ := u.At(scim.MustPath(path))
		s, _ := v.AsString()
		return s
	}
	for _, u := range p.fake.Users() {
		if is, _ := u.Active(); is {
			in[text(u, "name.familyName")] = text(u, scim.EnterpriseUserURN+":department")
		}
	}
	return in
}

// plays runs the page's configuration and commands in their order.
func (p *hrPage) plays() {
	p.Helper()
	p.hr = newHRFake(p.T, p.id)
	p.fake = newFake(p.T, scimtest.Config{}, nil)
	p.hr.lines["    url: https://app.example/scim/v2\n"] = "    url: " + p.fake.base + "\n    allow: [loopback, plain-http]\n"
	page := blocks(p.text, "yaml")
	conf := page[slices.IndexFunc(page, func(b string) bool { return strings.HasPrefix(b, "store:") })]
	p.write("usher.yaml", p.replaced(conf, p.hr.lines)+"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: \"off\"}\n")
	commands := strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n")
	if n := len(commands); n != 8 || commands[n-1] != "usher serve" {
		p.Fatalf("the page's commands are %q", commands)
	}
	for i, secret := range []string{p.hr.secret, p.fake.token} {
		_, file, _ := strings.Cut(commands[1+i], " < ")
		p.write(file, secret+"\n")
	}
	is := map[string]string{"Brandt": "Engineering", "López": "Finance", "Meyer": "Engineering", "O'Malley": "Finance"}
	p.workers(is)
	p.firstRun(commands[:7], func() int { return p.fake.Counts().Writes() })
	if in := p.seats(); !maps.Equal(in, is) || len(p.fake.Users()) != 4 {
		p.Errorf("%v are in, want %v", in, is)
	}
	p.serves(commands[7], func() { // before it has read for the first time, as a rule, so that nobody waits for the second
		is["Brandt"] = "Research"
		delete(is, "O'Malley")
		p.workers(is)
	}, func() bool { return maps.Equal(p.seats(), is) })
	if did := p.fake.effects(); did[scimtest.Created+" User"] != 4 || did[scimtest.Updated+" User"] != 1 || did[scimtest.Disabled+" User"] != 1 || did[scimtest.Deleted+" User"] > 0 {
		p.Errorf("done was %v", did)
	}
	if said := p.say.String(); strings.Contains(said, p.hr.secret) || strings.Contains(said, p.fake.token) {
		p.Error("a secret is shown")
	}
	p.shell(0, "usher audit verify")
}
