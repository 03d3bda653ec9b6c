// SPDX-License-Identifier: Apache-2.0

// Package apptest is what the tests of adapters to makers' own APIs have in common: a way
// to a fake on which a test can do something before a request, what an error must be, and
// an engine in small that brings an account to where it is wished for.
//
// Goroutines: none.
package apptest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// Way lets a test do something before a request, or cut it off.
type Way struct {
	http.RoundTripper

	mu     sync.Mutex
	before func(r *http.Request) error
}

// RoundTrip implements [http.RoundTripper].
func (w *Way) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	before := w.before
	w.mu.Unlock()
	if before != nil {
		if err := before(r); err != nil {
			return nil, err
		}
	}
	return w.RoundTripper.RoundTrip(r)
}

// Before says what is done before each request from now on; its error is the answer.
func (w *Way) Before(do func(r *http.Request) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = do
}

// Person is an account as a mapping makes it, active, with pairs of a path and a text.
func Person(pairs ...string) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	u.SetActive(true)
	for i := 0; i < len(pairs); i += 2 {
		if err := u.Put(scim.MustPath(pairs[i]), scim.String(pairs[i+1])); err != nil {
			panic(err)
		}
	}
	return u
}

// Team is a group as the engine makes it.
func Team(id, name string) *scim.Resource {
	g := scim.NewResource(scim.GroupURN)
	g.SetExternalID(id)
	g.Set("displayName", scim.String(name))
	return g
}

// Set is a change of one attribute, to a text or a bool; nil takes it away.
func Set(path string, v any) scim.Change {
	c := scim.Change{Path: scim.MustPath(path)}
	switch v := v.(type) {
	case string:
		c.After = scim.String(v)
	case bool:
		c.After = scim.Bool(v)
	}
	return c
}

// Fails holds that an error is of a class, and says some words, but not the secret.
func Fails(t *testing.T, err error, class app.Class, secret string, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*app.Error](err)
	if !ok || e.Class != class {
		t.Fatalf("%v, want %v", err, class)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("%q does not say %q", e.Error(), w)
		}
	}
	if strings.Contains(e.Error(), secret) {
		t.Errorf("%q holds what is secret", e.Error())
	}
}

// mostTries is how often an account is brought nearer before that has no end.
const mostTries = 80

// Drive brings a user to where it is wished for as the engine does: what differs from what
// is there is sent, again if that is said, and looked up whenever nothing is known. Of
// somebody who is out nothing else is compared.
func Drive(ctx context.Context, t *rapid.T, a app.App, schemas *scim.SchemaSet, id string, paths []scim.Path, want *scim.Resource) {
	var left []scim.Change
	for range mostTries {
		if len(left) == 0 {
			ans, err := a.Get(ctx, app.KindUser, id)
			if err != nil {
				passes(t, err)
				continue
			}
			left = scim.Diff(schemas, scim.UserURN, paths, ans.Resource, want)
			if on, _ := want.Active(); !on {
				is, _ := ans.Resource.Active()
				if left = nil; is {
					left = []scim.Change{Set("active", false)}
				}
			}
			if len(left) == 0 {
				return
			}
		}
		_, err := a.Patch(ctx, app.KindUser, id, left, nil)
		if err == nil || passes(t, err) == app.Ambiguous {
			left = nil
		}
	}
	t.Fatalf("it does not get there: %v", left)
}

// passes holds that an error is one after which it is tried again.
func passes(t *rapid.T, err error) app.Class {
	e, ok := errors.AsType[*app.Error](err)
	if !ok || e.Class != app.Ambiguous && e.Class != app.Retry && e.Class != app.Unreachable && e.Class != app.Precondition {
		t.Fatalf("%v", err)
	}
	return e.Class
}
