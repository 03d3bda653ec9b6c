// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// Prefix begins the name of everything that a run makes, in any letter case.
const Prefix = "usher-probe-"

// Domain is of the addresses of canaries. RFC 2606 §3 keeps it free of people.
const Domain = "example.com"

// Canary is something that a run has made.
type Canary struct {
	Type  string `json:"type"` // "User" or "Group"
	ID    string `json:"id,omitempty"`
	Name  string `json:"name"`
	State string `json:"state"` // of what is left: "inactive", "active", "there" (a group), "not known", "somebody else's"

	named bool // the app has shown it under a canary's name
	seen  bool // a GET has shown it
}

// foreign is the state of what a POST was answered with and did not make: nothing is sent to it.
const foreign = "somebody else's"

const (
	user  = "User"
	group = "Group"
)

// flock are the canaries of a run, in the order of their making.
type flock struct {
	made []*Canary // whose making was tried, and that are not known to be gone
}

func (f *flock) intend(typ, name string) *Canary {
	c := &Canary{Type: typ, Name: name, State: "not known"}
	f.made = append(f.made, c)
	return c
}

func (f *flock) gone(c *Canary) {
	f.made = slices.DeleteFunc(f.made, func(o *Canary) bool { return o == c })
}

// isCanary tells whether a resource is one that a run on this endpoint has made, by its
// names: whatever else begins with Prefix is somebody's. An account that hides its
// userName is known by its externalId.
func (p *prober) isCanary(typ string, r *scim.Resource) bool {
	ours := func(name string) bool {
		rest, ok := strings.CutPrefix(strings.ToLower(name), Prefix+p.code)
		return ok && (strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "."))
	}
	return ours(nameOf(typ, r)) || typ == user && ours(r.ExternalID())
}

// make posts a canary. It is nil if the app has refused it.
func (p *prober) make(ctx context.Context, typ string, body *scim.Resource) (*Canary, answer) {
	if p.failed != nil {
		return nil, answer{}
	}
	c := p.flock.intend(typ, nameOf(typ, body))
	a := p.send(ctx, http.MethodPost, p.path(typ), body)
	switch {
	case p.failed != nil:
		return nil, a // it may be there: looked for at the end
	case !a.ok():
		p.flock.gone(c)
		return nil, a
	case a.res == nil || a.res.ID() == "":
		p.fail("a %s was made, and the answer does not say its id", strings.ToLower(typ))
		return nil, a
	}
	c.ID, c.State = a.res.ID(), "active"
	if !p.ours(ctx, c, a.res) {
		return nil, a
	}
	return c, a
}

// ours tells whether what a POST was answered with is what it has made. An app that
// matches people by some attribute answers with somebody who was there before; to them
// nothing is sent, and the run ends.
func (p *prober) ours(ctx context.Context, c *Canary, r *scim.Resource) bool {
	if slices.ContainsFunc(p.made, func(o *Canary) bool { return o != c && o.Type == c.Type && o.ID == c.ID }) {
		p.flock.gone(c)
		p.fail("a POST of %s is answered with another canary (%s): an app that matches instead of making cannot be probed", c.Name, plainText(c.ID, 100))
		return false
	}
	if c.named = p.isCanary(c.Type, r); c.named {
		return true
	}
	if nameOf(c.Type, r) == "" && r.ExternalID() == "" { // the answer is short
		if p.see(ctx, c); c.named {
			return true
		}
	} else {
		c.State = foreign
	}
	if c.State == foreign {
		p.fail("a POST of %s is answered with somebody who was there before (%s): nothing more is sent to them; see whether the POST has changed them", c.Name, plainText(c.ID, 100))
	}
	p.fail("a %s was made, and does not say its name (%s)", strings.ToLower(c.Type), plainText(c.ID, 100))
	return false
}

