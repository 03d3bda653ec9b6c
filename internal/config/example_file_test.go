// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// TestExampleHRCSV holds examples/hr-csv to what its README promises.
func TestExampleHRCSV(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "examples", "hr-csv", "usher.yaml")
	cfg, err := config.Load(t.Context(), path, environment(map[string]string{
		"HR_FILE": "people.csv", "APP_URL": "http://127.0.0.1:9000/scim/v2", "APP_TOKEN": "t0ken",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Store.Value != "usher.db" {
		t.Errorf("store %q", cfg.Store.Value)
	}
	if _, fixed, err := cfg.Calendar.Clock(); fixed || err != nil {
		t.Errorf("clock fixed %v, err %v", fixed, err)
	}
	app := cfg.Apps[0]
	if app.Name != "app" || app.FirstRun != config.FirstRunGo || app.Profile.Value != "generic-scim2" || app.Token.Reveal() != "t0ken" {
		t.Errorf("app %+v", app)
	}
	if !app.Allows(config.AllowLoopback) || !app.Allows(config.AllowPlainHTTP) || app.Allows(config.AllowPrivate) {
		t.Errorf("allow %v", app.Allow)
	}
	if app.DeleteAfter != nil || app.Groups == nil || app.Groups.Teams[0].Value != "department" {
		t.Errorf("delete %v, groups %+v", app.DeleteAfter, app.Groups)
	}
	var unique []string
	for _, a := range cfg.Sources[0].Person {
		if a.Unique == config.UniqueOrganisation {
			unique = append(unique, a.Path.Value)
		}
	}
	if !slices.Equal(unique, []string{"userName"}) {
		t.Errorf("unique %v", unique)
	}

	f, err := os.Open(filepath.Join(filepath.Dir(path), "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, c := range cfg.Sources[0].Columns {
		if rows[0][i] != c.Value {
			t.Errorf("column %d is %q in the file, %q in the configuration", i, rows[0][i], c.Value)
		}
	}
}
