// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/telemetry"
)

type speaker struct{ says string }

func (s speaker) LogValue() slog.Value { return slog.GroupValue(slog.String("says", s.says)) }

// A secret gets into no line, wherever it stands.
func TestNoSecretInTheLog(t *testing.T) {
	t.Parallel()
	const secret, longer = "hunter2-xyz", "hunter2-xyz-and-more"
	for _, json := range []bool{false, true} {
		var out bytes.Buffer
		log := telemetry.NewLog(telemetry.LogConfig{Writer: &out, JSON: json, Secrets: []string{secret, longer, "", "a"}})
		log.With("bearer", "x "+longer).WithGroup("g").Info("said "+secret,
			"text", "it is "+secret+"!", "err", fmt.Errorf("app: %w", errors.New("sent "+secret)), "api_token", "quite another",
			"Authorization", "Basic abc", slog.Group("in", "deep", secret, "any", []string{secret}), "value", speaker{secret}, "n", 1)
		for _, bad := range []string{secret, "and-more", "quite another", "Basic abc"} {
			if strings.Contains(out.String(), bad) {
				t.Errorf("json %t: the log holds %q: %s", json, bad, out.String())
			}
		}
		if n := strings.Count(out.String(), telemetry.Redacted); n != 9 {
			t.Errorf("json %t: %d things are redacted: %s", json, n, out.String())
		}
		if !strings.Contains(out.String(), "app: sent") {
			t.Errorf("json %t: an ordinary word is gone: %s", json, out.String())
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLog(telemetry.LogConfig{Writer: &out, Level: slog.LevelWarn})
	log.Info("quiet")
	log.Warn("one")
	telemetry.Least(log, slog.LevelError).With("a", 1).Warn("quiet")
	telemetry.Least(log, slog.LevelError).WithGroup("g").Error("two")
	telemetry.Least(log, slog.LevelDebug).Info("quiet")
	if s := out.String(); strings.Contains(s, "quiet") || !strings.Contains(s, "one") || !strings.Contains(s, "two") {
		t.Error(s)
	}
}
