// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app/probe"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// instead answers some requests in the place of an app; nil lets the app answer.
type instead struct {
	app    http.Handler
	answer func(r *http.Request, body []byte) func(http.ResponseWriter)
}

func (i instead) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if a := i.answer(r, body); a != nil {
		a(w)
		return
	}
	i.app.ServeHTTP(w, r)
}

func says(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // a recorder takes everything
	}
}

// made tells whether a request makes a user or a group.
func made(r *http.Request) bool {
	return r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/Users") || strings.HasSuffix(r.URL.Path, "/Groups"))
}

func runOn(ctx context.Context, h http.Handler) (*probe.Report, error) {
	return probe.Run(ctx, probe.Config{
		BaseURL: "https://app.example" + scimtest.Base, Token: "canary", HTTP: &http.Client{Transport: direct{h}},
	})
}

// add puts somebody into an app as its own administrator does, and gives the id.
func add(t *testing.T, a *scimtest.App, userName string, change func(*scim.Resource)) string {
	t.Helper()
	r := scim.NewResource(scim.UserURN)
	r.Set("userName", scim.String(userName))
	r.SetActive(true)
	if change != nil {
		change(r)
	}
	got, err := a.Add("User", r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestMatchedInstead: an app that answers a POST with somebody who was there before has
// nothing sent to them, whichever POST it is, and whatever the answer says of them.
func TestMatchedInstead(t *testing.T) {
	t.Parallel()
	for what, body := range map[string]string{
		"with names":    `{"schemas":[%q],"id":"%s","userName":"ann@example.org","externalId":"4711"}`,
		"without names": `{"schemas":[%q],"id":"%s"}`,
	} {
		for k := 1; k <= 7; k++ {
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, scimtest.Quirks{AllowDuplicates: true}, 5)
				ann := add(t, a, "ann@example.org", nil)
				before, posts, hit := len(a.Ledger()), 0, false
				r, err := runOn(t.Context(), instead{a, func(r *http.Request, _ []byte) func(http.ResponseWriter) {
					if made(r) && strings.HasSuffix(r.URL.Path, "/Users") {
						if posts++; posts == k {
							hit = true
							return says(http.StatusOK, fmt.Sprintf(body, scim.UserURN, ann))
						}
					}
					if hit && strings.HasSuffix(r.URL.Path, "/"+ann) && r.Method != http.MethodGet {
						t.Errorf("%s, POST %d: %s of somebody else", what, k, r.Method)
					}
					return nil
				}})
				if err == nil || !strings.Contains(err.Error(), "somebody who was there before ("+ann+")") {
					t.Errorf("%s, POST %d: %v", what, k, err)
				}
				if !slices.ContainsFunc(r.Left, func(c probe.Canary) bool { return c.ID == ann && c.State == "somebody else's" }) || len(r.Left) != 1 {
					t.Errorf("%s, POST %d: %+v", what, k, r.Left)
				}
				ours(t, a, before)
				clean(t, a)
			})
		}
	}
}

// TestMatchedItself: an app that answers with a canary that is there already ends the
// run, and that canary is removed.
func TestMatchedItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scimtest.Quirks{}, 5)
		posts, first := 0, ""
		r, err := runOn(t.Context(), instead{a, func(r *http.Request, _ []byte) func(http.ResponseWriter) {
			if !made(r) {
				return nil
			}
			if posts++; posts == 1 {
				return func(w http.ResponseWriter) {
					rec := httptest.NewRecorder()
					a.ServeHTTP(rec, r)
					first = rec.Body.String()
					says(rec.Code, first)(w)
				}
			}
			return says(http.StatusOK, first)
		}})
		if err == nil || !strings.Contains(err.Error(), "matches instead of making") || len(r.Left) > 0 {
			t.Errorf("%v, %+v", err, r.Left)
		}
		clean(t, a)
	})
}

// TestNoInvitation: nothing of a canary is what a person of the app may have, too.
func TestNoInvitation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scimtest.Quirks{}, 5)
		numbers := 0
		_, err := runOn(t.Context(), instead{a, func(r *http.Request, body []byte) func(http.ResponseWriter) {
			got, err := scim.ParseResource(body, scim.Limits{})
			if !made(r) || err != nil {
				return nil
			}
			if v, ok := got.At(scim.MustPath(scim.EnterpriseUserURN + ":employeeNumber")); ok {
				numbers++
				if s, _ := v.AsString(); !strings.HasPrefix(s, probe.Prefix) {
					t.Errorf("the employee number %q", s)
				}
			}
			return nil
		}})
		if err != nil || numbers == 0 {
			t.Errorf("%v, %d employee numbers", err, numbers)
		}
	})
}

