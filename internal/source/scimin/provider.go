// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// The types of resources that are pushed.
const (
	typeUser  = "User"
	typeGroup = "Group"
)

// Config is what a Provider is made of. Every field is required but Types, Rejected
// and Events; with Events, Told is.
type Config struct {
	Source    string // its name, which is part of every record's key
	Store     source.PushStore
	Directory *directory.Directory
	Schemas   *scim.SchemaSet
	// Types are what resources there are: Users, who are people, Groups, which are
	// teams, and others, which are kept and state nothing. nil for Users and Groups.
	Types   []scim.ResourceType
	Mapping *mapping.Mapping // pushed User → person
	// Revives says that a POST under the externalId of a resource that was
	// deactivated makes it active again; otherwise it is refused, as taken.
	Revives bool
	// UniqueGroups says that a second Group of a displayName is refused. Otherwise a
	// provider may have several.
	UniqueGroups bool
	Cursors      scimserver.CursorKey
	// Events is what is told of changes, and to whom; nil for nothing. Told is called
	// when something is to be told.
	Events *events.Feed
	Told   func()
	// Changed is called after each change that the directory may have to act
	// upon. Rejected is told of a record whose person could not be made.
	Changed  func()
	Rejected func(id string, err error)
}

// Provider is one identity provider's resources, as a store of SCIM resources.
type Provider struct {
	c       Config
	kinds   map[string]kind
	longest time.Duration // a query may take
	most    int           // resources that a query may have looked at one by one
}

var (
	_ scimserver.PartStore   = (*Provider)(nil)
	_ scimserver.TextStore   = (*Provider)(nil)
	_ scimserver.MemberStore = (*Provider)(nil)
	_ scimserver.CursorStore = (*Provider)(nil)
	_ scimserver.TxStore     = (*Provider)(nil)
	_ scimserver.EventStore  = (*Provider)(nil)
)

// New returns a Provider. It refuses a type that it could not keep as its schema says.
func New(c Config) (*Provider, error) {
	if c.Types == nil {
		c.Types = scim.CoreResourceTypes()
	}
	p := &Provider{c: c, kinds: map[string]kind{}, longest: mostTime, most: mostScan}
	for _, t := range c.Types {
		k, err := kindOf(c.Schemas, t)
		if err != nil {
			return nil, err
		}
		p.kinds[t.Name] = k
	}
	return p, nil
}

// Get implements scimserver.Store.
func (p *Provider) Get(ctx context.Context, typ, id string) (*scim.Resource, error) {
	return p.GetPart(ctx, typ, id, nil)
}

// GetPart implements scimserver.PartStore.
func (p *Provider) GetPart(ctx context.Context, typ, id string, without []scim.Path) (*scim.Resource, error) {
	all, err := p.find(ctx, typ, source.PushedByID, id, without)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, scimserver.ErrNotFound
	}
	return all[0], nil
}

// find reads resources by a key: all but a group with its members at one look.
func (p *Provider) find(ctx context.Context, typ string, by source.PushedBy, value string, without []scim.Path) (found []*scim.Resource, err error) {
	read := p.c.Store.Look
	if typ == typeGroup && !leftOut(without, "members") {
		read = p.c.Store.View
	}
	err = read(ctx, func(tx source.PushTx) error {
		if typ == typeUser {
			users, err := tx.PushedUsers(ctx, p.c.Source, by, value)
			if err == nil {
				found, err = p.users(users)
			}
			return err
		}
		rows, err := tx.Pushed(ctx, p.c.Source, typ, by, value, false)
		if err == nil {
			found, err = p.resources(ctx, tx, rows, scimserver.Query{Without: without})
		}
		return err
	})
	return found, err
}

func (p *Provider) users(rows []source.PushedUser) ([]*scim.Resource, error) {
	out := make([]*scim.Resource, len(rows))
	for i := range rows {
		var err error
		if out[i], err = p.head(&rows[i].Pushed); err != nil {
			return nil, err
		}
		setGroups(out[i], rows[i].Groups)
	}
	return out, nil
}

