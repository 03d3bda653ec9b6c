// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// Create makes the resource. The id and meta belong to the app (RFC 7643 §3.1)
// and are not sent.
func (a *App) Create(ctx context.Context, kind app.Kind, r *scim.Resource) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	if r == nil {
		return app.Answer{}, refuse(app.Terminal, errors.New("there is no resource to create"))
	}
	if !a.profile.Operations(kind).Create {
		return app.Answer{}, a.lacks("POST", kind, "it has to be made in the app, by hand")
	}
	if n, limit := len(r.Members()), a.profile.MaxMembersWhole; limit > 0 && n > limit {
		return app.Answer{}, refuse(app.TooLarge, fmt.Errorf("%d members at once, where the profile allows %d", n, limit))
	}
	_, hasID := r.Get("id")
	_, hasMeta := r.Get("meta")
	_, hasPassword := r.Get("password")
	if password := a.profile.RandomPassword && kind == app.KindUser && !hasPassword; hasID || hasMeta || password {
		r = r.Clone()
		r.Delete("id")
		r.Delete("meta")
		if password {
			r.Set("password", scim.String(randomPassword()))
		}
	}
	answer, err := outcome(a.client.Create(named(ctx), endpoint, r, hidden(r, nil)...))
	if answer.Resource != nil {
		answer.Resource.Delete("password") // never returned (RFC 7643 §4.1.1), and kept by nobody if it is
	}
	return answer, err
}

// Patch sends the changes in one request: by PATCH if that reaches them all, else
// by a PUT of the whole, where there is one.
func (a *App) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, want *scim.Resource) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	if len(changes) == 0 {
		return app.Answer{}, refuse(app.Terminal, errors.New("there is no change to send"))
	}
	why := a.beyond(kind, changes)
	if why == "" {
		changes, answer, err := a.wholes(ctx, kind, id, changes, want)
		if err != nil {
			return answer, err
		}
		patch, err := a.patch(kind, id, changes)
		if err != nil {
			return app.Answer{}, err
		}
		return outcome(a.client.Patch(named(ctx), endpoint, id, patch, hidden(nil, changes)...))
	}
	switch {
	case !a.profile.Operations(kind).Replace:
		return app.Answer{}, refuse(app.Terminal, fmt.Errorf("%s, and there is no PUT: it has to be changed in the app, by hand", why))
	case kind == app.KindGroup:
		return app.Answer{}, refuse(app.Terminal, fmt.Errorf("%s, and a PUT would empty the group: it has to be changed in the app, by hand", why))
	case want == nil:
		return app.Answer{}, refuse(app.Terminal, fmt.Errorf("%s, and what else a PUT has to hold is not known", why))
	}
	held, answer, err := a.held(ctx, kind, id)
	if err != nil {
		return answer, err
	}
	whole, err := a.replacement(kind, id, changes, held, want)
	if err != nil {
		return app.Answer{}, refuse(app.Terminal, err)
	}
	return outcome(a.client.Replace(named(ctx), endpoint, id, whole, hidden(whole, changes)...))
}

// hidden keeps passwords out of errors: an app that finds one too simple may quote
// it, and what an app says is written down.
func hidden(r *scim.Resource, changes []scim.Change) []scimclient.Option {
	var out []scimclient.Option
	hide := func(v scim.Value) {
		if s, ok := v.AsString(); ok {
			out = append(out, scimclient.Hide(s))
		}
	}
	if v, ok := r.At(scim.Path{Attr: "password"}); ok {
		hide(v)
	}
	for _, c := range changes {
		if strings.EqualFold(c.Path.Attr, "password") {
			hide(c.After)
		}
	}
	return out
}

// changePatch is scim.ToPatch, but for a sub-attribute in a complex attribute of
// an extension, such as manager.value: it adds the complex attribute, which RFC
// 7644 §3.5.2.1 merges with what is there. To replace the sub-attribute is as
// right by §3.5.2.3, but some servers cannot follow a path behind a URN so deep.
func changePatch(changes []scim.Change) scim.Patch {
	patch := scim.ToPatch(changes)
	out := make(scim.Patch, 0, len(patch))
	added := map[string]int{} // complex attributes by path, to where they are in out
	for _, op := range patch {
		if op.Op != scim.OpReplace || op.Path == nil || op.Path.URN == "" || op.Path.Sub == "" || op.Path.Filter != nil {
			out = append(out, op)
			continue
		}
		whole := scim.Path{URN: op.Path.URN, Attr: op.Path.Attr}
		i, ok := added[whole.String()]
		if !ok {
			i = len(out)
			added[whole.String()] = i
			out = append(out, scim.PatchOp{Op: scim.OpAdd, Path: &whole})
		}
		value, _ := out[i].Value.AsComplex()
		value = value.Clone()
		value.Set(op.Path.Sub, op.Value)
		out[i].Value = scim.Complex(value)
	}
	return out
}

// randomPassword is one that nobody knows, with letters of both cases, digits and
// a sign, as complexity rules want them.
func randomPassword() string { return "u-" + rand.Text() + "-" + rand.Text()[:4] + "7" }

// Delete removes the resource.
func (a *App) Delete(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	if !a.profile.Operations(kind).Delete {
		return app.Answer{}, a.lacks("DELETE", kind, "it has to be removed in the app, by hand")
	}
	return outcome(a.client.Delete(named(ctx), endpoint, id))
}
