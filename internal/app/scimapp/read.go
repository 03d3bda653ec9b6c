// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// Get reads one resource.
func (a *App) Get(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	return outcome(a.client.Get(named(ctx), endpoint, id))
}

// Find looks resources up by one attribute: one request, unless the app turns
// out to ignore the filter and there is more than one page; then it reads the
// whole list, as a hit may be on any of them. So it does at once if the profile
// says that the app does not search by the attribute: a filter that is not
// understood is refused by some, and answered with nobody by others.
func (a *App) Find(ctx context.Context, kind app.Kind, attribute scim.Path, value string) ([]*scim.Resource, app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return nil, app.Answer{}, err
	}
	if value == "" {
		return nil, app.Answer{}, refuse(app.Terminal, errors.New("there is no value to look up"))
	}
	filter := scim.Eq(attribute, value)
	// An app that ignores the filter sends everybody; without this check the first
	// of them would be taken for the person.
	matches := func(r *scim.Resource) bool {
		return r.ID() != "" && a.schemas.Match(kind.Schema(), filter, r)
	}
	if !a.profile.Filterable(kind, attribute) {
		if !a.profile.ListTrusted || !a.profile.Operations(kind).List {
			return nil, app.Answer{}, refuse(app.Terminal, fmt.Errorf("the app does not search by %s, and its list proves nothing", attribute))
		}
		return a.scan(ctx, kind, matches, app.Answer{})
	}
	page, err := a.client.List(named(ctx), endpoint, scimclient.Query{Filter: filter})
	answer, err := outcome(page.Answer, err)
	switch e := app.Classify(err); {
	case e == nil:
	case e.Class == app.NotFound:
		return nil, answer, nil // how some apps say that nothing matches
	case e.ScimType == scim.InvalidFilter && strings.ContainsAny(value, `"\`):
		return a.scan(ctx, kind, matches, answer) // some apps do not know JSON's escapes in filters
	case e.ScimType == scim.InvalidFilter && !a.profile.FiltersKnown(kind) && a.profile.ListTrusted:
		return a.scan(ctx, kind, matches, answer) // nobody knew that it does not search by this
	default:
		return nil, answer, err
	}
	hits := keep(page.Resources, matches)
	switch {
	case len(hits) > 0 && len(hits) == len(page.Resources): // the filter works
		return hits, answer, nil
	case page.NextCursor == "" && page.TotalResults <= len(page.Resources) &&
		(page.TotalResults >= 0 || len(page.Resources) == 0): // this page is all there is
		return hits, answer, nil
	}
	return a.scan(ctx, kind, matches, answer)
}

// scan looks for hits in the whole list. A list that proves nothing is an error:
// "not found" would lead to a second account.
func (a *App) scan(ctx context.Context, kind app.Kind, matches func(*scim.Resource) bool, answer app.Answer) ([]*scim.Resource, app.Answer, error) {
	var hits []*scim.Resource
	for r, err := range a.List(ctx, kind, true) {
		if err != nil {
			return nil, answer, err
		}
		if matches(r) {
			hits = append(hits, r)
		}
	}
	return hits, answer, nil
}

// List reads all resources of a kind.
func (a *App) List(ctx context.Context, kind app.Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		endpoint, err := a.endpoint(kind)
		if err != nil {
			yield(nil, err)
			return
		}
		if !a.profile.Operations(kind).List {
			yield(nil, a.lacks("list", kind, "each has to be looked up by itself"))
			return
		}
		var q scimclient.Query
		opt := scimclient.PageOptions{Again: again}
		switch a.profile.Pagination {
		case "none":
			opt.SinglePage = true
		case "cursor":
			q.UseCursor = true
			q.Count = a.profile.PageSize
		default:
			q.Count = a.profile.PageSize
		}
		// Where members are in no answer there is nothing to leave out, and some
		// of those apps refuse to be asked.
		if excludeMembers && kind == app.KindGroup && a.profile.MembersReadable {
			q.ExcludedAttributes = []string{"members"}
		}
		for r, err := range a.client.All(named(ctx), endpoint, q, opt) {
			if err != nil {
				yield(nil, convert(err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func keep(list []*scim.Resource, ok func(*scim.Resource) bool) []*scim.Resource {
	return slices.DeleteFunc(slices.Clone(list), func(r *scim.Resource) bool { return !ok(r) })
}

// How often, and for how long, a page of a list is asked for again. Nothing but
// that page is lost by a mishap; without this, an app of a thousand pages that
// fails once in a hundred requests could never be listed.
const (
	pageTries = 6
	pagePause = 500 * time.Millisecond
	pageWait  = 30 * time.Second // at most, whatever the app asks for
)

func again(ctx context.Context, failed *scimclient.Error, times int) bool {
	if failed.Class != scimclient.Retry || times >= pageTries || failed.RetryAfter > pageWait {
		return false
	}
	pause := time.NewTimer(max(failed.RetryAfter, pagePause<<(times-1)))
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}