// row finds a resource that is there, or returns scimserver.ErrNotFound.
func (p *Provider) row(ctx context.Context, tx source.PushTx, typ, id string) (*source.Pushed, error) {
	rows, err := tx.Pushed(ctx, p.c.Source, typ, source.PushedByID, id, false)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, scimserver.ErrNotFound
	}
	return &rows[0], nil
}

// under is row under a version, if one is named.
func (p *Provider) under(ctx context.Context, tx source.PushTx, typ, id, version string) (*source.Pushed, error) {
	row, err := p.row(ctx, tx, typ, id)
	if err == nil && version != "" && version != tag(row.Version) {
		return nil, scimserver.ErrVersion
	}
	return row, err
}

func tag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// Create implements scimserver.Store.
func (p *Provider) Create(ctx context.Context, typ string, sent *scim.Resource) (*scim.Resource, error) {
	in := p.read(typ, sent)
	id := newID()
	if typ == typeUser {
		in.mapAs(p.c.Mapping, id)
	}
	return p.change(ctx, typ, in, func(tx source.PushTx, n *news) (*source.Pushed, error) {
		row := &source.Pushed{Source: p.c.Source, Type: typ, ID: id, Created: tx.Now()}
		row.Record = row.ID
		if typ != typeUser {
			return row, p.put(ctx, tx, row, in, n)
		}
		rivals, err := tx.PushedRivals(ctx, p.c.Source, in.name, sent.ExternalID())
		if err != nil {
			return nil, err
		}
		switch known := known(in, rivals); {
		case known == nil:
		case known.Body == nil: // deleted: the same record, under a new id (RFC 7643 §3.1)
			if err := p.inherit(ctx, tx, row, known.Record); err != nil {
				return nil, err
			}
		case !p.c.Revives || known.Ended.IsZero():
			return nil, &scimserver.UniquenessError{Attribute: "externalId"}
		default:
			row = known
			if err := n.before(p, row); err != nil {
				return nil, err
			}
		}
		if err := free(row, in.name, rivals); err != nil {
			return nil, err
		}
		return row, p.put(ctx, tx, row, in, n)
	})
}

// inherit makes a new User's record that of somebody who was deleted, unless another one
// who is there has come by it: a record is one person's.
func (p *Provider) inherit(ctx context.Context, tx source.PushTx, row *source.Pushed, record string) error {
	held, err := tx.Pushed(ctx, p.c.Source, typeUser, source.PushedByRecord, record, false)
	if err == nil && len(held) == 0 {
		row.Record = record
	}
	return err
}

// free refuses a user name that another resource of this provider has.
func free(row *source.Pushed, name string, others []source.Pushed) error {
	for i := range others {
		if other := &others[i]; other.Name == name && other.Body != nil && other.ID != row.ID {
			return &scimserver.UniquenessError{Attribute: "userName"}
		}
	}
	return nil
}

// freeGroup refuses a displayName that another Group of this provider has, if they
// are unique.
func (p *Provider) freeGroup(ctx context.Context, tx source.PushTx, row *source.Pushed, name string) error {
	if !p.c.UniqueGroups || row.Type != typeGroup || row.Name == name {
		return nil
	}
	same, err := tx.Pushed(ctx, p.c.Source, typeGroup, source.PushedByName, name, false)
	if err != nil {
		return err
	}
	for i := range same {
		if same[i].ID != row.ID {
			return &scimserver.UniquenessError{Attribute: "displayName"}
		}
	}
	return nil
}

// known finds who a new User was before: by externalId, or else by a user name of
// somebody who was deleted and whose externalId is not another one.
func known(sent *sending, rivals []source.Pushed) (found *source.Pushed) {
	external := sent.ExternalID()
	for i := range rivals {
		// Who is there goes before those who were, the last of whom counts.
		if r := &rivals[i]; external != "" && r.External == external && (found == nil || found.Body == nil) {
			found = r
		}
	}
	if found != nil {
		return found
	}
	for i := range rivals {
		if r := &rivals[i]; r.Name == sent.name && r.Body == nil && (external == "" || r.External == "") {
			found = r
		}
	}
	return found
}

