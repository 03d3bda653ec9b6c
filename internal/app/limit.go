// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"iter"

	"github.com/usher-id/usher/scim"
)

// Limit keeps an app's requests within a rate; zero or less is no limit. The
// wait lies before the request, so that it does not eat into its timeout. The
// pages of one List count as one. Apps that are at one place share their limit:
// see [Origins].
func Limit(a App, perSecond float64) App {
	if perSecond <= 0 {
		return a
	}
	o := newOrigin("")
	o.slow(perSecond)
	return &limited{App: a, origin: o}
}

type limited struct {
	App
	origin *origin
}

// wait fails only before anything was sent.
func (l *limited) wait(ctx context.Context) error { return l.origin.enter(ctx) }

// waitFor waits for a Create, or a Patch of changes, which may take several requests.
func (l *limited) waitFor(ctx context.Context, kind Kind, changes []scim.Change) error {
	requests := 1
	if a, ok := l.App.(interface {
		Weight(Kind, []scim.Change) int
	}); ok {
		requests = a.Weight(kind, changes)
	}
	for range requests {
		if err := l.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *limited) Create(ctx context.Context, kind Kind, r *scim.Resource) (Answer, error) {
	if err := l.waitFor(ctx, kind, nil); err != nil {
		return Answer{}, err
	}
	ans, err := l.App.Create(ctx, kind, r)
	return ans, l.origin.heard(err)
}

func (l *limited) Patch(ctx context.Context, kind Kind, id string, changes []scim.Change, want *scim.Resource) (Answer, error) {
	if err := l.waitFor(ctx, kind, changes); err != nil {
		return Answer{}, err
	}
	ans, err := l.App.Patch(ctx, kind, id, changes, want)
	return ans, l.origin.heard(err)
}

// ChangeMembers waits for what adding somebody takes, where that is more than one request.
func (l *limited) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (Answer, error) {
	requests := 1
	if a, ok := l.App.(interface{ AddWeight() int }); ok && len(add) > 0 {
		requests = a.AddWeight()
	}
	for range requests {
		if err := l.wait(ctx); err != nil {
			return Answer{}, err
		}
	}
	ans, err := l.App.ChangeMembers(ctx, groupID, add, remove)
	return ans, l.origin.heard(err)
}

func (l *limited) Delete(ctx context.Context, kind Kind, id string) (Answer, error) {
	if err := l.wait(ctx); err != nil {
		return Answer{}, err
	}
	ans, err := l.App.Delete(ctx, kind, id)
	return ans, l.origin.heard(err)
}

func (l *limited) Get(ctx context.Context, kind Kind, id string) (Answer, error) {
	if err := l.wait(ctx); err != nil {
		return Answer{}, err
	}
	ans, err := l.App.Get(ctx, kind, id)
	return ans, l.origin.heard(err)
}

func (l *limited) Find(ctx context.Context, kind Kind, attribute scim.Path, value string) ([]*scim.Resource, Answer, error) {
	if err := l.wait(ctx); err != nil {
		return nil, Answer{}, err
	}
	found, ans, err := l.App.Find(ctx, kind, attribute, value)
	return found, ans, l.origin.heard(err)
}

func (l *limited) List(ctx context.Context, kind Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	if err := l.wait(ctx); err != nil {
		return func(yield func(*scim.Resource, error) bool) { yield(nil, err) }
	}
	return func(yield func(*scim.Resource, error) bool) {
		for r, err := range l.App.List(ctx, kind, excludeMembers) {
			if !yield(r, l.origin.heard(err)) {
				return
			}
		}
	}
}
