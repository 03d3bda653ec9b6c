// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
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

// Nor is somebody who is still shown as active, by an app that takes its time, taken for
// kept in: they are looked at again when that is over, and shut out again if need be.
func TestSlowToShowWhoIsOut(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(1, "sales")
		h.apply()
		h.app.profile.Settle = time.Minute
		var off time.Time
		offs := 0
		h.app.faults = func(c call) fault {
			switch {
			case c.Op == "patch" && c.Kind == app.KindUser:
				offs++
				off = time.Now()
				return fault{ignore: offs == 1}
			case c.Op == "get" && time.Since(off) > 0 && time.Since(off) < time.Minute:
				t.Errorf("looked at %v after the write", time.Since(off))
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Leaver))
		rep := h.apply()
		if a := h.account("p000"); rep.Parked != 0 || a.State != provision.Disabled || a.Parked != "" || a.Observe || offs != 2 {
			t.Errorf("%+v %+v, %d times", rep, a, offs)
		}
	})
}

// An app that takes its time, and leaves an account active for good, is not asked for ever.
func TestNeverShowsWhoIsOut(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(1, "sales")
		h.apply()
		h.app.profile.Settle = time.Minute
		offs := 0
		h.app.faults = func(c call) fault {
			if c.Off {
				offs++
			}
			return fault{ignore: c.Off}
		}
		h.put(somebody("p000", directory.Leaver))
		for range 4 {
			h.apply()
			time.Sleep(time.Hour)
		}
		if a := h.account("p000"); a.State != provision.Live || !strings.Contains(a.Parked, "active still") || offs != 3 {
			t.Errorf("%+v, %d times", a, offs)
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
