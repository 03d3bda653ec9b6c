// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"iter"

	"golang.org/x/time/rate"

	"github.com/usher-id/usher/scim"
)

// Limit keeps an app's requests within a rate; zero or less is no limit. The
// wait lies before the request, so that it does not eat into its timeout. The
// pages of one List count as one.
func Limit(a App, perSecond float64) App {
	if perSecond <= 0 {
		return a
	}
	return &limited{App: a, bucket: rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))}
}

type limited struct {
	App
	bucket *rate.Limiter
}

// wait fails only before anything was sent.
func (l *limited) wait(ctx context.Context) error {
	if err := l.bucket.Wait(ctx); err != nil {
		return &Error{Class: Unreachable, Err: err}
	}
	return nil
}

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
	return l.App.Create(ctx, kind, r)
}

func (l *limited) Patch(ctx context.Context, kind Kind, id string, changes []scim.Change, want *scim.Resource) (Answer, error) {
	if err := l.waitFor(ctx, kind, changes); err != nil {
		return Answer{}, err
	}
	return l.App.Patch(ctx, kind, id, changes, want)
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
	return l.App.ChangeMembers(ctx, groupID, add, remove)
}

func (l *limited) Delete(ctx context.Context, kind Kind, id string) (Answer, error) {
	if err := l.wait(ctx); err != nil {
		return Answer{}, err
	}
	return l.App.Delete(ctx, kind, id)
}

func (l *limited) Get(ctx context.Context, kind Kind, id string) (Answer, error) {
	if err := l.wait(ctx); err != nil {
		return Answer{}, err
	}
	return l.App.Get(ctx, kind, id)
}

func (l *limited) Find(ctx context.Context, kind Kind, attribute scim.Path, value string) ([]*scim.Resource, Answer, error) {
	if err := l.wait(ctx); err != nil {
		return nil, Answer{}, err
	}
	return l.App.Find(ctx, kind, attribute, value)
}

func (l *limited) List(ctx context.Context, kind Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	if err := l.wait(ctx); err != nil {
		return func(yield func(*scim.Resource, error) bool) { yield(nil, err) }
	}
	return l.App.List(ctx, kind, excludeMembers)
}
