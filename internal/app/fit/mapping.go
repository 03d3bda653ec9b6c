// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// generic is the profile that knows nothing of its app.
const generic = "generic-scim2"

// Mapping compares what the configuration sends with what an app says that it
// takes. What depends on the person is left to [Resource].
func Mapping(p app.Profile, d app.Discovery, s Sent) []Finding {
	c := newCheck(p, d, s)
	c.untold()
	c.unsent(s)
	for _, r := range c.sent.Rules {
		if c.rule(r) {
			c.elements(r)
			c.constant(r)
		}
	}
	c.required()
	c.active()
	c.groups()
	c.features()
	return c.sorted()
}

// unsent tells of lines of which nothing is sent.
func (c *check) unsent(s Sent) {
	for _, r := range s.Rules {
		if c.profile.Unsupported.Cover(r.Path) {
			c.add(r.At, Note, fmt.Sprintf("%s is mapped and never sent, as the profile says that %s does not take it", r.Written, c.profile.Name), "")
		}
	}
}

// untold says what the app does not say, as nothing can be compared with it.
func (c *check) untold() {
	var absent []string
	for _, part := range []app.Part{app.PartFeatures, app.PartSchemas, app.PartTypes} {
		if e := c.live.discovery.Broken[part]; e != nil {
			c.add(c.sent.Pos, Warning, fmt.Sprintf("what the app answers at %s cannot be used: %s", part, reason(e)), "until that is mended its profile is all that is compared with")
			continue
		}
		switch c.live.discovery.Parts[part] {
		case app.PartAbsent, app.PartUnknown:
			absent = append(absent, string(part))
		case app.PartCut:
			c.add(c.sent.Pos, Note, fmt.Sprintf("the app tells %s in part only; what is not in it may still be there", part), "")
		}
	}
	if len(absent) > 0 {
		c.add(c.sent.Pos, Note, fmt.Sprintf("the app does not have, or show to this token, %s; what profile %s knows is taken instead", strings.Join(absent, ", "), c.profile.ID), "")
	}
	if c.live.whole && c.live.user == nil {
		c.add(c.sent.Pos, Warning, "the app tells schemas, and none of them is of users; what its profile says is taken instead", "")
	}
}

// rule compares the attribute that a rule writes to, and reports whether its values
// can be compared as well.
func (c *check) rule(r Rule) bool {
	if r.Path.URN != "" && !c.offered(r) {
		return false
	}
	if c.live.of(r.Path) == nil {
		return true // nothing is told of it; the profile may still know
	}
	whole, part := c.live.find(r.Path)
	switch {
	case whole == nil && common(r.Path):
		return true
	case whole == nil:
		c.add(r.At, Error, fmt.Sprintf("%s is not in the app's schema: it is refused, or ignored without a word", r.Written), c.elsewhere(r.Path))
		return false
	case part == nil && len(whole.SubAttributes) > 0:
		c.add(r.At, Error, fmt.Sprintf("%s is not in the app's schema: its %s has no %s", r.Written, whole.Name, r.Path.Sub), listed("it has", whole.SubAttributes))
		return false
	case whole.Mutability == scim.ReadOnly || part != nil && part.Mutability == scim.ReadOnly:
		c.add(r.At, Error, fmt.Sprintf("%s is read-only at the app: what is sent is ignored, or refused", r.Written), "take the line out of this app's mapping")
		return false
	}
	if !c.kind(r, *whole, part) {
		return false
	}
	c.immutable(r, *whole, part)
	return true
}

// offered reports whether the app has the extension that a rule writes to.
func (c *check) offered(r Rule) bool {
	told, named := c.live.schema(r.Path.URN) != nil, c.live.extension(r.Path.URN) != nil
	switch {
	case !told && !named && (c.live.whole || c.live.typesWhole && c.live.userType != nil):
		c.add(r.At, Error, fmt.Sprintf("%s is in the extension %s, which the app does not offer", r.Written, r.Path.URN), "take the line out of this app's mapping")
		return false
	case told && !named && c.live.typesWhole && c.live.userType != nil:
		c.add(r.At, Warning, fmt.Sprintf("%s is in the extension %s, which the app knows, but does not name as one of its users", r.Written, r.Path.URN), "see whether it is kept: usher apply --verify tells")
	}
	return true
}