// Replace implements scimserver.Store.
func (p *Provider) Replace(ctx context.Context, typ string, sent *scim.Resource, version string) (*scim.Resource, error) {
	in := p.read(typ, sent)
	return p.change(ctx, typ, in, func(tx source.PushTx, n *news) (*source.Pushed, error) {
		row, err := p.under(ctx, tx, typ, sent.ID(), version)
		if err == nil {
			err = n.before(p, row)
		}
		if err != nil {
			return nil, err
		}
		if typ == typeUser && row.Name != in.name {
			same, err := tx.Pushed(ctx, p.c.Source, typeUser, source.PushedByName, in.name, false)
			if err == nil {
				err = free(row, in.name, same)
			}
			if err != nil {
				return nil, err
			}
		}
		return row, p.put(ctx, tx, row, in, n)
	})
}

// Delete implements scimserver.Store. The resource is gone at once; what becomes of
// its person is for the directory to say.
func (p *Provider) Delete(ctx context.Context, typ, id, version string) error {
	_, err := p.change(ctx, typ, nil, func(tx source.PushTx, n *news) (*source.Pushed, error) {
		row, err := p.under(ctx, tx, typ, id, version)
		if err != nil {
			return nil, err
		}
		row.Body, row.Modified, row.Members = nil, tx.Now(), 0
		row.Version++
		if err := tx.PutPushed(ctx, row); err != nil {
			return nil, err
		}
		n.deleted(row)
		if err := p.leaveGroups(ctx, tx, id, n); err != nil {
			return nil, err
		}
		switch typ {
		case typeUser:
		case typeGroup:
			return nil, p.disband(ctx, tx, row)
		default:
			return nil, p.tell(ctx, tx, "resource.gone", row, typ+" deleted by its provider")
		}
		// Whoever was deactivated before has left already, so that the directory has
		// nothing to tell.
		if err := p.tell(ctx, tx, "record.deleted", row, "deleted by its provider"); err != nil {
			return nil, err
		}
		s := p.statement(row, nil)
		s.Deleted = true
		return nil, p.state(ctx, tx, s)
	})
	return err
}