// see reads a canary, and notes whether it is there and whether it is one.
func (p *prober) see(ctx context.Context, c *Canary) {
	r := p.read(ctx, p.at(c))
	if r == nil {
		return
	}
	c.seen = true
	if c.named = c.named || p.isCanary(c.Type, r); !c.named {
		c.State = foreign
	}
}

// patient is how long something that should be there is waited for at least, before it
// is looked for once more.
const patient = 2 * time.Second

// looks are how often it is.
const looks = 2

// later waits as long as what was made may need to show up.
func (p *prober) later(ctx context.Context) {
	if err := sleep(ctx, max(p.settle, patient)); err != nil {
		p.failed = err
	}
}

// remove deletes a canary, and says whether it is gone. One that stays is made inactive.
// One that no GET has ever shown may be on its way: that it is not found says nothing.
func (p *prober) remove(ctx context.Context, c *Canary) bool {
	for look := 0; !c.seen && p.failed == nil && look <= looks; look++ {
		if look > 0 {
			p.later(ctx)
		}
		p.see(ctx, c)
	}
	if c.State == foreign {
		return false
	}
	if !c.seen {
		p.deleteUnseen(ctx, c)
		return false
	}
	a := p.delete(ctx, p.at(c))
	got := p.get(ctx, p.at(c))
	switch {
	case p.failed != nil:
	case got.absent() || a.absent() && !got.ok():
		p.flock.gone(c)
		return true
	case got.ok() && got.res != nil:
		return p.settleDown(ctx, c, got.res)
	}
	return false
}

// deleteUnseen tries to delete what no GET has shown, if the app has given it a canary's
// name; that it is gone is not known by that.
func (p *prober) deleteUnseen(ctx context.Context, c *Canary) {
	c.State = "not known"
	if !c.named {
		return
	}
	before := p.failed
	p.failed = nil // whatever kept the GET from its answer
	p.delete(ctx, p.at(c))
	p.failed = cmp.Or(before, p.failed)
}

// settleDown makes a canary that cannot be removed inactive, and says whether it is gone by that.
func (p *prober) settleDown(ctx context.Context, c *Canary, now *scim.Resource) bool {
	if c.Type != user {
		c.State = "there"
		return false
	}
	if off(now) {
		c.State = "inactive"
		return false
	}
	for _, way := range p.deactivations(c, now) {
		if a := way(ctx); !a.ok() {
			continue
		}
		got := p.get(ctx, p.at(c))
		if got.absent() {
			p.flock.gone(c)
			return true
		}
		if got.res != nil && off(got.res) {
			c.State = "inactive"
			return false
		}
	}
	return false
}

// off tells whether an account says that it is inactive.
func off(r *scim.Resource) bool {
	active, known := r.Active()
	return known && !active
}

// deactivations are the ways to make an account inactive, the surest first.
func (p *prober) deactivations(c *Canary, now *scim.Resource) []func(context.Context) answer {
	no := scim.Bool(false)
	return []func(context.Context) answer{
		func(ctx context.Context) answer { return p.patch(ctx, p.at(c), op("replace", "active", no)) },
		func(ctx context.Context) answer {
			return p.patch(ctx, p.at(c), op("replace", "", scim.Complex(object("active", no))))
		},
		func(ctx context.Context) answer {
			whole := now.Clone()
			whole.Delete("meta")
			whole.SetActive(false)
			return p.send(ctx, http.MethodPut, p.at(c), whole)
		},
	}
}

// sweepTime bounds the removal of canaries when the run itself has ended.
const sweepTime = time.Minute

// sweep removes all canaries of the run, groups first. It outlives the run's context,
// and what has ended the run.
func (p *prober) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	before := p.failed
	p.most, p.waited = p.sent+mostRequests, 0 // what was made is removed, whatever was spent
	defer func() { p.failed = before }()
	var errs []error
	for _, typ := range []string{group, user} {
		doubt := false
		for _, c := range slices.Clone(p.flock.made) {
			p.failed = nil
			switch {
			case c.Type != typ:
			case c.ID == "":
				doubt = true
			default:
				if c == p.user && p.asOwnID { // its id may be another by now
					if p.follow(ctx); p.failed != nil {
						c.ID, c.State, doubt = "", "not known", true
						continue
					}
				}
				p.remove(ctx, c)
				errs = append(errs, p.failed)
			}
		}
		if doubt {
			p.failed = nil
			p.lost(ctx, typ)
			errs = append(errs, p.failed)
		}
	}
	return errors.Join(errs...)
}