// kind compares how a value looks on the wire.
func (c *check) kind(r Rule, whole scim.Attribute, part *scim.Attribute) bool {
	wrong := func(ours, theirs scim.Attribute) bool {
		c.add(r.At, Error, fmt.Sprintf("%s is %s at the app, and %s is sent", r.Written, form(theirs), form(ours)), "map it to an attribute of the right type, or take the line out of this app's mapping")
		return false
	}
	if r.Whole.MultiValued != whole.MultiValued && !c.profile.SingleValued.Cover(scim.Path{URN: r.Path.URN, Attr: r.Path.Attr}) {
		return wrong(r.Whole, whole)
	}
	if kindOf(r.Whole.Type) != kindOf(whole.Type) {
		return wrong(r.Whole, whole)
	}
	if part == nil || r.Path.Sub == "" {
		return c.precise(r.Whole, whole, wrong)
	}
	if kindOf(r.Part.Type) != kindOf(part.Type) || r.Part.MultiValued != part.MultiValued {
		return wrong(r.Part, *part)
	}
	return c.precise(r.Part, *part, wrong)
}

// precise tells a decimal number from a whole one. Texts are compared by value.
func (c *check) precise(ours, theirs scim.Attribute, wrong func(ours, theirs scim.Attribute) bool) bool {
	if theirs.Type == scim.TypeInteger && ours.Type == scim.TypeDecimal {
		return wrong(ours, theirs)
	}
	return true
}

// immutable tells of what can be given once, unless the profile knows.
func (c *check) immutable(r Rule, whole scim.Attribute, part *scim.Attribute) {
	if whole.Mutability != scim.Immutable && (part == nil || part.Mutability != scim.Immutable) ||
		c.profile.Immutable.Cover(r.Path) || c.profile.CreateOnly.Cover(r.Path) {
		return
	}
	c.add(r.At, Note, fmt.Sprintf("%s cannot be changed at the app once the account is made: a later change will be refused", r.Written), "")
}

// elements compares what a path's filter says of the element that it describes, as
// in emails[type eq "work"].
func (c *check) elements(r Rule) {
	whole, _ := c.live.find(scim.Path{URN: r.Path.URN, Attr: r.Path.Attr})
	if whole == nil || len(whole.SubAttributes) == 0 {
		return
	}
	for _, term := range terms(r.Path.Filter) {
		sub := attribute(whole.SubAttributes, term.Path.Attr)
		if sub == nil {
			c.add(r.At, Warning, fmt.Sprintf("%s names %s, which the app's %s does not have: it may be refused, or ignored", r.Written, term.Path.Attr, whole.Name), listed("it has", whole.SubAttributes))
			continue
		}
		c.canonical(r.At, r.Written, *sub, term.Value)
	}
}

func terms(f scim.Filter) []*scim.Compare {
	switch f := f.(type) {
	case *scim.And:
		var out []*scim.Compare
		for _, t := range f.Terms {
			out = append(out, terms(t)...)
		}
		return out
	case *scim.Compare:
		return []*scim.Compare{f}
	}
	return nil
}

// constant compares what an expression yields for everybody.
func (c *check) constant(r Rule) {
	if r.Constant == nil || r.empty() {
		return
	}
	_, part := c.live.find(r.Path)
	c.value(r, r.From, part, *r.Constant, "")
}

// required looks for what the app wants and no line of the mapping gives.
func (c *check) required() {
	told := map[string]bool{}
	missing := func(pos config.Position, name, who, fix string) {
		if key := strings.ToLower(name); !told[key] {
			told[key] = true
			c.add(pos, Error, fmt.Sprintf("%s requires %s, which no line of the mapping gives", who, name), fix)
		}
	}
	if c.live.user != nil {
		c.requiredOf("", c.live.user.Attributes, missing)
	}
	for _, urn := range c.extensions() {
		if s := c.live.schema(urn); s != nil {
			c.requiredOf(s.ID, s.Attributes, missing)
		}
		if x := c.live.extension(urn); x != nil && x.Required && !c.uses(urn) && !hasRequired(c.live.schema(urn)) {
			missing(c.sent.Pos, "the extension "+urn, "the app", "map one of its attributes")
		}
	}
	for _, need := range c.profile.Required {
		if c.excused(need) || slices.ContainsFunc(need.Any, func(p scim.Path) bool { return c.gives(p) || told[strings.ToLower(p.String())] }) {
			continue
		}
		missing(c.sent.Pos, need.String(), c.profile.Name, "map it; profile "+c.profile.ID+" knows of it")
	}
}

// excused tells of what the profile requires and nobody has to map.
func (c *check) excused(need app.Requirement) bool {
	password := c.profile.RandomPassword && len(need.Any) == 1 && strings.EqualFold(need.Any[0].Attr, "password")
	return password || !need.When.IsZero() && !c.gives(need.When)
}

