// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// edit is one thing about a body that an app may have something against.
type edit struct {
	kind, what string
	apply      func(*scim.Resource)
}

// forbidden are characters that apps are known to refuse in names.
const forbidden = `<>;:%"@/\|?*#&+=,!$^~(){}[]` + "`"

const longText = 300

// bodies finds out what the app has against a user, by second users of the canary's
// name, which are not made: what is wrong with them is said before.
func (p *prober) bodies(ctx context.Context) {
	edits := p.edits()
	bad := p.culprits(ctx, edits)
	refused := what(bad, "refused")
	p.words("users: refused:", refused)
	for _, name := range refused {
		p.taken[name] = true
	}
	single := slices.DeleteFunc(what(bad, "single"), func(name string) bool { return p.taken[name] })
	p.facts.single = single
	if rest := slices.DeleteFunc(plurals(), func(name string) bool { return p.taken[name] }); len(single) > 3 && len(single) == len(rest) {
		single = []string{"*"}
	}
	p.words("users: one value alone:", single)
	p.words("users: a primary value is required of", what(bad, "primary"))
	p.words("users: of one type alone:", what(bad, "type"))
	p.facts.refused, p.facts.primary = refused, what(bad, "primary")
	if parts := what(bad, "part"); len(parts) > 0 {
		p.fact("e-mail", "a value needs: %s", strings.Join(parts, ", "))
		if slices.Contains(parts, "emails.primary") { // who is flagged has it
			p.facts.primary = []string{"emails"}
		}
	}
	if chars := what(bad, "characters"); len(chars) > 0 {
		slices.Sort(chars)
		p.facts.chars = strings.Join(chars, "")
		p.line("users: characters that are refused: %s", p.facts.chars)
	}
	p.facts.longest = map[string]int{}
	for _, path := range what(bad, "long") {
		p.facts.longest[path] = p.longest(func(n int) bool {
			return p.again(ctx, func(r *scim.Resource) { put(r, path, scim.String(strings.Repeat("x", n))) }).fine
		})
	}
	p.required(ctx)
	p.mediaTypes(ctx)
}

// edits are all of them, in an order that does not matter.
func (p *prober) edits() []edit {
	var out []edit
	add := func(kind, what string, apply func(*scim.Resource)) { out = append(out, edit{kind, what, apply}) }
	for _, w := range p.wealth() {
		add("refused", w.path, func(r *scim.Resource) { put(r, w.path, w.value) })
	}
	add("refused", "password", func(r *scim.Resource) { r.Set("password", scim.String(rand.Text()+"-aA1!")) })
	add("refused", "groups", func(r *scim.Resource) { r.Set("groups", values(object("value", "usher-probe-nobody"))) })
	for _, name := range []string{"emails", "phoneNumbers", "addresses"} {
		add("refused", name+".display", func(r *scim.Resource) {
			each(r, name, p.body(name), func(o *scim.Object) { o.Set("display", scim.String("Usher Probe")) })
		})
	}
	add("refused", enterprise("manager.displayName"), func(r *scim.Resource) {
		put(r, enterprise("manager"), scim.Complex(object("value", "usher-probe-nobody", "displayName", "Nobody")))
	})
	for _, name := range plurals() {
		add("single", name, func(r *scim.Resource) { double(r, name, p.body(name)) })
	}
	add("primary", "emails", func(r *scim.Resource) {
		each(r, "emails", scim.Null(), func(o *scim.Object) { o.Set("primary", scim.Bool(false)) })
	})
	add("type", "emails", func(r *scim.Resource) {
		each(r, "emails", scim.Null(), func(o *scim.Object) { o.Set("type", scim.String("home")) })
	})
	for _, name := range []string{"primary", "type"} {
		add("part", "emails."+name, func(r *scim.Resource) { each(r, "emails", scim.Null(), func(o *scim.Object) { o.Delete(name) }) })
	}
	for _, c := range forbidden {
		add("characters", string(c), func(r *scim.Resource) { r.Set("displayName", scim.String(r.DisplayName()+string(c))) })
	}
	for _, path := range []string{"displayName", "externalId"} {
		add("long", path, func(r *scim.Resource) { put(r, path, scim.String(text(r, path)+strings.Repeat("x", longText))) })
	}
	return out
}

// body is the value that a canary has of a multi-valued attribute.
func (p *prober) body(name string) scim.Value {
	for _, w := range p.wealth() {
		if w.path == name {
			return w.value
		}
	}
	v, _ := p.person.Get(name)
	return v
}

// each changes all values of an attribute, which has these if it has none.
func each(r *scim.Resource, name string, otherwise scim.Value, change func(*scim.Object)) {
	v, ok := r.Get(name)
	if !ok {
		v = otherwise
	}
	list, _ := v.AsList()
	out := make([]scim.Value, 0, len(list))
	for _, e := range list {
		if o, ok := e.AsComplex(); ok {
			o = o.Clone()
			change(&o)
			e = scim.Complex(o)
		}
		out = append(out, e)
	}
	r.Set(name, scim.List(out...))
}

