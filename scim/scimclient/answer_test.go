// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim/scimclient"
)

func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	const scimJSON = "application/scim+json"
	for name, tt := range map[string]struct {
		contentType string
		status      int // 0: 201 for POST, else 200
		body        string
		except      string // methods that may succeed
	}{
		"HTML":                 {contentType: "text/html; charset=utf-8", body: "<html>Sign in</html>"},
		"HTML in disguise":     {contentType: scimJSON, body: "<html>Sign in</html>"},
		"plain text":           {contentType: "text/plain", body: alice},
		"XML":                  {contentType: "application/xml", body: "<user/>"},
		"empty":                {contentType: scimJSON, except: "DELETE"},
		"blank":                {contentType: scimJSON, body: " \r\n", except: "DELETE"},
		"cut":                  {contentType: scimJSON, body: alice[:40]},
		"trailing":             {contentType: scimJSON, body: alice + "x"},
		"array":                {contentType: scimJSON, body: "[" + alice + "]"},
		"name twice":           {contentType: scimJSON, body: `{"id":"1","id":"2"}`},
		"deep":                 {contentType: scimJSON, body: strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)},
		"error with 200":       {contentType: scimJSON, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"id":"1","detail":"no\u001b[31m","status":"500"}`},
		"another's body":       {contentType: scimJSON, body: `{"id":"2","userName":"bob"}`, except: "POST DELETE"},
		"no id":                {contentType: scimJSON, body: `{"userName":"alice"}`, except: "PUT PATCH DELETE"},
		"204 with nothing due": {status: 204, except: "PUT PATCH DELETE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.contentType != "" {
					w.Header().Set("Content-Type", tt.contentType)
				}
				switch {
				case tt.status != 0:
					w.WriteHeader(tt.status)
				case r.Method == http.MethodPost:
					w.WriteHeader(http.StatusCreated)
				}
				_, _ = io.WriteString(w, tt.body)
			})
			for method, do := range calls(c) {
				err := do(t.Context())
				if strings.Contains(tt.except, method) {
					if err != nil {
						t.Errorf("%s: %v", method, err)
					}
					continue
				}
				want := scimclient.Ambiguous
				if method == "GET" {
					want = scimclient.Retry
				}
				if e := errorOf(t, err); e.Class != want || !errors.Is(err, scimclient.ErrUnreadable) {
					t.Errorf("%s: class %v, want %v: %v", method, e.Class, want, e)
				}
			}
		})
	}
}

func TestLenientAnswers(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		"application/scim+json;charset=utf-8", "application/json", "text/json", "APPLICATION/JSON", "application/vnd.app+json", "none",
	} {
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{contentType}
			if contentType == "none" {
				w.Header()["Content-Type"] = nil
			}
			_, _ = io.WriteString(w, "\ufeff"+alice) // 200 also for the create
		})
		for method, do := range calls(c) {
			if err := do(t.Context()); err != nil {
				t.Errorf("%s %s: %v", contentType, method, err)
			}
		}
	}
}

func TestAnswerTooLarge(t *testing.T) {
	t.Parallel()
	bomb := func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, `{"id":"`)
		_, _ = z.Write(bytes.Repeat([]byte("a"), 16<<20))
		_ = z.Close()
		return b.Bytes()
	}()
	for name, handler := range map[string]func(http.ResponseWriter, *http.Request){
		"endless": func(w http.ResponseWriter, r *http.Request) {
			chunk := bytes.Repeat([]byte("a"), 4096)
			for r.Context().Err() == nil {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/scim+json")
				handler(w, r)
			}, func(cfg *scimclient.Config) { cfg.Limits.MaxBytes = 64 << 10 })
			for method, do := range calls(c) {
				want := scimclient.Ambiguous
				if method == "GET" {
					want = scimclient.Terminal
				}
				err := do(t.Context())
				if e := errorOf(t, err); e.Class != want || !errors.Is(err, scimclient.ErrAnswerTooLarge) {
					t.Errorf("%s: %v, want %v", method, e, want)
				}
			}
		})
	}
}

func TestForeignEncoding(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, alice)
	})
	_, err := c.Delete(t.Context(), "/Users", "1")
	if e := errorOf(t, err); e.Class != scimclient.Ambiguous {
		t.Error(e)
	}
}

// An endless error body delays nobody: the status has said it all.
func TestEndlessErrorBody(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusConflict)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	_, err := c.Delete(t.Context(), "/Users", "1")
	if e := errorOf(t, err); e.Class != scimclient.Conflict {
		t.Error(e)
	}
}