// extensions are those that an account has to have, or has.
func (c *check) extensions() (urns []string) {
	note := func(urn string) {
		if !slices.ContainsFunc(urns, func(u string) bool { return strings.EqualFold(u, urn) }) {
			urns = append(urns, urn)
		}
	}
	if c.live.userType != nil {
		for _, x := range c.live.userType.SchemaExtensions {
			if x.Required {
				note(x.Schema)
			}
		}
	}
	for _, r := range c.sent.Rules {
		if r.Path.URN != "" && !r.empty() {
			note(r.Path.URN)
		}
	}
	return urns
}

func (c *check) uses(urn string) bool {
	return slices.ContainsFunc(c.sent.Rules, func(r Rule) bool { return strings.EqualFold(r.Path.URN, urn) && !r.empty() })
}

func hasRequired(s *scim.Schema) bool {
	return s != nil && slices.ContainsFunc(s.Attributes, func(a scim.Attribute) bool { return a.Required })
}

func (c *check) requiredOf(urn string, list []scim.Attribute, missing func(pos config.Position, name, who, fix string)) {
	for _, a := range list {
		p := scim.Path{URN: urn, Attr: a.Name}
		if !c.gives(p) {
			if a.Required && a.Mutability != scim.ReadOnly && !c.given(p) {
				missing(c.sent.Pos, p.String(), "the app", "map it")
			}
			continue
		}
		for _, sub := range a.SubAttributes {
			if !sub.Required || sub.Mutability == scim.ReadOnly {
				continue
			}
			for _, r := range c.lacking(p, sub.Name) {
				missing(r.At, p.String()+"."+sub.Name, "the app", "map it as well")
			}
		}
	}
}

// given tells of what Usher gives by itself, and what no client gives.
func (c *check) given(p scim.Path) bool {
	if p.URN != "" {
		return false
	}
	switch strings.ToLower(p.Attr) {
	case "active", "schemas", "id", "meta":
		return true
	case "externalid":
		return c.sent.ExternalID
	case "password":
		return c.profile.RandomPassword
	}
	return false
}

// gives reports whether a line of the mapping may give a value to what a path names,
// or to a part of it.
func (c *check) gives(p scim.Path) bool {
	if c.given(p) && strings.EqualFold(p.Attr, "externalId") {
		return true
	}
	return slices.ContainsFunc(c.sent.Rules, func(r Rule) bool {
		plain := r.Path
		plain.Filter = nil
		return !r.empty() && (app.Paths{p}.Cover(plain) || app.Paths{plain}.Cover(p))
	})
}

// lacking are rules, the first of each element, that make a value of an attribute to
// which no rule gives a part that it must have.
func (c *check) lacking(p scim.Path, sub string) []Rule {
	first, has := map[string]Rule{}, map[string]bool{}
	var order []string
	for _, r := range c.sent.Rules {
		if !strings.EqualFold(r.Path.URN, p.URN) || !strings.EqualFold(r.Path.Attr, p.Attr) || r.empty() {
			continue
		}
		element := ""
		if r.Path.Filter != nil {
			element = r.Path.Filter.String()
		}
		if _, seen := first[element]; !seen {
			first[element] = r
			order = append(order, element)
		}
		described := slices.ContainsFunc(terms(r.Path.Filter), func(t *scim.Compare) bool { return strings.EqualFold(t.Path.Attr, sub) })
		flagged := strings.EqualFold(sub, "primary") && c.profile.FlagPrimary.Cover(p)
		if r.Path.Sub == "" || strings.EqualFold(r.Path.Sub, sub) || described || flagged {
			has[element] = true // a whole value is compared person by person
		}
	}
	var out []Rule
	for _, e := range order {
		if !has[e] {
			out = append(out, first[e])
		}
	}
	return out
}

// elsewhere says where the app has an attribute of that name, or what it has.
func (c *check) elsewhere(p scim.Path) string {
	for i := range c.live.discovery.Schemas {
		s := &c.live.discovery.Schemas[i]
		if a := attribute(s.Attributes, p.Attr); a != nil && (c.live.extension(s.ID) != nil || s == c.live.user) {
			return fmt.Sprintf("it has %s in %s", a.Name, s.ID)
		}
	}
	return "take the line out of this app's mapping, or map it to an attribute that the app has"
}

// listed names the first few attributes.
func listed(intro string, list []scim.Attribute) string {
	const most = 8
	var names []string
	for _, a := range list[:min(len(list), most)] {
		names = append(names, a.Name)
	}
	if len(list) > most {
		names = append(names, "…")
	}
	return intro + " " + strings.Join(names, ", ")
}
