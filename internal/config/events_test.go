// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
)

const told = `store: u.db
sources:
  idp:
    type: scim
    events: EVENTS
apps:
  app: {url: "https://app.example/scim", token: abc, user: {userName: person.userName}}
server: {SERVER}
`

func parseTold(events, server string) (*config.Config, error) {
	return config.Parse("usher.yaml", []byte(strings.NewReplacer("EVENTS", events, "SERVER", server).Replace(told)), func(name string) (string, bool) {
		return "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n", name == "KEY"
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	cfg, err := parseTold(`{audience: "https://rp.example", poll: true}`, `public_url: "https://Usher.example/", signing_key: "${KEY}"`)
	if err != nil {
		t.Fatal(err)
	}
	e := cfg.Sources[0].Events
	if e.Audience.Value != "https://rp.example" || !e.Poll || e.Push != nil || len(e.Kinds) != 0 || e.Payload != config.EventNotice ||
		time.Duration(e.MaxAge) != 7*24*time.Hour || e.MaxWaiting != 100_000 {
		t.Errorf("%+v", e)
	}
	if cfg.Server.PublicURL.Value != "https://usher.example" || !strings.Contains(cfg.Server.SigningKey.Reveal(), "hunter2") {
		t.Errorf("%+v", cfg.Server)
	}
	for _, shown := range []any{cfg, cfg.Server, e} {
		if text, err := json.Marshal(shown); err != nil || strings.Contains(string(text), "hunter2") {
			t.Errorf("%s %v", text, err)
		}
	}
	cfg, err = parseTold(`{audience: a, push: {url: "http://127.0.0.1:1/events", token: abc, allow: [plain-http, loopback]}, kinds: [delete], payload: full, max_age: 1h, max_waiting: 10}`, "")
	if err != nil {
		t.Fatal(err)
	}
	if e := cfg.Sources[0].Events; e.Push.Token.Reveal() != "abc" || !e.Push.Allows(config.AllowLoopback) || e.Push.Allows(config.AllowPrivate) ||
		e.Poll || e.Kinds[0].Value != "delete" || e.Payload != config.EventFull || e.MaxWaiting != 10 {
		t.Errorf("%+v", e)
	}
}

func TestEventsAreRefused(t *testing.T) {
	t.Parallel()
	for events, want := range map[string]string{
		`{poll: true}`:                                              "5:14: events of source idp has no audience",
		`{audience: a}`:                                             "5:14: events of source idp go to nobody",
		`{audience: a, poll: false}`:                                "go to nobody",
		`{audience: a, poll: true, kinds: [feed]}`:                  "kind cannot be",
		`{audience: a, poll: true, kinds: []}`:                      "kinds of events of source idp is empty",
		`{audience: a, poll: true, payload: all}`:                   "payload of events of source idp cannot be",
		`{audience: a, poll: true, max_age: 1s}`:                    "max_age of events of source idp is out of range",
		`{audience: a, poll: true, max_waiting: 0}`:                 "max_waiting of events of source idp is out of range",
		`{audience: a, push: {url: "http://rp.example"}}`:           "plain http",
		`{audience: a, push: {url: "https://u:p@rp.example"}}`:      "user name or password",
		`{audience: a, push: {url: "https://rp.example/?t=1"}}`:     "query or fragment",
		`{audience: a, push: {url: "ftp://rp.example"}}`:            "no address",
		`{audience: a, push: {token: abc}}`:                         "push of events of source idp has no url",
		`{audience: a, push: {url: "https://x", token: "secret:"}}`: "names no sealed secret",
		`true`: "must be a map",
	} {
		if _, err := parseTold(events, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", events, err, want)
		}
	}
	for server, want := range map[string]string{
		`public_url: "http://usher.example"`:       "https://",
		`public_url: "https://usher.example/scim"`: "without path",
		`public_url: usher.example`:                "no URL of a server",
		`signing_key: ""`:                          "server.signing_key is empty",
		`signing_key: "secret:"`:                   "names no sealed secret",
	} {
		if _, err := parseTold(`{audience: a, poll: true}`, server); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", server, err, want)
		}
	}
	if _, err := config.Parse("usher.yaml", []byte(strings.Replace(told, "type: scim\n    events: EVENTS", "type: csv\n    path: x\n    key: id\n    columns: [id]\n    person: {userName: row.id}\n    events: {audience: a, poll: true}", 1)), nil); err == nil ||
		!strings.Contains(err.Error(), "events of source idp is for type: scim") {
		t.Errorf("%v", err)
	}
}
