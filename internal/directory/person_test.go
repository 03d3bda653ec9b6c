// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"testing"

	"github.com/usher-id/usher/internal/directory"
)

// TestPersonID pins the derivation: a person's id is the externalId of their
// accounts, so that another one would orphan every account there is.
func TestPersonID(t *testing.T) {
	t.Parallel()
	for key, want := range map[directory.Key]string{
		{Source: "hr", ID: "1001"}:      "3ntxb6p2m5pg27zq2qfxr6qqh4",
		{Source: "hr", ID: "00-95822"}:  "tyo3yjfkmwtnxpfvdmyichzogs",
		{Source: "auth0", ID: "Zoë|ä∂"}: "b7zcrups6fgh3vxlarqqaastgk",
	} {
		if got := key.PersonID(); got != want {
			t.Errorf("%+v: %s, want %s", key, got, want)
		}
	}
	if got, want := directory.TeamID("department", "Sales"), "zfpv63o7ftoohf3qil6l3yqjug"; got != want {
		t.Errorf("team: %s, want %s", got, want)
	}
}

func TestNoTwoKeysShareAnID(t *testing.T) {
	t.Parallel()
	seen := map[string]directory.Key{}
	for _, k := range []directory.Key{{"hr", "1"}, {"h", "r1"}, {"hr1", ""}, {"", "hr1"}, {"hr", "1 "}, {"HR", "1"}, {"hr", "01"}} {
		if other, ok := seen[k.PersonID()]; ok {
			t.Errorf("%+v and %+v share an id", k, other)
		}
		seen[k.PersonID()] = k
	}
	if directory.TeamID("hr", "1") == (directory.Key{Source: "hr", ID: "1"}).PersonID() {
		t.Error("a team and a person share an id")
	}
}