// disband lets everybody out of a group.
func (p *Provider) disband(ctx context.Context, tx source.PushTx, group *source.Pushed) error {
	members, err := tx.Members(ctx, p.c.Source, group.ID)
	if err != nil {
		return err
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	removed, err := tx.RemoveMembers(ctx, p.c.Source, group.ID, ids)
	if err != nil {
		return err
	}
	if err := p.regroup(ctx, tx, group, nil, removed); err != nil {
		return err
	}
	return p.tell(ctx, tx, "group.gone", group, "deleted by its provider")
}

// leaveGroups takes a resource that was deleted out of every group.
func (p *Provider) leaveGroups(ctx context.Context, tx source.PushTx, id string, n *news) error {
	groups, err := tx.GroupsWith(ctx, p.c.Source, []string{id})
	if err != nil {
		return err
	}
	for _, g := range groups[id] {
		if g == id { // its own members go with it
			continue
		}
		if _, err := tx.RemoveMembers(ctx, p.c.Source, g, []string{id}); err != nil {
			return err
		}
		row, err := p.row(ctx, tx, typeGroup, g)
		if err != nil {
			return err
		}
		row.Version, row.Modified, row.Members = row.Version+1, tx.Now(), row.Members-1
		if err := tx.PutPushed(ctx, row); err != nil {
			return err
		}
		n.left(row, id)
	}
	return nil
}

// change is one request's transaction; what it returns is read within it, unless it is
// no more than what was sent.
func (p *Provider) change(ctx context.Context, typ string, sent *sending, fn func(tx source.PushTx, n *news) (*source.Pushed, error)) (after *scim.Resource, err error) {
	var fresh *source.Pushed
	var n *news
	err = p.c.Store.Update(ctx, func(tx source.PushTx) (err error) {
		after, fresh = nil, nil
		if n, err = p.news(ctx); err != nil {
			return err
		}
		row, err := fn(tx, n)
		switch {
		case err != nil:
			return err
		case row == nil:
		case n == nil && row.Type == typeUser && row.Version == 1: // nobody has put it into a group yet
			fresh = row
		default:
			if after, err = p.afterwards(ctx, tx, row); err == nil {
				err = n.stored(row, after)
			}
			if err != nil {
				return err
			}
		}
		return n.queue(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	n.committed(p.c.Told)
	if states(typ) {
		p.c.Changed()
	}
	if fresh != nil {
		after = sent.body // which nobody else has any more
		dress(after, fresh)
	}
	return after, nil
}

// afterwards is what a row has become.
func (p *Provider) afterwards(ctx context.Context, tx source.PushTx, row *source.Pushed) (*scim.Resource, error) {
	if row.Type == typeUser && row.Version == 1 {
		return p.head(row)
	}
	all, err := p.resources(ctx, tx, []source.Pushed{*row}, scimserver.Query{})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// sending is what was sent of a resource, made ready before its transaction, which
// all others wait for.
type sending struct {
	*scim.Resource
	name    string         // canonical
	body    *scim.Resource // without what stands beside the body
	json    []byte
	members scim.Value

	mapped *scim.Resource // what it states of the person of a record; nil if that is not known yet
	text   []byte         // of mapped
	failed error          // of the mapping
	record string
}

func (p *Provider) read(typ string, sent *scim.Resource) *sending {
	in := &sending{Resource: sent, body: sent.Clone()}
	if k := p.kinds[typ]; k.name.Name != "" {
		v, _ := sent.Get(k.name.Name)
		name, _ := v.AsString()
		in.name = k.canonical(name)
	}
	in.members, _ = in.body.Get("members")
	beside := []string{"id", "meta", "groups", "password", "members"}
	if !states(typ) { // of any other type only these are not the client's
		beside = beside[:2]
	}
	for _, name := range beside {
		in.body.Delete(name)
	}
	in.json = in.body.AppendJSON(nil)
	return in
}

// mapAs evaluates the mapping for a record.
func (in *sending) mapAs(m *mapping.Mapping, record string) {
	user, failures := m.Apply(mapping.Input{Person: in.body, PersonID: record})
	in.mapped, in.text, in.failed, in.record = user, nil, nil, record
	for _, f := range failures {
		in.failed = fmt.Errorf("%s: %w", f.Path, f.Err)
		return
	}
	in.text = user.AppendJSON(nil)
	in.mapped, in.failed = scim.ParseResource(in.text, scim.Limits{}) // as the directory would read it again
}

// put stores a resource as it was sent, and states what it says.
func (p *Provider) put(ctx context.Context, tx source.PushTx, row *source.Pushed, sent *sending, n *news) error {
	if !states(row.Type) {
		return p.keep(ctx, tx, row, sent)
	}
	if err := p.freeGroup(ctx, tx, row, sent.name); err != nil {
		return err
	}
	fresh, was := row.Version == 0, row.Name
	row.External, row.Modified = sent.ExternalID(), tx.Now()
	row.Version++
	if row.Name = sent.name; row.Type == typeUser {
		active, stated := sent.Active()
		switch {
		case active || !stated:
			row.Ended = time.Time{}
		case row.Ended.IsZero():
			row.Ended = tx.Now()
		}
	}
	row.Body = sent.json
	if err := tx.PutPushed(ctx, row); err != nil {
		return err
	}
	if row.Type == typeUser {
		s := p.statement(row, sent)
		s.New = fresh && row.Record == row.ID
		return p.state(ctx, tx, s)
	}
	if err := tx.PutTeam(ctx, source.PushedTeam(p.c.Source, row.ID, sent.DisplayName())); err != nil {
		return err
	}
	if fresh || row.Name != was {
		if err := p.tell(ctx, tx, "group.pushed", row, "called "+sent.DisplayName()); err != nil {
			return err
		}
	}
	return p.putMembers(ctx, tx, row, sent.members, n)
}

// statement is what a pushed User says of its person.
func (p *Provider) statement(row *source.Pushed, sent *sending) directory.Statement {
	ended := row.Ended
	digest := p.c.Mapping.Digest()
	h := sha256.New()
	h.Write(digest[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(ended.UnixMicro())))
	h.Write(row.Body)
	var text []byte
	if sent != nil && sent.mapped != nil && sent.record == row.Record && ended.IsZero() {
		text = sent.text
	}
	return directory.Statement{
		Key: directory.Key{Source: p.c.Source, ID: row.Record}, Digest: [sha256.Size]byte(h.Sum(nil)), File: "SCIM", Text: text,
		Map: func() (*scim.Resource, error) {
			if sent.mapped == nil || sent.record != row.Record {
				sent.mapAs(p.c.Mapping, row.Record)
			}
			user := sent.mapped
			sent.mapped = nil // it is the directory's now
			if sent.failed != nil || ended.IsZero() {
				return user, sent.failed
			}
			return user, user.Put(EndDate, scim.DateTime(ended.Truncate(time.Second)))
		},
	}
}

// EndDate is where a deactivation stands in what is said of a person, whatever the
// mapping says: whoever is not active has left.
var EndDate = scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}

// state brings a statement into the directory. One that is set aside leaves its
// person as they were, and changes no answer.
func (p *Provider) state(ctx context.Context, tx source.PushTx, s directory.Statement) error {
	done, err := p.c.Directory.Accept(ctx, tx, p.c.Source, []directory.Statement{s})
	if err != nil {
		return err
	}
	for _, r := range done.Rejected {
		p.reject(r.ID, r.Err)
	}
	return nil
}

func (p *Provider) reject(id string, err error) {
	if p.c.Rejected != nil {
		p.c.Rejected(id, err)
	}
}

// newID is an id that is never given twice and cannot be guessed: 80 random bits,
// after 48 of the time, which meta.created tells anyway. So those made together stand
// side by side in every index: a create writes a page less for each.
func newID() string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(time.Now().UnixMilli())<<16)
	_, _ = rand.Read(id[6:]) // it never fails
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:]))
}