// double gives an attribute a second value, of the same type as the first.
func double(r *scim.Resource, name string, otherwise scim.Value) {
	v, ok := r.Get(name)
	if !ok {
		v = otherwise
	}
	list, _ := v.AsList()
	if len(list) != 1 {
		return
	}
	o, _ := list[0].AsComplex()
	o = o.Clone()
	if _, has := o.Get("primary"); has {
		o.Set("primary", scim.Bool(false))
	}
	switch name {
	case "emails":
		o.Set("value", scim.String(Prefix+"second@"+Domain))
	case "x509Certificates":
		o.Set("value", scim.String("c2Vjb25k"))
	case "addresses":
		o.Set("locality", scim.String("Rome"))
	default:
		first, _ := o.Get("value")
		s, _ := first.AsString()
		o.Set("value", scim.String(s+"9"))
	}
	r.Set(name, scim.List(list[0], scim.Complex(o)))
}

// culprits are the edits that the app refuses, found by halves. All at once are one
// request where it refuses none.
func (p *prober) culprits(ctx context.Context, all []edit) []edit {
	fine := p.again(ctx, func(r *scim.Resource) {
		for _, e := range all {
			e.apply(r)
		}
	}).fine
	switch {
	case fine || p.failed != nil:
		return nil
	case len(all) == 1:
		return all
	}
	half := len(all) / 2
	return append(p.culprits(ctx, all[:half]), p.culprits(ctx, all[half:])...)
}

func what(all []edit, kind string) []string {
	var out []string
	for _, e := range all {
		if e.kind == kind {
			out = append(out, e.what)
		}
	}
	return out
}

// longest is the most of which a test is fine, below longText; it was not there.
func (p *prober) longest(fine func(int) bool) int {
	return p.greatest(longText, fine)
}

// greatest is the greatest number below over of which a test is fine; common limits are
// tried first. It is 0 if there is none.
func (p *prober) greatest(over int, fine func(int) bool) int {
	low, high := 0, over
	try := func(n int) {
		if n > low && n < high && p.failed == nil {
			if fine(n) {
				low = n
			} else {
				high = n
			}
		}
	}
	for _, guess := range []int{100, 255, 1000, 20, 50} {
		if guess > low && guess < high {
			try(guess)
			if low == guess {
				try(guess + 1)
			}
		}
	}
	for high-low > 1 && p.failed == nil {
		try((low + high) / 2)
	}
	return low
}

// required finds out without what no user is made.
func (p *prober) required(ctx context.Context) {
	all := leaves(p.person)
	without := func(names ...string) bool {
		return p.again(ctx, func(r *scim.Resource) {
			for _, name := range names {
				r.Remove(scim.MustPath(name))
			}
		}).fine
	}
	if without(all...) {
		return
	}
	var dropped, needed []string
	parts := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, "name.") })
	if len(parts) > 1 && without(parts...) { // one without the other may not do
		dropped = parts
	}
	for _, name := range all { // what is left when everything that can go has gone
		if slices.Contains(dropped, name) {
			continue
		}
		if without(append(slices.Clone(dropped), name)...) {
			dropped = append(dropped, name)
		} else {
			needed = append(needed, name)
		}
	}
	var lines []string
	for _, name := range needed {
		lines = append(lines, p.choice(ctx, name, dropped, without))
	}
	p.facts.required = lines
	p.words("users: required:", lines)
}

// choice names what can stand in the place of a required attribute, too.
func (p *prober) choice(ctx context.Context, name string, dropped []string, without func(...string) bool) string {
	if !without(name) { // all others are there, and it does not help
		return p.orEmail(ctx, name)
	}
	options := []string{name}
	for _, other := range dropped {
		rest := slices.DeleteFunc(slices.Clone(dropped), func(s string) bool { return s == other })
		if without(append(rest, name)...) {
			options = append(options, other)
		}
	}
	return alternatives(options)
}

// orEmail tells whether an attribute "email", which SCIM does not have, will do for emails.
func (p *prober) orEmail(ctx context.Context, name string) string {
	if name != "emails" {
		return name
	}
	v := p.again(ctx, func(r *scim.Resource) {
		r.Delete("emails")
		r.Set("email", scim.String(Prefix+"second@"+Domain))
	})
	if v.fine {
		return "email|emails"
	}
	return name
}

// alternatives writes options as one; both parts of a name are the name.
func alternatives(options []string) string {
	slices.Sort(options)
	var out []string
	for _, o := range options {
		if strings.HasPrefix(o, "name.") {
			o = "name"
		}
		if !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	return strings.Join(out, "|")
}

// leaves are the attributes of a canary that may be left out, the parts of its name
// and extensions one by one.
func leaves(r *scim.Resource) []string {
	var out []string
	for name, v := range r.All() {
		switch {
		case name == "schemas" || name == "userName":
		case name == "name" || strings.HasPrefix(name, "urn:"):
			sep := "."
			if name != "name" {
				sep = ":"
			}
			o, _ := v.AsComplex()
			for sub := range o.All() {
				out = append(out, name+sep+sub)
			}
		default:
			out = append(out, name)
		}
	}
	return out
}

// mediaTypes finds out which types of bodies are taken (RFC 7644 §3.1).
func (p *prober) mediaTypes(ctx context.Context) {
	var takes []string
	old := p.media
	for _, media := range []string{plainJSON, scimJSON} {
		p.media = media
		if p.again(ctx, nil).fine {
			takes = append(takes, media)
		}
	}
	if p.media = old; len(takes) == 1 {
		p.words("bodies are", takes)
	}
}
