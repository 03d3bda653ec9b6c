// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/entra"
)

// registered is an app that is spoken to as an app registration of a tenant of Entra.
type registered struct {
	app    config.App
	client *entra.Client
}

// entraNeed is an application permission of Graph, and what becomes of it without.
type entraNeed struct {
	name    string
	or      []string // others that do as well, by the maker's tables
	without string
}

// entraNeeds are those that an app needs (learn.microsoft.com/graph/api, the page of each call).
func entraNeeds(a config.App) []entraNeed {
	list := []entraNeed{
		{"User.Read.All", []string{"Directory.Read.All", "Directory.ReadWrite.All"}, "nobody is read, and whether somebody is an administrator cannot be asked, so that nobody is changed or shut out"},
		{"User.ReadWrite.All", []string{"Directory.ReadWrite.All"}, "nobody is made or changed"},
		{"User.EnableDisableAccount.All", nil, "nobody may be shut out, or let in again"},
		{"User.RevokeSessions.All", nil, "whoever leaves is shut out and set aside, as they may still be signed in"},
	}
	if a.Groups != nil {
		list = append(list, entraNeed{"Group.ReadWrite.All", []string{"Directory.ReadWrite.All"}, "no team becomes a group"})
	}
	return list
}

// entraSpare are permissions that are of use, and not needed: by the first the roles of
// administrators have names.
var entraSpare = []string{"RoleManagement.Read.Directory", "GroupMember.ReadWrite.All", "User-Phone.ReadWrite.All"}

// permissions says what the permissions lack that tenants of Entra have granted, and what
// they have beside, as their tokens tell; whole is that everybody could be asked.
func (b *Built) permissions(ctx context.Context) (out []Finding, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	found, unasked := make([][]Finding, len(b.registered)), make([]bool, len(b.registered))
	var all errgroup.Group
	for i, r := range b.registered {
		all.Go(func() error {
			granted, err := r.client.Permissions(ctx)
			e, ok := errors.AsType[*entra.Error](err)
			switch {
			case err == nil:
				found[i] = r.lacks(granted)
			case ok && e.Status >= 400 && e.Status < 500 && e.RetryAfter == 0:
				found[i] = []Finding{r.finding(FindingError, fmt.Sprintf("the tenant %s gives no token: %s", r.tenant(), err), "")}
			default:
				unasked[i] = true
			}
			return nil
		})
	}
	_ = all.Wait() // none has an error
	return slices.Concat(found...), !slices.Contains(unasked, true)
}

// check says whether what is granted is what is needed. That there is no token was told.
func (r *registered) check(ctx context.Context) []Finding {
	granted, err := r.client.Permissions(ctx)
	switch {
	case err != nil:
		return nil
	case len(granted) == 0:
		return []Finding{r.finding(FindingNote, "not compared: permissions, as the tenant "+r.tenant()+" does not tell which it grants", "")}
	}
	found := r.lacks(granted)
	if len(found) == 0 {
		found = []Finding{r.finding(FindingOK, fmt.Sprintf("the tenant %s grants the %d permissions that are needed, and no others but what is of use", r.tenant(), len(entraNeeds(r.app))), "")}
	}
	return found
}

func (r *registered) tenant() string { return r.app.Entra.Registration.Tenant.Value }

func (r *registered) finding(level, text, fix string) Finding {
	return Finding{Pos: r.app.Entra.Registration.Tenant.Pos, Subject: "app " + r.app.Name, Level: level, Text: text, Fix: fix}
}

// lacks compares what was granted with what is needed.
func (r *registered) lacks(granted []string) (out []Finding) {
	fix := "App registrations, API permissions, Microsoft Graph, Application permissions; then grant admin consent"
	needs, useful := entraNeeds(r.app), slices.Clone(entraSpare)
	for _, n := range needs {
		useful = append(useful, n.name)
		if slices.Contains(granted, n.name) || slices.ContainsFunc(n.or, func(s string) bool { return slices.Contains(granted, s) }) {
			continue
		}
		text := fmt.Sprintf("the tenant %s does not grant %s, which the app %s needs: until then %s", r.tenant(), n.name, r.app.Name, n.without)
		out = append(out, r.finding(FindingError, text, fix))
	}
	over := slices.DeleteFunc(slices.Clone(granted), func(s string) bool { return slices.Contains(useful, s) })
	if len(over) == 0 {
		return out
	}
	slices.Sort(over)
	more := ""
	if n := len(over) - mostScopes; n > 0 {
		over, more = over[:mostScopes], fmt.Sprintf(" and %d more", n)
	}
	text := fmt.Sprintf("the tenant %s grants %s%s, which nothing here needs", r.tenant(), strings.Join(over, ", "), more)
	return append(out, r.finding(FindingWarning, text, "take them from the app registration: whoever got hold of its credential could use them"))
}

// asksForTokens reports whether somebody is asked at a start.
func (b *Built) asksForTokens() bool { return len(b.grants)+len(b.registered)+len(b.installed) > 0 }
