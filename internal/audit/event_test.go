// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/audit"
)

func TestSeal(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.FixedZone("CET", 3600))
	e := audit.Event{
		At: at, Kind: "person.changed", Actor: "apply", Person: "p1", App: "app", Object: "hr:1", Why: "moved", Op: "op1",
		Before: map[string]string{"title": "Clerk"}, After: map[string]string{"title": "Chief"},
	}
	s, err := audit.Seal(e)
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != 0 || s.Kind != e.Kind || s.Person != "p1" || !s.At.Equal(at.Truncate(time.Microsecond)) || s.At.Location() != time.UTC {
		t.Errorf("sealed as %+v", s.Envelope)
	}
	if want := sha256.Sum256(append(bytes.Clone(s.Salt), s.Payload...)); s.Digest != want {
		t.Error("the digest is not that of salt and payload")
	}
	var payload map[string]any
	if err := json.Unmarshal(s.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"actor": "apply", "person": "p1", "app": "app", "object": "hr:1", "why": "moved", "op": "op1"} {
		if payload[name] != want {
			t.Errorf("%s is %v, want %s", name, payload[name], want)
		}
	}
	if bytes.Contains(s.Payload, []byte("person.changed")) {
		t.Error("the kind stands in the envelope, and outlives an erasure there")
	}
}

func TestEqualEventsHaveOtherDigests(t *testing.T) {
	t.Parallel()
	e := audit.Event{Kind: "person.changed", Person: "p1"}
	a, err := audit.Seal(e)
	if err != nil {
		t.Fatal(err)
	}
	b, err := audit.Seal(e)
	if err != nil {
		t.Fatal(err)
	}
	if a.Digest == b.Digest || bytes.Equal(a.Salt, b.Salt) || len(a.Salt) < 16 {
		t.Error("a digest that outlives its payload lets the payload be guessed")
	}
}

func TestSealNamesWhatItCannotEncode(t *testing.T) {
	t.Parallel()
	if _, err := audit.Seal(audit.Event{Kind: "app.changed", After: func() {}}); err == nil || !strings.Contains(err.Error(), "app.changed") {
		t.Errorf("error %v", err)
	}
}
