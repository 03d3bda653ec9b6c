// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"fmt"
	"slices"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// ChangeMembers implements scimserver.MemberStore: one row for each member that
// comes or goes, and no look at the others.
func (p *Provider) ChangeMembers(ctx context.Context, typ, id string, c scimserver.MemberChange) (out scimserver.MembersChanged, err error) {
	var n *news
	err = p.c.Store.Update(ctx, func(tx source.PushTx) error {
		out = scimserver.MembersChanged{}
		if n, err = p.news(ctx); err != nil {
			return err
		}
		row, err := p.row(ctx, tx, typ, id)
		if err == nil {
			err = n.before(p, row)
		}
		if err != nil {
			return err
		}
		if !c.Allows(tag(row.Version)) {
			return scimserver.ErrVersion
		}
		if out.Removed, err = tx.RemoveMembers(ctx, p.c.Source, id, c.Remove); err != nil {
			return err
		}
		add := membersOf(c.Add)
		if out.Added, err = tx.AddMembers(ctx, p.c.Source, id, add); err != nil {
			return err
		}
		row.Members += len(out.Added) - len(out.Removed)
		if out.Count = row.Members; len(out.Added)+len(out.Removed) > 0 {
			row.Version, row.Modified = row.Version+1, tx.Now()
			if err := tx.PutPushed(ctx, row); err != nil {
				return err
			}
			if err := p.regroup(ctx, tx, row, out.Added, out.Removed); err != nil {
				return err
			}
		}
		if out.Head, err = p.head(row); err != nil || len(out.Added)+len(out.Removed) == 0 {
			return err
		}
		n.members(those(add, out.Added), out.Removed)
		if err := n.stored(row, out.Head); err != nil {
			return err
		}
		return n.queue(ctx, tx)
	})
	if err == nil {
		n.committed(p.c.Told)
		p.c.Changed()
	}
	return out, err
}

// membersOf reads the values of members. Who is named twice is in once.
func membersOf(values []scim.Value) []source.PushedMember {
	var out []source.PushedMember
	seen := map[string]bool{}
	for _, v := range values {
		o, _ := v.AsComplex()
		id, _ := o.Get("value")
		s, _ := id.AsString()
		if s == "" || seen[s] {
			continue
		}
		seen[s] = true
		out = append(out, source.PushedMember{ID: s, Body: v.AppendJSON(nil)})
	}
	return out
}

// those are the members of some ids, in the order of the members.
func those(members []source.PushedMember, ids []string) []source.PushedMember {
	in := make(map[string]bool, len(ids))
	for _, id := range ids {
		in[id] = true
	}
	var out []source.PushedMember
	for _, m := range members {
		if in[m.ID] {
			out = append(out, m)
		}
	}
	return out
}

// putMembers makes a group's members those that were sent with the whole of it.
func (p *Provider) putMembers(ctx context.Context, tx source.PushTx, row *source.Pushed, sent scim.Value, n *news) error {
	list, _ := sent.AsList()
	want := membersOf(list)
	old, err := tx.Members(ctx, p.c.Source, row.ID)
	if err != nil {
		return err
	}
	stays := make(map[string]bool, len(want))
	for _, w := range want {
		stays[w.ID] = true
	}
	var gone []string
	for _, m := range old {
		if !stays[m.ID] {
			gone = append(gone, m.ID)
		}
	}
	removed, err := tx.RemoveMembers(ctx, p.c.Source, row.ID, gone)
	if err != nil {
		return err
	}
	added, err := tx.AddMembers(ctx, p.c.Source, row.ID, want)
	if err != nil {
		return err
	}
	if row.Members != len(want) {
		row.Members = len(want)
		if err := tx.PutPushed(ctx, row); err != nil {
			return err
		}
	}
	n.members(those(want, added), removed)
	return p.regroup(ctx, tx, row, added, removed)
}

// regroup has the directory look at the teams of those who came to a group or left
// it, and tells the ledger.
func (p *Provider) regroup(ctx context.Context, tx source.PushTx, group *source.Pushed, added, removed []string) error {
	if len(added)+len(removed) == 0 {
		return nil
	}
	for users := range slices.Chunk(slices.Concat(added, removed), regroupChunk) {
		people, err := tx.PeopleOf(ctx, p.c.Source, users)
		if err != nil {
			return err
		}
		failed, err := p.c.Directory.Regroup(ctx, tx, people)
		if err != nil {
			return err
		}
		for person, err := range failed {
			p.reject(person, err)
		}
	}
	return p.tell(ctx, tx, "group.members", group, fmt.Sprintf("%d came, %d left", len(added), len(removed)))
}

// regroupChunk is how many people are looked at together.
const regroupChunk = 500

// tell writes what a provider has said of a resource into the ledger. What it says of
// a person is told by the directory.
func (p *Provider) tell(ctx context.Context, tx source.PushTx, kind string, row *source.Pushed, why string) error {
	return tx.AppendEvents(ctx, []audit.Event{{
		At: tx.Now(), Kind: kind, Actor: "source " + p.c.Source, Object: p.c.Source + ":" + row.ID, Why: why,
	}})
}
