// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/directory"
)

// An app that answers 200 and ignores an attribute is found, named once, and
// not asked again and again.
func TestIgnoredAttribute(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.ignores = "title"
		for i := range 30 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "title", "clerk"))
		}
		rep := h.apply()
		if rep.Create != 30 || rep.Parked != 0 || !slices.Equal(rep.NotKept, []string{"title"}) {
			t.Errorf("%+v", rep)
		}
		gets := 0
		for _, c := range h.app.calls {
			if c.Op == "get" {
				gets++
			}
		}
		if gets != 1 {
			t.Errorf("%d accounts were read back", gets)
		}
		if n := h.events("attribute.not_kept", ""); n != 1 {
			t.Errorf("it was told %d times", n)
		}
		h.app.forget()
		h.apply()
		if len(h.app.calls) > 0 {
			t.Errorf("a second cycle sent %+v", h.app.calls)
		}
		h.put(somebody("p003", directory.Active, "title", "chief")) // a change is sent, once
		rep = h.apply()
		if rep.Update != 1 || len(h.app.calls) != 1 || len(rep.NotKept) != 1 {
			t.Errorf("%+v, %+v", rep, h.app.calls)
		}
		h.app.ignores = "" // somebody mended the app
		h.put(somebody("p003", directory.Active, "title", "boss"))
		rep = h.apply()
		if rep.Update != 1 || len(rep.NotKept) != 0 || h.events("attribute.kept", "") != 1 {
			t.Errorf("%+v", rep)
		}
	})
}

// Of answers without a body the first is read back, and a sample.
func TestMuteAnswersAreSampled(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.mute, h.app.ignores = true, "title"
		for i := range 100 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active))
		}
		if rep := h.apply(); len(rep.NotKept) != 0 {
			t.Errorf("%+v", rep)
		}
		h.app.forget()
		for i := range 100 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "title", "clerk"))
		}
		rep := h.apply()
		if rep.Update != 100 || !slices.Equal(rep.NotKept, []string{"title"}) {
			t.Errorf("%+v", rep)
		}
		if n := len(h.app.calls); n < 101 || n > 115 {
			t.Errorf("%d requests for 100 changes", n)
		}
	})
}

// What an app takes its time to show is not taken for lost.
func TestSlowToShow(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.ignores, h.app.profile.Settle = "title", 1
		h.put(somebody("ann", directory.Active, "title", "clerk"))
		if rep := h.apply(); rep.Create != 1 || len(rep.NotKept) != 0 {
			t.Errorf("%+v", rep)
		}
	})
}

// Whoever has no value for an attribute proves nothing of how the app keeps it.
func TestNoValueProvesNothing(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.ignores = "title"
		h.put(somebody("p001", directory.Active, "title", "clerk"))
		h.apply()
		h.put(somebody("p002", directory.Active), somebody("p001", directory.Active))
		rep := h.apply()
		if rep.Create != 1 || rep.Update != 1 || !slices.Equal(rep.NotKept, []string{"title"}) || h.events("attribute.kept", "") != 0 {
			t.Errorf("%+v, %d events", rep, h.events("attribute.kept", ""))
		}
	})
}