// Lookup implements scimserver.Store.
func (p *Provider) Lookup(ctx context.Context, typ string, attribute scim.Path, value string) ([]*scim.Resource, bool, error) {
	return p.LookupPart(ctx, typ, attribute, value, nil)
}

// LookupPart implements scimserver.PartStore.
func (p *Provider) LookupPart(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) ([]*scim.Resource, bool, error) {
	by, value, ok := p.key(typ, attribute, value)
	if !ok {
		return nil, false, nil
	}
	found, err := p.find(ctx, typ, by, value, without)
	return found, true, err
}

// key tells by which index an attribute is found, and the value as it stands there.
func (p *Provider) key(typ string, attribute scim.Path, value string) (source.PushedBy, string, bool) {
	if attribute.URN != "" && !strings.EqualFold(attribute.URN, p.schema(typ)) || attribute.Sub != "" || attribute.Filter != nil {
		return "", "", false
	}
	k := p.kinds[typ]
	switch {
	case strings.EqualFold(attribute.Attr, "id"):
		return source.PushedByID, value, true
	case strings.EqualFold(attribute.Attr, "externalId"):
		return source.PushedByExternal, value, value != ""
	case k.name.Name != "" && strings.EqualFold(attribute.Attr, k.name.Name):
		return source.PushedByName, k.canonical(value), value != ""
	}
	return "", "", false
}

func (p *Provider) schema(typ string) string { return p.kinds[typ].schema }
