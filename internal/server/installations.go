// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/app/githubapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/github"
)

// installed is a GitHub App in the organization of an app.
type installed struct {
	app    config.App
	client *github.Client
	org    *githubapp.App
}

func (i installed) subject() string { return "app " + i.app.Name }

// installations asks each GitHub App once where it is installed and what it may do there,
// and says what is wrong or too much. whole is that each could be asked.
func (b *Built) installations(ctx context.Context) (out []Finding, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	found, unasked := make([][]Finding, len(b.installed)), make([]bool, len(b.installed))
	var all errgroup.Group
	for n, i := range b.installed {
		all.Go(func() error {
			got, err := i.client.Installation(ctx)
			e, own := errors.AsType[*github.Error](err)
			switch {
			case err == nil:
				found[n] = i.permissions(got)
			case own && e.RetryAfter == 0 && (e.Status >= 400 && e.Status < 500 || e.Status == 0 && !isUnreachable(e)):
				found[n] = []Finding{i.refused(e)}
			default:
				unasked[n] = true
			}
			return nil
		})
	}
	_ = all.Wait() // none has an error
	return slices.Concat(found...), !slices.Contains(unasked, true)
}

// isUnreachable says that nobody answered, which passes.
func isUnreachable(e *github.Error) bool {
	return e.Err == nil || !strings.Contains(e.Err.Error(), "is no API of GitHub")
}

// refused is a finding about an app that is given no token.
func (i installed) refused(e *github.Error) Finding {
	text := e.Error()
	if e.Err != nil {
		text = e.Err.Error()
	}
	what, fix, _ := strings.Cut(text, "; ")
	return Finding{Pos: i.app.GitHub.AppID.Pos, Subject: i.subject(), Level: FindingError, Text: what, Fix: fix}
}

// permissions says what a GitHub App may do that nothing here needs. Everybody's metadata
// may be read by each.
func (i installed) permissions(got github.Installation) (out []Finding) {
	for _, name := range slices.Sorted(maps.Keys(got.Permissions)) {
		if name != "members" && name != "metadata" {
			out = append(out, Finding{
				Pos: i.app.GitHub.AppID.Pos, Subject: i.subject(), Level: FindingWarning,
				Text: fmt.Sprintf("the GitHub App %s has %s: %s in %s, which nothing here needs", i.app.GitHub.AppID.Value, name, got.Permissions[name], i.client.Organization()),
				Fix:  "take it from the app: Usher's tokens are without it, and whoever has the private key gets others",
			})
		}
	}
	return out
}

// check says whether a GitHub App is installed and may do what it must, and how many
// invitations are open.
func (i installed) check(ctx context.Context) (out []Finding) {
	say := func(level, format string, args ...any) {
		out = append(out, Finding{Pos: i.app.GitHub.AppID.Pos, Subject: i.subject(), Level: level, Text: fmt.Sprintf(format, args...)})
	}
	var got github.Installation
	err := step(ctx, func(ctx context.Context) (err error) {
		got, err = i.client.Installation(ctx)
		return err
	})
	if e, own := errors.AsType[*github.Error](err); own {
		return []Finding{i.refused(e)}
	}
	if err != nil {
		say(FindingError, "%s", message(err))
		return out
	}
	say(FindingOK, "the GitHub App %s is installed in %s, and may write its members", i.app.GitHub.AppID.Value, i.client.Organization())
	out = append(out, i.permissions(got)...)
	var open githubapp.Open
	err = step(ctx, func(ctx context.Context) (err error) {
		open, err = i.org.Invitations(ctx)
		return err
	})
	switch {
	case err != nil:
		say(FindingWarning, "its invitations cannot be read: %s", message(err))
	case open.Failed > 0:
		say(FindingWarning, "%d invitations wait to be accepted, and %d were not in seven days", open.Pending, open.Failed)
	default:
		say(FindingOK, "%d invitations wait to be accepted", open.Pending)
	}
	return out
}
