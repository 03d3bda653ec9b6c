// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// TestAllow: an allow opens words, and single addresses and prefixes inside the house; what
// it cannot open is refused where it stands.
func TestAllow(t *testing.T) {
	t.Parallel()
	read := func(allow string) (*config.Config, error) {
		return config.Parse("usher.yaml", []byte(strings.Replace(`store: usher.db
sources:
  hr: {type: csv, path: hr.csv, key: id, columns: [id], person: {userName: row.id}}
apps:
  crm:
    url: https://crm.example/scim/v2
    token: abc
    allow: ALLOW
    user: {userName: person.userName}
`, "ALLOW", allow, 1)), nil)
	}
	cfg, err := read(`[plain-http, 10.1.2.3, 10.2.0.0/16, "::1", "fd00:1::/32", "::ffff:192.168.1.1"]`)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Apps[0]
	if got := fmt.Sprint(config.Addresses(a.Allow)); got != "[10.1.2.3/32 10.2.0.0/16 ::1/128 fd00:1::/32 192.168.1.1/32]" {
		t.Errorf("open are %s", got)
	}
	if !a.Allows(config.AllowPlainHTTP) || a.Allows(config.AllowLoopback) || a.Allows(config.AllowPrivate) {
		t.Errorf("%v opens more than it says", a.Allow)
	}
	for allow, want := range map[string]string{
		"[8.8.8.8]":           "is no part of a loopback or private range",
		"[0.0.0.0/0]":         "is no part of",
		"[10.0.0.0/7]":        "is no part of",
		"[169.254.169.254]":   "is no part of",
		`[fe80::1]`:           "is no part of",
		"[10.2.0.1/16]":       "one address and many (write 10.2.0.0/16",
		"[10.1.2.3.4]":        "is no address",
		"[10.1.2.3:443]":      "is no address",
		"[0177.0.0.1]":        "is no address",
		"[crm.example]":       "is no address",
		"[loopbak]":           "did you mean loopback",
		"[2130706433]":        "must be text, not a number",
		"[10.1.2.3,10.1.2.3]": "is there twice",
	} {
		_, err := read(allow)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "usher.yaml:8:13") && !strings.Contains(err.Error(), "usher.yaml:8:22") {
			t.Errorf("%s: %v", allow, err)
		}
	}
}
