// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/httpin"
)

// TestAPing: a call that says no more than the text is answered without a signature, and
// does nothing; any other call without one is refused, as ever.
func TestAPing(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]int{
		`Ping test`:                             http.StatusNoContent,
		`"Ping test"`:                           http.StatusNoContent,
		` {"text": "Ping test"} `:               http.StatusNoContent,
		`{"text":"Ping test","id":"1"}`:         http.StatusUnauthorized,
		`{"data":{"text":"Ping test"}}`:         http.StatusUnauthorized,
		`["Ping test"]`:                         http.StatusUnauthorized,
		`{"id":"1"}`:                            http.StatusUnauthorized,
		`Ping test 1`:                           http.StatusUnauthorized,
		``:                                      http.StatusUnauthorized,
		strings.Repeat(" ", 1100) + `Ping test`: http.StatusUnauthorized,
	} {
		var l told
		h := httpin.Hook{
			HookConfig: httpin.HookConfig{Algorithm: httpin.AlgSHA256, Header: "X-Sig", Ping: "Ping test", Person: ptr(path(t, "id"))},
			Secrets:    func() []string { return []string{"a-secret-of-the-webhook"} }, Hear: l.listener(), ByID: true,
		}
		if code := post(h.Handler(), call, nil); code != want {
			t.Errorf("%.40s: %d", call, code)
		}
		if code := post(h.Handler(), call, map[string]string{"X-Sig": "00"}); code != http.StatusUnauthorized {
			t.Errorf("%.40s, with a signature that is none: %d", call, code)
		}
		h.Ping = ""
		if code := post(h.Handler(), call, nil); code != http.StatusUnauthorized {
			t.Errorf("%.40s, and there is no ping: %d", call, code)
		}
		if keys, lost := l.take(); keys != "" || lost > 0 {
			t.Errorf("%.40s has %q read, and everybody %d times", call, keys, lost)
		}
	}
}
