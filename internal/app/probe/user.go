// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// fullName is a canary's userName: mixed in letter case, to see what becomes of it.
func (p *prober) fullName() string {
	name := "U" + p.next()[1:]
	if !p.short {
		name += "@" + Domain
	}
	return name
}

// hatch makes the canary user, with what the app may want more if it refuses a
// modest one: another media type, a shorter name, a password, extensions of its own.
func (p *prober) hatch(ctx context.Context) {
	var last answer
	for try := 0; try < 8 && p.failed == nil; try++ {
		p.short = try%4 >= 2
		name := p.fullName()
		r := modest(name, p.next()+"@"+Domain)
		if try%2 == 1 {
			p.enrich(r)
		}
		for range 5 {
			c, a := p.make(ctx, user, r)
			if last = a; c != nil {
				p.user, p.person = c, r
				if p.now = p.read(ctx, p.at(c)); p.now != nil {
					c.seen = true
				}
				if p.now == nil && p.failed == nil {
					p.fail("a user was made, and is not there (GET %s)", p.at(c))
				}
				return
			}
			if a.status != http.StatusConflict {
				break
			}
			p.other() // one of an earlier run has this name, or had it
			name = p.fullName()
			r.Set("userName", scim.String(name))
			r.SetExternalID(localPart(name))
		}
		switch {
		case last.status == http.StatusUnsupportedMediaType && p.media == scimJSON:
			p.media = plainJSON
			try--
		case last.status == http.StatusForbidden, last.absent(), last.unoffered():
			try = 8
		}
	}
	switch {
	case p.failed != nil:
	case last.absent() || last.unoffered():
		p.fail("users cannot be made: POST %s is answered with %s; is this the base URL?", p.path(user), last.said())
	default:
		p.fail("users cannot be made: POST %s is answered with %s", p.path(user), last.said())
	}
}

func localPart(name string) string {
	local, _, _ := strings.Cut(strings.ToLower(name), "@")
	return local
}

// enrich adds what only some apps want: a password that nobody keeps, an entitlement
// without power, and the texts of extensions that the app publishes.
func (p *prober) enrich(r *scim.Resource) {
	r.Set("password", scim.String(rand.Text()+"-aA1!"))
	put(r, "entitlements", values(object("value", "usher-probe")))
	for _, path := range p.ownTexts() {
		put(r, path, scim.String("usherprobe"))
	}
}

// ownTexts are the texts of extensions of the app's own that can be written.
func (p *prober) ownTexts() []string {
	var out []string
	for _, s := range p.schemas {
		if !p.own(s) {
			continue
		}
		for _, a := range s.Attributes {
			if a.Type == scim.TypeString && !a.MultiValued && a.Mutability != scim.ReadOnly {
				if path := s.ID + ":" + a.Name; len(out) < 10 && goodPath(path) {
					out = append(out, path)
				}
			}
		}
	}
	return out
}

// own tells whether a schema is the app's own, and no schema that everybody knows.
func (p *prober) own(s scim.Schema) bool {
	_, known := scim.CoreSchemas().Schema(s.ID)
	return !known && !strings.HasPrefix(s.ID, "urn:ietf:params:scim:schemas:core:")
}

func goodPath(s string) bool {
	p, err := scim.ParsePath(s)
	return err == nil && p.URN != ""
}

// settling waits until a query finds the canary, if one does.
func (p *prober) settling(ctx context.Context) {
	byName := fmt.Sprintf("userName eq %q", p.user.Name)
	began := time.Now()
	nobody := p.find(ctx, user, `userName eq "`+Prefix+`nobody"`)
	if p.ignores = nobody.ok() && len(nobody.all) > 0; p.ignores {
		p.line("queries give everybody")
		return
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		l := p.find(ctx, user, byName)
		p.shape(l)
		switch waited := time.Since(began); {
		case l.has(p.user.ID):
			if pause > 50*time.Millisecond {
				p.settle = waited.Round(10 * time.Millisecond)
				p.line("new resources are found later")
				p.fact("settle", "a new user was found by a query after %s", p.settle)
			}
			return
		case p.failed != nil:
			return
		case !l.ok():
			p.fact("filters", "userName eq is refused (%d)", l.status)
			return
		case waited > p.cfg.SettleMost:
			p.fact("filters", "userName eq did not find the new user within %s", p.cfg.SettleMost)
			return
		}
		if err := sleep(ctx, pause); err != nil {
			p.failed = err
			return
		}
	}
}

