// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app/httpapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// recordsTarget connects to the records of a source.
func (b *Built) recordsTarget(a config.App, t *provision.Target) error {
	h := a.HTTP
	r := records{b: b, app: a, places: map[string]bool{}}
	c := httpapp.Config{
		Source: h.Source.Value, Schemas: b.Schemas, Timeout: time.Duration(a.Timeout),
		HTTP: b.origins.Through(dial.NewTransport(opened(a), listDialTimeout, max(a.Concurrency, 1), nil)),
		Read: httpapp.Read{URL: h.Read.URL.Value, At: r.paths.read(h.Read.At, "at of read"), Key: r.paths.read(h.Read.Key, "key of read")},
	}
	c.Auth = b.httpAuth(a.Auth, "app "+a.Name, &r.paths)
	for _, header := range h.Headers {
		c.Headers = append(c.Headers, httpapp.Header{Name: header.Name, Value: header.Value.Value})
	}
	r.mapped()
	for _, p := range h.Read.Attributes {
		at := r.paths.read(p.Path, "the path of "+p.Attribute.Value)
		if path, ok := r.attribute(p.Attribute, p.Attribute.Value); ok {
			c.Read.Attributes = append(c.Read.Attributes, httpapp.Place{Attribute: path, At: at})
			r.places[path.String()] = true
		}
	}
	c.Write = httpapp.Write{
		Method: h.Write.Method, URL: h.Write.URL.Value, ContentType: h.Write.ContentType, All: h.Write.Send == config.SendAll,
		EmptyText: h.Write.Empty == config.EmptyText, Body: r.template(h.Write.Body),
	}
	r.complete()
	if len(r.paths.mistakes) > 0 {
		return r.paths.mistakes
	}
	made, err := httpapp.New(c)
	if err != nil {
		return r.placed(err)
	}
	t.Source, t.Address = h.Source.Value, made.Where()+"#"+h.Source.Value+","+company(h)
	t.App = b.origins.Share(made, t.Address, a.RequestsPerSecond)
	return nil
}

// company is what makes a key mean what it means, beside the address that is shown: both
// urls with their queries, and the headers, as one of them may name a company. The ledger
// tells addresses, so that it is a digest.
func company(h *config.HTTPApp) string {
	sum := sha256.New()
	write := func(s string) { fmt.Fprintf(sum, "%d:%s,", len(s), s) }
	write(h.Read.URL.Value)
	write(h.Write.URL.Value)
	var headers []string
	for _, header := range h.Headers {
		headers = append(headers, strings.ToLower(header.Name)+":"+header.Value.Value)
	}
	for _, header := range slices.Sorted(slices.Values(headers)) {
		write(header)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// records reads what an app of type http says of its records, and collects what is wrong.
type records struct {
	b      *Built
	app    config.App
	user   []scim.Path // mapped
	lines  []config.Text
	places map[string]bool // attributes of which is said where they are read
	body   []scim.Path     // attributes that stand in the body
	paths  paths
}

func (r *records) fail(pos config.Position, msg, hint string) {
	r.paths.mistakes = append(r.paths.mistakes, &config.Error{Pos: pos, Msg: msg, Hint: hint})
}

// mapped reads the attributes of user, each of which is to be one plain value.
func (r *records) mapped() {
	r.user, r.lines = r.b.pathsOf(r.app)
	for i, path := range r.user {
		if !r.b.single(path) {
			r.fail(r.lines[i].Pos, r.lines[i].Value+" is no single plain value, and cannot stand in a body", `name a part, such as name.givenName or emails[type eq "work"].value`)
		}
	}
}

// attribute finds the attribute of user that a text names.
func (r *records) attribute(t config.Text, name string) (scim.Path, bool) {
	path, err := r.b.Schemas.ParsePath(name)
	if strings.EqualFold(path.URN, scim.UserURN) {
		path.URN = ""
	}
	if err == nil {
		for _, u := range r.user {
			if u.Equal(path) {
				return u, true
			}
		}
	}
	r.fail(t.Pos, "user of app "+r.app.Name+" maps no "+name, "map it, or take it out here: what is not mapped is never read or written")
	return scim.Path{}, false
}

// template reads a body.
func (r *records) template(b config.Body) (t httpapp.Template) {
	switch b.Kind {
	case config.BodyObject:
		for _, m := range b.Members {
			t.Members = append(t.Members, httpapp.Member{Name: m.Name.Value, Value: r.template(m.Value)})
		}
	case config.BodyList:
		for _, item := range b.Items {
			t.Items = append(t.Items, r.template(item))
		}
	case config.BodyLiteral:
		t.Constant = jsontext.Value(b.Text.Value)
	default:
		name := httpapp.Placeholder(b.Text.Value)
		switch {
		case name == "id":
			t.ID = true
		case name != "":
			if path, ok := r.attribute(b.Text, name); ok {
				t.Attribute, r.body = &path, append(r.body, path)
			}
		case strings.Contains(b.Text.Value, "{") && strings.Contains(b.Text.Value, "}"):
			r.fail(b.Text.Pos, "a text with braces in it is neither a value nor a constant", "an attribute stands alone in its text, such as '{userName}'; what is put together is an expression of user")
		default:
			t.Constant = jsontext.Value(scim.String(b.Text.Value).AppendJSON(nil))
		}
	}
	return t
}

// complete says which attributes of user are not read, or not written.
func (r *records) complete() {
	for i, path := range r.user {
		name, pos := r.lines[i].Value, r.lines[i].Pos
		if !r.places[path.String()] {
			r.fail(pos, "attributes of read of app "+r.app.Name+" has no "+name, "say where in a record it is: what is there is compared before anything is written")
		}
		if !contains(r.body, path) {
			r.fail(pos, "body of write of app "+r.app.Name+" has no {"+name+"}", "say where in the request it goes")
		}
	}
}

func contains(all []scim.Path, path scim.Path) bool {
	for _, p := range all {
		if p.Equal(path) {
			return true
		}
	}
	return false
}

// placed says where in the file it stands what the connection refuses.
func (r *records) placed(err error) config.Errors {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all config.Errors
		for _, one := range joined.Unwrap() {
			all = append(all, r.placed(one)...)
		}
		return all
	}
	pos, msg := r.app.Pos, err.Error()
	if part, ok := errors.AsType[*httpapp.Error](err); ok {
		msg = fmt.Sprintf("%s of app %s: %s", part.Part, r.app.Name, part.Msg)
		switch part.Part {
		case httpapp.PartRead:
			pos = r.app.HTTP.Read.URL.Pos
		case httpapp.PartWrite:
			pos = r.app.HTTP.Write.URL.Pos
		case httpapp.PartBody:
			pos = r.app.HTTP.Write.Pos
		case httpapp.PartAuth:
			pos = r.app.Auth.Pos
		}
	}
	return config.Errors{&config.Error{Pos: pos, Msg: msg}}
}
