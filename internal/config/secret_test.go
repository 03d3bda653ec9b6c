// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// TestSecretIsNeverPrinted prints secrets in every way that a careless line of
// code might, alone and inside the structs that hold them.
func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	const src = "store: postgres://u:hunter2@db/x\nsources:\n  hr: {type: csv, path: p, key: id, columns: [id], person: {title: row.id}}\n" +
		"apps:\n  a: {url: https://a.example, token: '${T}', user: {title: person.title}}\n"
	cfg := mustParse(t, src, map[string]string{"T": value})
	s := cfg.Apps[0].Token
	if s.Reveal() != value || s.Ref() != "" || s.IsZero() || s.Pos().String() != "usher.yaml:5:39" {
		t.Fatalf("reveal %q ref %q pos %v", s.Reveal(), s.Ref(), s.Pos())
	}
	hidden := struct{ token config.Secret }{s} // fmt cannot call methods in here
	things := []any{s, &s, []config.Secret{s}, map[string]config.Secret{"k": s}, hidden, &hidden, cfg.Apps[0], cfg.Apps, cfg, *cfg}

	var out bytes.Buffer
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
		if data, err := json.Marshal(thing); err == nil {
			out.Write(data)
		}
		if data, err := xml.Marshal(thing); err == nil {
			out.Write(data)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "thing", thing)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "thing", thing)
	}
	fmt.Fprintln(&out, s, cfg.StoreRedacted(), fmt.Errorf("wrapped: %v", s), s.String(), s.GoString())
	for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), fmt.Sprint([]byte(value))} {
		if i := strings.Index(out.String(), form); i >= 0 {
			t.Errorf("%s comes out: …%s…", form, out.String()[max(0, i-80):i+len(form)])
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Error("nothing says that something was left out")
	}
}

func TestStoreRedacted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"usher.db":                            "usher.db",
		"/var/lib/usher.db":                   "/var/lib/usher.db",
		"postgres://db/usher":                 "postgres://db/usher",
		"postgres://u:pw@db/usher":            "postgres://u:xxxxx@db/usher",
		"postgres://db/usher?password=pw":     "postgres://db/usher?[redacted]",
		"host=db password=pw":                 "[redacted]",
		"postgres://u:pw@db:port-that-fails/": "[redacted]",
	} {
		if got := (config.Config{Store: config.Text{Value: in}}).StoreRedacted(); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}