// TestOthersOfTheName: who is called nearly as a canary is, and was made by no run on
// this endpoint, stays as they are.
func TestOthersOfTheName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scimtest.Quirks{}, 5)
		for _, name := range []string{"usher-probe-test-user", "usher-probe-aaaa-b@example.com", "usher-probe-demo.x", "usher-probe-"} {
			add(t, a, name, nil)
		}
		g := scim.NewResource(scim.GroupURN)
		g.Set("displayName", scim.String("usher-probe-test-group"))
		if _, err := a.Add("Group", g); err != nil {
			t.Fatal(err)
		}
		before := len(a.Ledger())
		r, err := runOn(t.Context(), a)
		if err != nil || len(r.Removed)+len(r.Left) > 0 {
			t.Errorf("%v, removed %v, left %v", err, r.Removed, r.Left)
		}
		ours(t, a, before)
	})
}

// TestCutAndLate: a POST that was cut, and that the app is still at, is found when it is
// there, or named.
func TestCutAndLate(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{time.Second, 3 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, scimtest.Quirks{}, 5)
			var body []byte
			var at time.Time
			r, err := runOn(t.Context(), instead{a, func(r *http.Request, b []byte) func(http.ResponseWriter) {
				if made(r) && body == nil {
					body, at = b, time.Now().Add(late)
					panic(http.ErrAbortHandler)
				}
				if len(body) > 0 && time.Now().After(at) {
					post(t, a, body)
					body = []byte{}
				}
				return nil
			}})
			if err == nil {
				t.Errorf("late by %s: no error", late)
			}
			if late < time.Hour {
				if len(r.Left) > 0 {
					t.Errorf("late by %s: %+v", late, r.Left)
				}
				clean(t, a)
				return
			}
			if len(r.Left) != 1 || r.Left[0].State != "not known" || r.Left[0].ID != "" {
				t.Errorf("late by %s: %+v", late, r.Left)
			}
		})
	}
}

func post(t *testing.T, a http.Handler, body []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, scimtest.Base+"/Users", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer canary")
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestReadLate: of an app where a GET and a DELETE know of a new user later, or not as
// long as the run goes, no canary is said to be gone that is there.
func TestReadLate(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{time.Second, 3 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, scimtest.Quirks{}, 5)
			born := map[string]time.Time{}
			r, err := runOn(t.Context(), instead{a, func(r *http.Request, _ []byte) func(http.ResponseWriter) {
				if made(r) {
					return func(w http.ResponseWriter) {
						rec := httptest.NewRecorder()
						a.ServeHTTP(rec, r)
						if got, err := scim.ParseResource(rec.Body.Bytes(), scim.Limits{}); err == nil {
							born[got.ID()] = time.Now()
						}
						says(rec.Code, rec.Body.String())(w)
					}
				}
				id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
				if t0, ok := born[id]; ok && time.Since(t0) < late {
					return says(http.StatusNotFound, "")
				}
				return nil
			}})
			if err == nil || !strings.Contains(err.Error(), "is not there (GET") {
				t.Errorf("late by %s: %v", late, err)
			}
			named(t, 0, a, r)
			if late < time.Hour {
				clean(t, a)
			} else if len(r.Left) != 1 || r.Left[0].State != "not known" || r.Left[0].ID == "" {
				t.Errorf("late by %s: %+v", late, r.Left)
			}
		})
	}
}

// TestFallsOver: an app that answers 500 to what it does not have is probed all the
// same.
func TestFallsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scimtest.Quirks{NoExtras: true}, 5)
		fell := 0
		r, err := runOn(t.Context(), instead{a, func(r *http.Request, _ []byte) func(http.ResponseWriter) {
			if strings.HasSuffix(r.URL.Path, "/.search") || strings.HasSuffix(r.URL.Path, "/Bulk") {
				fell++
				return says(http.StatusInternalServerError, "")
			}
			return nil
		}})
		if err != nil || fell != 2 || !slices.Equal(r.Deviations, []string{"no /Me, /Bulk and /.search"}) {
			t.Errorf("%v, %d, %q", err, fell, r.Deviations)
		}
	})
}
