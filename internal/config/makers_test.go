// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// ofMaker is a configuration whose people come from a maker's HR system.
func ofMaker(lines string) string {
	return "store: usher.db\nsources:\n  hr:\n    " + strings.ReplaceAll(lines, "\n", "\n    ") + "\napps: {}\n"
}

// TestMakers: what a maker's file says is a sound source, with nothing but an address, a
// credential, the secret of a webhook and a user name from the configuration.
func TestMakers(t *testing.T) {
	t.Parallel()
	auths := map[string]string{
		"bamboohr":     "{basic: {user: the-key}}",
		"personio":     "{oauth: {client_id: papi-1, client_secret: the-secret}}",
		"hibob":        "{basic: {user: SERVICE-1, password: a-token}}",
		"rippling":     "{bearer: a-token}",
		"workday-raas": "{basic: {user: usher, password: the-password}}",
		"workday":      "{basic: {user: usher@acme, password: the-password}}",
	}
	calls := map[string]string{"rippling": "", "workday-raas": "", "workday": ""} // who has none of its own
	for _, name := range config.Makers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hook, silent := calls[name]
			if !silent {
				hook = "\nwebhook: {secrets: [a-secret-of-the-webhook]}"
			}
			text := ofMaker("type: " + name + "\nurl: https://hr.example/\nauth: " + auths[name] + hook + "\nperson: {USERNAME: row.work_email}")
			cfg, err := config.Parse("usher.yaml", []byte(text), nil)
			if err != nil {
				t.Fatal(err)
			}
			s := cfg.Sources[0]
			if s.Maker != name || s.Type.Value != config.SourceHTTP || s.HTTP == nil || silent == (s.Webhook != nil) {
				t.Fatalf("%+v", s)
			}
			addresses := []string{s.HTTP.URL.Value}
			if s.HTTP.One != nil {
				addresses = append(addresses, s.HTTP.One.URL.Value)
			}
			for _, u := range addresses {
				if !strings.HasPrefix(u, "https://hr.example") || strings.HasPrefix(u, "https://hr.example//") {
					t.Errorf("%s is not at the address that was said", u)
				}
			}
			names := 0
			for _, a := range s.Person {
				if strings.EqualFold(a.Path.Value, "userName") {
					names++
				}
			}
			if names != 1 {
				t.Errorf("%d lines for the user name", names)
			}
			if name != "workday" { // whose records are ours, and say of whoever is terminated if the day is not told
				holdsEnds(t, s)
			}
		})
	}
}

// TestMakersRevoke: what a maker's file has as revoke is no mistake of whoever did not write
// it, and one that they wrote ends somebody's access or is refused.
func TestMakersRevoke(t *testing.T) {
	t.Parallel()
	const (
		by   = "\nkey: employee_id"
		mine = ", revoke: {values: [employee.left]}"
	)
	for name, c := range map[string]struct{ hook, more, says string }{
		"as it is":                  {"", "", ""},
		"that only adds":            {"", "\nmatch: [userName]", "only add to people"},
		"with a key of its own":     {"", by, "would end nobody's access"},
		"written":                   {mine, "", ""},
		"not signed":                {", algorithm: secret, encoding: hex, header: X-Secret", "", "is not signed"},
		"off":                       {", revoke: {values: []}", by, ""},
		"written, only adds":        {mine, "\nmatch: [userName]", "has no use: its rows only add to people"},
		"written, with another key": {mine, by, "revoke in webhook of source hr would end nobody's access: data.employeeId of a call is id of a record, and the key is work.employeeIdInCompany (take id as the key, or let person lead to what the key is)"},
		"and another person":        {mine + ", person: data.number", by, ""},
		"the key by another name":   {mine, "\ncolumns: {bob: id}\nkey: bob", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := ofMaker("type: hibob\nauth: {basic: {user: SERVICE-1, password: a-token}}\nwebhook: {secrets: [a-secret-of-the-webhook]" + c.hook + "}\nperson: {userName: row.work_email}" + c.more)
			text = strings.Replace(text, "sources:\n", "sources:\n  first: {type: csv, path: first.csv, mode: snapshot, key: id, columns: [id], person: {userName: row.id}}\n", 1)
			cfg, err := config.Parse("usher.yaml", []byte(text), nil)
			written := strings.Contains(c.hook, "left")
			if written && c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			w := cfg.Sources[1].Webhook
			if dropped := w.Revoke == nil; dropped != (c.says != "") || !strings.Contains(w.Unrevoked, c.says) {
				t.Errorf("%+v, %q", w.Revoke, w.Unrevoked)
			}
		})
	}
}

