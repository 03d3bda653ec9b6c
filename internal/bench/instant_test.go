// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"iter"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// instant is an app that says yes to everything at once and keeps nothing: what
// a cycle costs with it is what it costs without any app.
type instant struct {
	profile  app.Profile
	requests atomic.Int64
}

func newInstant(tb testing.TB) *instant {
	tb.Helper()
	p, err := app.ProfileByID("generic-scim2")
	if err != nil {
		tb.Fatal(err)
	}
	return &instant{profile: p}
}

func (i *instant) yes(r *scim.Resource) (app.Answer, error) {
	return app.Answer{Status: 200, RequestID: strconv.FormatInt(i.requests.Add(1), 10), Resource: r}, nil
}

func (i *instant) Create(_ context.Context, k app.Kind, r *scim.Resource) (app.Answer, error) {
	made := r.Clone()
	made.SetID(string(k) + strconv.FormatInt(i.requests.Load(), 10) + r.UserName() + r.DisplayName())
	return i.yes(made)
}

func (i *instant) Patch(context.Context, app.Kind, string, []scim.Change, *scim.Resource) (app.Answer, error) {
	return i.yes(nil)
}

func (i *instant) ChangeMembers(context.Context, string, []string, []string) (app.Answer, error) {
	return i.yes(nil)
}

func (i *instant) Delete(context.Context, app.Kind, string) (app.Answer, error) { return i.yes(nil) }

func (i *instant) Get(context.Context, app.Kind, string) (app.Answer, error) {
	return app.Answer{}, &app.Error{Class: app.NotFound, Status: 404}
}

func (i *instant) Find(context.Context, app.Kind, scim.Path, string) ([]*scim.Resource, app.Answer, error) {
	a, err := i.yes(nil)
	return nil, a, err
}

func (i *instant) List(context.Context, app.Kind, bool) iter.Seq2[*scim.Resource, error] {
	return func(func(*scim.Resource, error) bool) { i.requests.Add(1) }
}

func (i *instant) Profile() app.Profile { return i.profile }

func (i *instant) Requests() int64 { return i.requests.Load() }
