// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
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

// canaryName is what a canary is called, whatever is made of its letter case and of
// the characters that a run puts behind it.
var canaryName = regexp.MustCompile(`(?i)^usher-probe-[a-z2-7]{4}[-.][a-z2-7]{1,400}(@example\.com)?[^a-z0-9]*$`)

// Canary is something that a run has made.
type Canary struct {
	Type  string `json:"type"` // "User" or "Group"
	ID    string `json:"id,omitempty"`
	Name  string `json:"name"`
	State string `json:"state"` // of what is left: "inactive", "active", "not known"
}

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

// isCanary tells whether a resource is one that some run has made, by its names. An
// account that hides its userName is known by its externalId.
func isCanary(typ string, r *scim.Resource) bool {
	name := r.UserName()
	if typ == group {
		name = r.DisplayName()
	}
	return canaryName.MatchString(name) || typ == user && canaryName.MatchString(r.ExternalID())
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
	return c, a
}

// remove deletes a canary, and says whether it is gone. One that stays is made inactive.
func (p *prober) remove(ctx context.Context, c *Canary) bool {
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
		doubt := ""
		for _, c := range slices.Clone(p.flock.made) {
			p.failed = nil
			switch {
			case c.Type != typ:
			case c.ID == "":
				doubt = c.Name
			default:
				if c == p.user && p.asOwnID { // its id may be another by now
					if p.follow(ctx); p.failed != nil {
						c.ID, doubt = "", c.Name
						continue
					}
				}
				p.remove(ctx, c)
				errs = append(errs, p.failed)
			}
		}
		if doubt != "" {
			p.failed = nil
			p.lost(ctx, typ, doubt)
			errs = append(errs, p.failed)
		}
	}
	return errors.Join(errs...)
}

// lost looks for canaries of this run whose making was not answered. One that is not
// found in what is read whole was not made.
func (p *prober) lost(ctx context.Context, typ, name string) {
	if err := sleep(ctx, p.settle); err != nil {
		p.failed = err
		return
	}
	found, whole := p.search(ctx, typ, name)
	for _, r := range found {
		known := slices.ContainsFunc(p.flock.made, func(c *Canary) bool { return c.ID == r.ID() })
		if known || !strings.Contains(strings.ToLower(nameOf(typ, r)+r.ExternalID()), p.code) {
			continue
		}
		c := p.flock.intend(typ, nameOf(typ, r))
		c.ID, c.State = r.ID(), "active"
		p.remove(ctx, c)
		whole = true // the one that was looked for
	}
	if p.failed == nil && whole {
		p.flock.made = slices.DeleteFunc(p.flock.made, func(c *Canary) bool { return c.Type == typ && c.ID == "" })
	}
}

func nameOf(typ string, r *scim.Resource) string {
	if typ == group {
		return r.DisplayName()
	}
	return r.UserName()
}

// mostPages of a list are read in search of canaries, of 100 resources each.
const mostPages = 20

// search finds canaries, of this run or of others, by the beginning of their names,
// by one name, and in the list of everybody if that is not enough. whole says that
// what was not found is not there.
func (p *prober) search(ctx context.Context, typ, name string) (found []*scim.Resource, whole bool) {
	attr := "userName"
	if typ == group {
		attr = "displayName"
	}
	keep := func(list []*scim.Resource) {
		for _, r := range list {
			if r.ID() != "" && isCanary(typ, r) && !(page{all: found}).has(r.ID()) {
				found = append(found, r)
			}
		}
	}
	keep(p.find(ctx, typ, fmt.Sprintf("%s sw %q", attr, Prefix)).all)
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