// TestMakersAreLaidOver: what the configuration says of a maker's source wins, key by key.
func TestMakersAreLaidOver(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("usher.yaml", []byte(ofMaker(`type: bamboohr
url: https://acme.bamboohr.com
auth: {header: {name: X-Key, value: abc}}
columns: {title: customTitle, shirt: customShirt}
optional: [shirt]
person: {Title: row.shirt}`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Sources[0]
	paths := map[string]string{}
	for i, c := range s.Columns {
		paths[c.Value] = s.HTTP.Paths[i].Value
	}
	if paths["title"] != "customTitle" || paths["shirt"] != "customShirt" || paths["last_name"] != "lastName" {
		t.Errorf("columns %v", paths)
	}
	if s.HTTP.Auth.Kind != config.AuthHeader {
		t.Errorf("auth is %s", s.HTTP.Auth.Kind)
	}
	if n := len(s.Optional); n < 2 || s.Optional[n-1].Value != "shirt" {
		t.Errorf("optional %v", s.Optional)
	}
	titles := []string{}
	for _, a := range s.Person {
		if strings.EqualFold(a.Path.Value, "title") {
			titles = append(titles, a.Value.Value)
		}
	}
	if len(titles) != 1 || titles[0] != "row.shirt" {
		t.Errorf("title is %q", titles)
	}
	// What was read twice, and filled in each time, is as it was.
	if _, err := config.Parse("usher.yaml", []byte(ofMaker("type: bamboohr\nurl: https://a.example\nauth: {basic: {user: x}}\nperson: {userName: row.work_email}")), nil); err != nil {
		t.Error(err)
	}
}

// TestMakersMistakes are told where the configuration has them.
func TestMakersMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ lines, want string }{
		"no address":       {"type: bamboohr\nauth: {basic: {user: x}}", "4:11: source hr has no url (where your bamboohr is: https://COMPANY.bamboohr.com)"},
		"no credential":    {"type: bamboohr\nurl: https://acme.bamboohr.com", "4:11: source hr has no auth"},
		"half of one":      {"type: bamboohr\nurl: https://acme.bamboohr.com\nauth: {basic: {password: y}}", "6:20: basic of auth of source hr has no user"},
		"no https":         {"type: bamboohr\nurl: http://acme.bamboohr.com\nauth: {basic: {user: x}}", "is plain http"},
		"a query":          {"type: bamboohr\nurl: https://acme.bamboohr.com?x=y\nauth: {basic: {user: x}}", "5:10: url of source hr holds a query"},
		"no such maker":    {"type: bambohr\nurl: https://acme.bamboohr.com", "did you mean bamboohr?"},
		"no such key":      {"type: bamboohr\nurl: https://acme.bamboohr.com\nauth: {basic: {user: x}}\ncollumns: {a: b}", "7:5: unknown key \"collumns\""},
		"of another type":  {"type: bamboohr\nurl: https://acme.bamboohr.com\nauth: {basic: {user: x}}\npath: hr.csv", "7:5: path of source hr is for type: csv"},
		"no such column":   {"type: bamboohr\nurl: https://acme.bamboohr.com\nauth: {basic: {user: x}}\noptional: [shirt]", "is no column of source hr"},
		"a bad expression": {"type: bamboohr\nurl: https://acme.bamboohr.com\nauth: {basic: {user: x}}\nperson: {title: []}", "7:21:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse("usher.yaml", []byte(ofMaker(c.lines)), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// holdsEnds holds that no column is optional from which an end is read, or a start, or what
// gives way to the id of a record: by a right that is lost all who have left would be back,
// or everybody would get another number, and nothing would say so.
func holdsEnds(t *testing.T, s config.Source) {
	t.Helper()
	found := 0
	for _, a := range s.Person {
		switch a.Path.Value {
		case "usher.endDate", "usher.startDate", "enterprise.employeeNumber":
			found++
			for _, column := range rowColumn.FindAllStringSubmatch(a.Value.Value, -1) {
				if slices.ContainsFunc(s.Optional, func(o config.Text) bool { return o.Value == column[1] }) {
					t.Errorf("%s is read from %s, which is optional", a.Path.Value, column[1])
				}
			}
		}
	}
	if found != 3 {
		t.Errorf("%d of the three lines are there", found)
	}
}

var rowColumn = regexp.MustCompile(`\brow\.(\w+)`)
