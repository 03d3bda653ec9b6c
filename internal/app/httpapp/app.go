// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/scim"
)

// convert says what the engine may conclude. The same values can be written twice, so that
// a system which has no time is asked again when it wants to be, whatever it did.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := *app.Classify(app.FromRest(ctx, err))
	if e.Status == http.StatusServiceUnavailable {
		e.Class = app.Retry
	}
	of, ok := errors.AsType[*rest.Error](err)
	if ok && of.Unsent && of.Foreign {
		return app.NoToken(of)
	}
	if !ok || e.Status != http.StatusNotFound && e.Status != http.StatusGone {
		return &e
	}
	switch { // who says so matters
	case of.Foreign:
		e.Class = app.Ambiguous // a gateway, which knows of no record
	default:
		e.Class = app.NotFound
	}
	return &e
}

// begin gives a call its time; what comes of it is converted.
func begin(ctx context.Context) (context.Context, func(r *scim.Resource, err error) (app.Answer, error)) {
	ctx, end := app.Begin(ctx)
	return ctx, func(r *scim.Resource, err error) (app.Answer, error) { return end(http.StatusOK, r, convert(ctx, err)) }
}

// Get reads the record with this key.
func (a *App) Get(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	if kind != app.KindUser {
		return app.Answer{}, unknown(kind)
	}
	ctx, end := begin(ctx)
	r, err := a.get(ctx, id)
	return end(r, err)
}

func (a *App) get(ctx context.Context, id string) (*scim.Resource, error) {
	var text jsontext.Value
	if _, err := a.client.Call(ctx, a.read.request(http.MethodGet, id), &text); err != nil {
		return nil, err
	}
	v, err := jsonpath.Parse(text)
	if err != nil {
		return nil, app.Refuse(app.Terminal, "the answer cannot be read: %w", err)
	}
	found := v.Find(a.config.Read.At)
	if len(found) != 1 || found[0].Kind != '{' {
		return nil, app.Refuse(app.Terminal, "the answer holds no record where at of read looks for it; it has %s", named(v))
	}
	if key, _ := found[0].First(a.config.Read.Key); !a.config.Read.Key.IsZero() && key != id {
		return nil, app.Refuse(app.Terminal, "the answer is not about the record that was asked for: check url and key of read")
	}
	return a.shown(id, found[0])
}

// shown is a record as the engine sees it: its key, and what is at the places.
func (a *App) shown(id string, record *jsonpath.Value) (*scim.Resource, error) {
	r := scim.NewResource(scim.UserURN)
	r.SetID(id)
	for i, p := range a.config.Read.Attributes {
		for _, at := range record.Find(p.At) {
			if at.Kind == 'n' || at.Simple() && at.String() == "" {
				continue
			}
			v, ok := valueOf(a.types[i], at)
			if !ok {
				return nil, app.Refuse(app.Terminal, "the record has at %s what cannot be %s, of type %s: check attributes of read", p.At, p.Attribute, a.types[i])
			}
			if err := r.Put(p.Attribute, v); err != nil {
				return nil, app.Refuse(app.Terminal, "%s cannot be read: %w", p.Attribute, err)
			}
			break
		}
	}
	return r, nil
}

// valueOf is a value of a record as one of an attribute. Texts are compared as they are
// written, be it a number there.
func valueOf(t scim.Type, v *jsonpath.Value) (scim.Value, bool) {
	if !v.Simple() {
		return scim.Null(), false
	}
	text := v.String()
	switch t {
	case scim.TypeBoolean:
		return scim.Bool(text == "true"), text == "true" || text == "false"
	case scim.TypeInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		return scim.Integer(n), err == nil
	case scim.TypeDecimal:
		f, err := strconv.ParseFloat(text, 64)
		return scim.Decimal(f), err == nil
	}
	return scim.String(text), true
}

