// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
)

func TestProfileOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ours, err := app.DocumentByID("slack")
	if err != nil {
		t.Fatal(err)
	}
	good := write("crm.json", string(ours))
	p, err := app.ProfileOf(good)
	if err != nil || p.ID != "slack" {
		t.Errorf("%v, %v", p.ID, err)
	}
	if p, err = app.ProfileOf("slack"); err != nil || p.ID != "slack" {
		t.Errorf("%v, %v", p.ID, err)
	}
	for what, c := range map[string]struct{ name, says string }{
		"nothing there": {filepath.Join(dir, "gone.json"), "no such file"},
		"a folder":      {dir + "/", "it is no file"},
		"too large":     {write("large.json", strings.Repeat(" ", 1<<20)+"{}"), "more than 1048576 bytes"},
		"no JSON":       {write("text.json", "profile: crm"), "invalid character"},
		"a slip":        {write("slip.json", strings.Replace(string(ours), `"max_page"`, `"maxpage"`, 1)), "maxpage"},
		"twice":         {write("twice.json", strings.Replace(string(ours), `"id"`, `"id": "a", "id"`, 1)), "duplicate"},
		"no sense":      {write("sense.json", strings.Replace(string(ours), `"reversible": true`, `"by": "post"`, 1)), "by"},
	} {
		_, err := app.ProfileOf(c.name)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "profile "+c.name) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := app.ProfileOf("slak"); !errors.Is(err, app.ErrNoProfile) {
		t.Errorf("a name that no profile has: %v", err)
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://scim.eu-west-1.amazonaws.com/abc-123/scim/v2/":                "aws-iam-identity-center",
		"https://scim.eu-west-1.amazonaws.com/scim/v2":                         "",
		"https://api.github.com/scim/v2/enterprises/acme":                      "github-emu",
		"https://api.acme.ghe.com/scim/v2/enterprises/acme":                    "github-emu",
		"https://api.github.com/scim/v2/organizations/acme":                    "github-org",
		"https://SENTRY.io/api/0/organizations/acme/scim/v2":                   "sentry",
		"https://acme.snowflakecomputing.com/scim/v2":                          "snowflake",
		"https://acme.my.salesforce.com/services/scim/v2":                      "salesforce",
		"https://api.eu.pagerduty.com/scim/v2":                                 "pagerduty",
		"https://graph.microsoft.com/v1.0":                                     "", // no SCIM
		"https://scim.acme.example/scim/v2":                                    "", // a bridge's, or anybody's
		"http://api.slack.com/scim/v2":                                         "",
		"https://evil.example/https://api.slack.com/scim/v2":                   "",
		"https://acme.snowflakecomputing.com.evil.example/scim/v2":             "",
		"https://accounts.gcp.databricks.com/api/2.1/accounts/1/scim/v2":       "databricks",
		"https://accounts.gcp.databricks.com/api/2.1/accounts/1/scim/v2/Users": "",
	} {
		p, ok, err := app.Recognise(base)
		if err != nil || ok != (want != "") || ok && p.ID != want {
			t.Errorf("%s: %q, %v, %v; want %q", base, p.ID, ok, err, want)
		}
	}
}
