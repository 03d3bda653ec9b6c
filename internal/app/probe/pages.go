// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/usher-id/usher/scim"
)

// Pages of plain SCIM 2.0, as package scimtest has it.
const (
	plainPage = 1_000
	plainMany = 100
)

// pages finds out how lists come. It looks at how many there are and whether they are
// the same, and at nothing that is in them.
func (p *prober) pages(ctx context.Context) {
	few := p.list(ctx, p.path(user))
	p.shape(few)
	if !few.ok() {
		p.fact("lists", "a list of all users is refused (%d)", few.status)
		return
	}
	p.byCursor(ctx)
	if few.total == len(few.all) && !few.has(p.now.ID()) {
		p.sample = true
		p.line("a list without filter is a made-up user")
		return
	}
	for _, r := range few.all {
		if r.UserName() == "" {
			p.line("lists have entries with an empty userName")
		}
	}
	p.byIndex(ctx, few)
	many := p.list(ctx, p.path(user), "count", strconv.Itoa(plainPage))
	p.facts.listed = many.total == len(many.all) && many.has(p.now.ID())
	p.sizes(ctx, few, many)
}

// byCursor tells whether there are pages by cursor (RFC 9865).
func (p *prober) byCursor(ctx context.Context) {
	l := p.list(ctx, p.path(user), "count", "1", "cursor", "")
	p.cursors = l.next != ""
	if !p.cursors { // there may be no next page
		p.cursors = p.mine(ctx, "count", "1").ok() && p.mine(ctx, "count", "1", "cursor", "usher-probe-none").status == http.StatusBadRequest
	}
	if !p.cursors {
		p.line("no pages by cursor")
	}
}

// byIndex tells whether startIndex is obeyed.
func (p *prober) byIndex(ctx context.Context, few page) {
	if len(few.all) == 0 {
		return
	}
	l := p.list(ctx, p.path(user), "count", "1", "startIndex", "2")
	p.facts.firstAgain = l.ok() && len(l.all) > 0 && l.all[0].ID() == few.all[0].ID()
	if few.total < 2 {
		return
	}
	up := p.list(ctx, p.path(user), "count", "2", "sortBy", "userName", "sortOrder", "ascending")
	down := p.list(ctx, p.path(user), "count", "2", "sortBy", "userName", "sortOrder", "descending")
	p.facts.unsorted = up.ok() && down.ok() && len(up.all) > 0 && slices.EqualFunc(up.all, down.all, func(a, b *scim.Resource) bool { return a.ID() == b.ID() })
}

// sizes tells how many are on a page.
func (p *prober) sizes(ctx context.Context, few, many page) {
	most, usual := len(many.all), len(few.all)
	if p.cursors && most < min(many.total, plainPage) {
		whole := p.list(ctx, p.path(user), "count", strconv.Itoa(plainPage), "cursor", "")
		half := p.list(ctx, p.path(user), "count", "8", "cursor", "")
		short := half.total > 8 && len(half.all) < 8
		if short {
			p.line("pages by cursor may be short")
		}
		if len(whole.all) > most {
			p.line("resources without a cursor at most: %d", most)
			p.facts.fewWithout = true
			most = len(whole.all)
			if usual == len(many.all) { // as many as without a count, so nothing is known of that
				usual = min(most, plainMany)
			}
		}
	} else if p.cursors && many.total > 8 {
		if l := p.list(ctx, p.path(user), "count", "8", "cursor", ""); len(l.all) < 8 {
			p.line("pages by cursor may be short")
		}
	}
	if most < min(many.total, plainPage) {
		p.line("resources on a page at most: %d", most)
		p.facts.maxPage = most
	} else {
		p.unseen("how many resources are on a page at most: more than %d were not there to be asked for", min(many.total, plainPage)-1)
	}
	if plain := min(plainMany, most); usual < few.total && usual != plain || usual > plain {
		p.line("resources on a page by default: %d", usual)
		p.facts.defaultPage = usual
	} else if few.total <= plain {
		p.unseen("how many resources are on a page by default: there are %d", few.total)
	}
}
