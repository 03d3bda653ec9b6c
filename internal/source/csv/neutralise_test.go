// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"testing"

	"github.com/usher-id/usher/internal/source/csv"
)

func TestNeutralise(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "a=b": "a=b", "O'Neil": "O'Neil", "é": "é",
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := csv.Neutralise(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