// shape notes how a list looks.
func (p *prober) shape(l page) {
	if l.lower {
		p.line(`lists are in "resources"`)
	}
}

// settled waits as long as new resources take to be found.
func (p *prober) settled(ctx context.Context) {
	if p.settle > 0 && p.failed == nil {
		if err := sleep(ctx, p.settle+p.settle/4); err != nil {
			p.failed = err
		}
	}
}

// leftovers removes what an earlier run could not.
func (p *prober) leftovers(ctx context.Context) {
	if !p.ignores {
		p.startsWith = p.find(ctx, user, fmt.Sprintf("userName sw %q", Prefix+p.code)).has(p.user.ID)
	}
	for _, typ := range []string{group, user} {
		name := ""
		if typ == user && !p.startsWith {
			name = p.user.Name
		}
		found, whole := p.search(ctx, typ, name)
		if !whole && typ == user {
			p.unseen("whether an earlier run has left canaries: queries by sw do not find them, and the list does not end within %d pages", mostPages)
		}
		for _, r := range found {
			if r.ID() == p.user.ID || p.asOwn(r.ID()) {
				continue
			}
			if c := p.claim(typ, r); p.remove(ctx, c) {
				p.report.Removed = append(p.report.Removed, *c)
			}
		}
	}
}

func (p *prober) asOwn(id string) bool {
	return slices.ContainsFunc(p.made, func(c *Canary) bool { return c.ID == id })
}

// verdict is what the app makes of a second user of the canary's name: whatever it has
// against the body itself comes first.
type verdict struct {
	answer
	fine bool // nothing is wrong with the body
}

// again posts the canary once more, changed. Nothing is made unless userNames may be
// there twice, and that goes again.
func (p *prober) again(ctx context.Context, change func(*scim.Resource)) verdict {
	if p.noDup {
		return verdict{fine: true}
	}
	r := p.person.Clone()
	if change != nil {
		change(r)
	}
	c, a := p.make(ctx, user, r)
	if c != nil {
		if !p.remove(ctx, c) {
			p.noDup = true
			p.unseen("what is required and refused: each try would leave a user")
		}
		return verdict{a, true}
	}
	return verdict{a, taken(a)}
}

// taken tells whether the app says that a name is (RFC 7643 §7, RFC 7644 §3.12).
func taken(a answer) bool {
	if a.status == http.StatusConflict {
		return true
	}
	e, err := scim.ParseError(a.body)
	return err == nil && a.status == http.StatusBadRequest && strings.EqualFold(e.ScimType, scim.UniquenessBreach)
}

// twins finds out whether a name may be there twice.
func (p *prober) twins(ctx context.Context) {
	same := p.again(ctx, nil)
	double := same.ok()
	if double {
		p.line("a userName may be there twice")
	}
	p.facts.unique = !double
}

// variants finds out which names are the same, with users that go at once.
func (p *prober) variants(ctx context.Context) {
	if !p.facts.unique {
		return
	}
	second := func(name string) answer {
		r := p.person.Clone()
		r.Set("userName", scim.String(name))
		r.SetExternalID(p.next())
		c, a := p.make(ctx, user, r)
		if c != nil {
			p.remove(ctx, c)
		}
		return a
	}
	if name := p.person.UserName(); second("u" + name[1:]).ok() {
		p.cased = true
		p.line("letter case counts in userNames")
	}
	if taken(second(strings.Replace(p.person.UserName(), p.code+"-", p.code+".", 1))) {
		p.line("userNames that differ in punctuation are the same")
	}
}