// Patch sends what has changed of a record, or all that is ours, in one request. What the
// answer holds is not looked at: makers answer with all kinds of things.
func (a *App) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, want *scim.Resource) (app.Answer, error) {
	switch {
	case kind != app.KindUser:
		return app.Answer{}, unknown(kind)
	case len(changes) == 0:
		return app.Answer{}, app.Refuse(app.Terminal, "there is no change to send")
	case a.config.Write.All && want == nil:
		return app.Answer{}, app.Refuse(app.Terminal, "all is sent, and not known what that is")
	}
	f := filling{id: id, emptyText: a.config.Write.EmptyText, value: func(p scim.Path) (scim.Value, bool) {
		for _, c := range changes {
			if c.Path.Equal(p) {
				return c.After, true
			}
		}
		if !a.config.Write.All {
			return scim.Null(), false
		}
		v, _ := want.At(p)
		return v, true
	}}
	for _, c := range changes {
		if !a.has(c.Path) {
			return app.Answer{}, app.Refuse(app.Terminal, "a record has no place for %s", c.Path)
		}
	}
	body, _ := a.config.Write.Body.fill(nil, &f)
	if !a.write.has() && f.named == 0 {
		return app.Answer{}, app.Refuse(app.Terminal, "the request would not say whose record it is about")
	}
	r := a.write.request(a.config.Write.Method, id)
	r.Body = jsontext.Value(body)
	if t := a.config.Write.ContentType; t != "" {
		r.Header = http.Header{"Content-Type": {t}}
	}
	ctx, end := begin(ctx)
	_, err := a.client.Call(ctx, r, nil)
	return end(nil, err)
}

func (a *App) has(path scim.Path) bool {
	for _, p := range a.config.Read.Attributes {
		if p.Attribute.Equal(path) {
			return true
		}
	}
	return false
}

// Create makes nothing: a record is the source's to make.
func (a *App) Create(context.Context, app.Kind, *scim.Resource) (app.Answer, error) {
	return a.never("made")
}

// Delete ends nothing.
func (a *App) Delete(context.Context, app.Kind, string) (app.Answer, error) {
	return a.never("deleted")
}

// ChangeMembers changes nothing: records are in no groups.
func (a *App) ChangeMembers(context.Context, string, []string, []string) (app.Answer, error) {
	return app.Answer{}, unknown(app.KindGroup)
}

// Find finds nothing: a record is known by its key.
func (a *App) Find(context.Context, app.Kind, scim.Path, string) ([]*scim.Resource, app.Answer, error) {
	ans, err := a.never("searched")
	return nil, ans, err
}

// List lists nothing: the source does.
func (a *App) List(context.Context, app.Kind, bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		_, err := a.never("listed")
		yield(nil, err)
	}
}

func (a *App) never(what string) (app.Answer, error) {
	return app.Answer{}, app.Refuse(app.Terminal, "a record of source %s is never %s here", a.config.Source, what)
}

func unknown(kind app.Kind) error {
	return app.Refuse(app.Terminal, "records of a source are people, and no %q", string(kind))
}

// said reads a refusal: RFC 9457, and the names that makers use. Only JSON is the system's
// own, or nothing at all: with a page or a line of text a proxy says "not found" of itself.
func said(body []byte) (s rest.Said, own bool) {
	v, err := jsonpath.Parse(body)
	if err != nil {
		return s, len(bytes.TrimSpace(body)) == 0
	}
	for _, part := range []*jsonpath.Value{v, v.Member("error"), first(v.Member("errors"))} {
		if s.Message == "" && part != nil {
			s.Message = words(part)
		}
	}
	if m := v.Member("code"); m != nil && m.Simple() {
		s.Code = m.String()
	}
	return s, true
}

// words are what an error says for people.
func words(v *jsonpath.Value) string {
	if v.Kind == '"' {
		return v.String()
	}
	for _, name := range []string{"error_description", "detail", "message", "error", "title"} {
		if m := v.Member(name); m != nil && m.Kind == '"' {
			return m.String()
		}
	}
	return ""
}

// first is the first item of a list, nil if there is none.
func first(v *jsonpath.Value) *jsonpath.Value {
	if v == nil || v.Kind != '[' || len(v.Items) == 0 {
		return nil
	}
	return v.Items[0]
}