// lost looks for canaries of this run whose making was not answered. The app may still
// be at it, so it looks later, and twice; one that is not found stays named.
func (p *prober) lost(ctx context.Context, typ string) {
	for range looks {
		i := slices.IndexFunc(p.made, func(c *Canary) bool { return c.Type == typ && c.ID == "" })
		if i < 0 {
			return
		}
		if p.later(ctx); p.failed != nil {
			return
		}
		found, _ := p.search(ctx, typ, p.made[i].Name)
		for _, r := range found {
			if !p.asOwn(r.ID()) {
				p.remove(ctx, p.claim(typ, r))
			}
		}
	}
}

// claim takes what was found for the canary whose making was not answered, if it has
// its name, or else for one that an earlier run has left.
func (p *prober) claim(typ string, r *scim.Resource) *Canary {
	i := slices.IndexFunc(p.made, func(c *Canary) bool {
		return c.Type == typ && c.ID == "" && (strings.EqualFold(c.Name, nameOf(typ, r)) || strings.EqualFold(localPart(c.Name), r.ExternalID()))
	})
	if i < 0 {
		p.intend(typ, nameOf(typ, r))
		i = len(p.made) - 1
	}
	c := p.made[i]
	c.ID, c.State, c.named, c.seen = r.ID(), "active", true, true
	return c
}

func nameOf(typ string, r *scim.Resource) string {
	if typ == group {
		return r.DisplayName()
	}
	return r.UserName()
}

// mostPages of a list are read in search of canaries, of 100 resources each.
const mostPages = 20

// search finds canaries, of this run or of earlier ones, by the beginning of their names,
// by one name, and in the list of everybody if that is not enough. whole says that
// what was not found is not there.
func (p *prober) search(ctx context.Context, typ, name string) (found []*scim.Resource, whole bool) {
	attr := "userName"
	if typ == group {
		attr = "displayName"
	}
	keep := func(list []*scim.Resource) {
		for _, r := range list {
			if r.ID() != "" && p.isCanary(typ, r) && !(page{all: found}).has(r.ID()) {
				found = append(found, r)
			}
		}
	}
	keep(p.find(ctx, typ, fmt.Sprintf("%s sw %q", attr, Prefix+p.code)).all)
	if p.startsWith {
		return found, true
	}
	if name != "" {
		keep(p.find(ctx, typ, fmt.Sprintf("%s eq %q", attr, name)).all)
	}
	return found, p.everybody(ctx, typ, keep)
}

// everybody reads a list to its end, or as far as it goes, and says whether it was
// the whole.
func (p *prober) everybody(ctx context.Context, typ string, keep func([]*scim.Resource)) bool {
	seen, first := 0, ""
	params := []string{"count", "100"}
	if p.cursors {
		params = append(params, "cursor", "")
	}
	for range mostPages {
		l := p.list(ctx, p.path(typ), params...)
		if !l.ok() || len(l.all) == 0 {
			return l.ok() && seen >= l.total && !p.sample
		}
		if l.all[0].ID() == first { // the first page again
			return false
		}
		if first == "" {
			first = l.all[0].ID()
		}
		keep(l.all)
		seen += len(l.all)
		switch {
		case l.next != "":
			params = []string{"count", "100", "cursor", l.next}
		case seen >= l.total:
			return !p.sample
		default:
			params = []string{"count", "100", "startIndex", strconv.Itoa(seen + 1)}
		}
	}
	return false
}
