// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/memory"
	"github.com/usher-id/usher/scim"
)

// What is told is drawn from little, so that it meets.
var (
	start      = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's clock begins
	spans      = []time.Duration{0, time.Microsecond, time.Second, time.Minute, time.Hour, 25 * time.Hour, 8 * 24 * time.Hour}
	people     = []string{"p0", "p1", "p2", `p"'<é>`, "P0"}
	keys       = []string{"k0", "k1", "k2", `k'&\`, ""}
	sources    = []string{"hr", "hr", "list", "none"}
	apps       = []string{"crm", "crm", "erp", "none"}
	remotes    = []string{"r0", "r1", "r2", ""}
	namesGiven = []string{"ann", "Bo", "bo"}
	scopes     = []string{"app:crm", "app:crm", "organisation"}
	metas      = []string{"one", "two"}
	states     = []directory.State{directory.Staged, directory.Active, directory.OnLeave, directory.Missing, directory.Leaver, directory.Erased}
	causes     = []directory.Cause{"", directory.CauseAbsent, directory.CauseTermination, directory.CauseRevoked}
	results    = []provision.Result{"", provision.Done, provision.RetryLater, provision.Parked, provision.Ambiguous, provision.Shut}
	teams      = []directory.Team{
		{ID: "t0", Rule: "dept", Value: "0", Name: "Zero"}, {ID: "t1", Rule: "dept", Value: "1", Name: "One"}, {ID: "t0", Rule: "dept", Value: "0", Name: "Nought"},
	}
)

// user is a resource that is not written as it stands: its schemas are not first, and a
// byte of it is no UTF-8.
func user(name string) *scim.Resource {
	u := new(scim.Resource)
	u.Set("userName", scim.String(name))
	u.Set("schemas", scim.List(scim.String(scim.UserURN)))
	u.Set("displayName", scim.String("\xff"+name))
	u.Set("salary", scim.Decimal(2))
	u.Set("title", scim.Null())
	var o scim.Object
	o.Set("value", scim.String(name+"@acme.example"))
	u.Set("emails", scim.List(scim.Complex(o), scim.Complex(scim.Object{})))
	return u
}

func pick[T any](b *both, what string, of []T) T { return rapid.SampledFrom(of).Draw(b.T, what) }

func (b *both) flag(what string) bool { return rapid.Bool().Draw(b.T, what) }

// time is one that may be none, or finer than what is kept.
func (b *both) time(what string) time.Time {
	t := start
	switch pick(b, what, []string{"none", "before", "after", "now", "now", "fine"}) {
	case "none":
		return time.Time{}
	case "before":
		return t.Add(-pick(b, what, spans))
	case "after":
		return t.Add(pick(b, what, spans))
	case "fine":
		return time.Now().Add(pick(b, what, spans) + 1999*time.Nanosecond).In(time.FixedZone("x", 3600))
	}
	return time.Now().Add(pick(b, what, spans))
}

func (b *both) is(what string) time.Time {
	if t := b.time(what); !t.IsZero() {
		return t
	}
	return start
}

// list may be nil, which is not the same as none.
func (b *both) list(what string, of []string) []string {
	switch n := rapid.IntRange(-1, 3).Draw(b.T, what); n {
	case -1:
		return nil
	default:
		return rapid.SliceOfN(rapid.SampledFrom(of), n, n).Draw(b.T, what)
	}
}

// write is a write that is drawn: what it is told is made anew for each store.
type write struct {
	what string
	do   func(everything) (any, error)
}

// told makes a write of what it is told. The store is given a value of its own, which
// is spoilt afterwards, as it is the caller's again.
func told[T any](args T, do func(everything, T) (any, error)) write {
	return write{show(args), func(tx everything) (any, error) {
		mine := copied(reflect.ValueOf(args)).Interface().(T) //nolint:forcetypeassert // it is one
		out, err := do(tx, mine)
		text := show(out)
		spoil(reflect.ValueOf(&mine))
		return text, err
	}}
}

func nothing(err error) (any, error) { return nil, err }

// copied is a copy that shares nothing.
func copied(v reflect.Value) reflect.Value {
	switch {
	case !v.IsValid() || v.Type() == valueType || v.Type() == timeType:
		return v
	case v.Type() == resourceType:
		return reflect.ValueOf(v.Interface().(*scim.Resource).Clone()) //nolint:forcetypeassert // it is one
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copied(v.Elem()))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(copied(v.Field(i)))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(copied(v.Index(i)))
		}
		return out
	case reflect.Map:
		out := reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			out.SetMapIndex(k, copied(v.MapIndex(k)))
		}
		return out
	}
	return v
}

func (b *both) person(id string) *directory.Person {
	return &directory.Person{
		ID: id, State: pick(b, "state", states), User: user(pick(b, "user", namesGiven)), Generation: 1, Revision: rapid.Int64Range(1, 3).Draw(b.T, "revision"),
		Next: b.time("next"), Why: "because", Cause: pick(b, "cause", causes), Admitted: b.flag("admitted"),
		Revoked: directory.Revocation{At: b.time("revoked"), By: pick(b, "by", sources[:3]), Start: b.time("started")},
	}
}

func (b *both) record() directory.Record {
	return directory.Record{
		Key: directory.Key{Source: pick(b, "source", sources[:3]), ID: pick(b, "key", keys)}, Generation: 1, Person: pick(b, "person", append(people, "")),
		Holds: b.flag("holds"), Digest: [32]byte{rapid.Byte().Draw(b.T, "digest")}, User: []byte(`{"userName":"x"}`), Start: b.time("start"), End: b.time("end"),
		Line: 2, File: "hr.csv", Missing: pick(b, "missing", []time.Time{{}, b.time("missing since")}), At: b.is("taken"), Blocked: b.flag("blocked"),
		Alias: pick(b, "alias", []string{"", "", keys[0], keys[1]}), Same: pick(b, "same", []string{"", "u1", "u2"}), Past: b.flag("past"),
	}
}

func (b *both) account() provision.Account {
	app, person := pick(b, "app", apps), pick(b, "person", people[:3])
	a := provision.Account{
		App: app, Person: person, RemoteID: pick(b, "remote", remotes),
		State: pick(b, "account", []provision.AccountState{provision.None, provision.Live, provision.Disabled, provision.Gone}),
		Since: b.time("since"), Begun: b.flag("begun"), Late: b.time("late"), Standing: b.standing(app, person), Steady: b.flag("steady"),
	}
	if b.flag("sent") {
		a.Sent = user("sent")
	}
	if b.flag("rests") { // of the same person, as the engine's are
		m := b.mark(app, person)
		a.Rest = &m
	}
	return a
}

func (b *both) standing(app, person string) provision.Standing {
	return provision.Standing{
		Due: b.flag("due"), Version: b.version(app, person), Parked: pick(b, "parked", []string{"", "", "refused", "odd"}),
		Attempts: rapid.IntRange(0, 2).Draw(b.T, "attempts"), RetryAt: b.time("retry"), Observe: b.flag("observe"), Last: pick(b, "last", results),
		Journal: rapid.Int64Range(0, 4).Draw(b.T, "journal"),
	}
}

func (b *both) mark(app, person string) provision.Mark {
	return provision.Mark{Person: person, Version: b.version(app, person), Wake: b.time("wake")}
}

// version is mostly that of the account as it is.
func (b *both) version(app, person string) (v int64) {
	_ = b.mem.Read(b.ctx, func(tx *memory.Tx) error {
		all, err := tx.Subjects(b.ctx, provision.Query{App: app, People: []string{person}, Limit: 1})
		for _, s := range all {
			v = s.Account.Version
		}
		return err
	})
	return v + pick(b, "version", []int64{0, 0, 0, 0, 1, -1})
}

func (b *both) intent() *provision.Intent {
	op := &provision.Op{
		ID: pick(b, "op", []string{"o1", "o2", "o3"}), Kind: provision.Update, App: "crm", Person: "p0", Label: "\xffann", Cause: provision.CauseMover, Why: "a\u2028<b>",
	}
	if b.flag("changes") {
		op.Changes = []provision.Change{{Path: "title", Before: scim.Null(), After: scim.Decimal(3)}, {Path: "x", After: scim.List(scim.String("\xfe"))}}
	}
	in := &provision.Intent{
		App: pick(b, "app", apps[:3]), Kind: provision.Update, Person: pick(b, "person", append(people, "")), Team: pick(b, "team", []string{"", "t0"}),
		Remote: pick(b, "remote", remotes), Attempt: 1, Ops: []*provision.Op{op}, At: b.time("at"),
	}
	if b.flag("no operations") {
		in.Ops = nil
	}
	return in
}

func several[T any](b *both, what string, one func() T) []T {
	out := make([]T, rapid.IntRange(0, 2).Draw(b.T, what))
	for i := range out {
		out[i] = one()
	}
	return out
}

func (b *both) edge() provision.Edge {
	return provision.Edge{Team: pick(b, "team", teams).ID, Person: pick(b, "person", people[:3])}
}

func (b *both) foreign() provision.Foreign {
	return provision.Foreign{RemoteID: pick(b, "remote", remotes), UserName: pick(b, "user", namesGiven), ExternalID: pick(b, "external", []string{"", "e"}), Reason: "why", Active: b.flag("active")}
}

func (b *both) hold() provision.Hold {
	return provision.Hold{ID: pick(b, "id", []string{"h1", "h2"}), App: pick(b, "app", apps), Cause: pick(b, "cause", causes), Count: 9, Limit: rapid.IntRange(0, 1).Draw(b.T, "limit"), Reason: "many"}
}

func (b *both) seated() []directory.Team {
	return several(b, "teams", func() directory.Team { return pick(b, "team", teams) })
}

func (b *both) reject() source.Reject {
	return source.Reject{Line: 2, Column: 1, Field: "f", Key: pick(b, "key", keys), Reason: "odd"}
}

// subjects are writes that meet: a sequence has those of one of them, or all.
var subjects = [][]string{
	{"PutAccounts", "PutPeople", "MarkApp", "PutAccounts", "MarkPeople", "ClearMarks", "Wake", "Doubt", "Unpark", "SetTeams", "MarkTeams", "PutGroups"},
	{"PutAccounts", "PutPeople", "PutAccounts", "MarkLinked", "ResetApp", "Suspect", "PutGroups", "MarkApp", "PutEdges", "PutApp"},
	{"PutRecords", "PutRecords", "PutPeople", "SetMissing", "Present", "MarkDue", "Release", "Touch", "Rewind"},
	{"PutRecords", "PutPeople", "StateTeams", "StateTeams", "SetTeams", "PutTeam", "PutKeys", "Erase"},
	{"Reserve", "Reserve", "PassName", "PassName", "PutKeys", "PutKeys"},
	{"PutIntents", "PutOutcomes", "PutIntents", "PutOutcomes", "Confirm", "PutEdges", "PutAccounts", "AppendEvents", "Erase", "ResetApp"},
	{"PutRead", "PutRead", "PutTrouble", "PutRejects", "Mark", "Mark", "Unmark", "Heard", "PutRecords"},
	{"PutHolds", "PutHolds", "AddPassed", "TakeLease", "DropLease", "PutFindings", "DropFindings", "PutForeign", "DropForeign", "PutMeta"},
	slices.Sorted(maps.Keys(writers)),
}

// writers is every method that writes.
var writers = map[string]func(*both) write{
	"PutRecords": func(b *both) write {
		return told(several(b, "records", b.record), func(tx everything, r []directory.Record) (any, error) { return nothing(tx.PutRecords(b.ctx, r)) })
	},
	"SetMissing": func(b *both) write {
		src, complete, here := pick(b, "source", sources), b.flag("complete"), b.list("here", keys)
		taken := b.time("taken")
		return told(here, func(tx everything, here []string) (any, error) {
			return tx.SetMissing(b.ctx, src, complete, func(id string, at time.Time) bool { return slices.Contains(here, id) || at.After(taken) })
		})
	},
	"Present": func(b *both) write {
		src := pick(b, "source", sources)
		return told(b.list("keys", keys), func(tx everything, ids []string) (any, error) { return tx.Present(b.ctx, src, ids) })
	},
	"MarkDue": func(b *both) write {
		src, at := pick(b, "source", sources), b.time("at")
		return told(b.list("keys", keys), func(tx everything, ids []string) (any, error) { return nothing(tx.MarkDue(b.ctx, src, ids, at)) })
	},
	"Release": func(b *both) write {
		src := pick(b, "source", sources)
		return told(b.list("keys", keys), func(tx everything, ids []string) (any, error) { return nothing(tx.Release(b.ctx, src, ids)) })
	},
	"PutKeys": func(b *both) write {
		of := map[string][]directory.MatchKey{}
		for _, p := range b.list("people", people) {
			of[p] = several(b, "keys", func() directory.MatchKey {
				return directory.MatchKey{Attribute: pick(b, "attribute", []string{"userName", "title"}), Canonical: pick(b, "value", namesGiven), Source: pick(b, "source", sources)}
			})
		}
		return told(of, func(tx everything, of map[string][]directory.MatchKey) (any, error) {
			return nothing(tx.PutKeys(b.ctx, of))
		})
	},
	"PutPeople": func(b *both) write {
		all := several(b, "people", func() *directory.Person { return b.person(pick(b, "person", people)) })
		return told(all, func(tx everything, all []*directory.Person) (any, error) { return nothing(tx.PutPeople(b.ctx, all)) })
	},
	"MarkLinked": func(b *both) write {
		return told(b.list("people", people), func(tx everything, of []string) (any, error) { return nothing(tx.MarkLinked(b.ctx, of)) })
	},
	"Erase": func(b *both) write {
		return told(pick(b, "person", people), func(tx everything, p string) (any, error) { return tx.Erase(b.ctx, p) })
	},
	"Rewind": func(b *both) write {
		return told([]time.Time{b.time("now"), b.time("last")}, func(tx everything, t []time.Time) (any, error) { return nothing(tx.Rewind(b.ctx, t[0], t[1])) })
	},
	"Reserve": func(b *both) write {
		args := []string{pick(b, "scope", scopes), pick(b, "canonical", namesGiven), pick(b, "owner", people[:3])}
		return told(args, func(tx everything, a []string) (any, error) {
			return nothing(tx.Reserve(b.ctx, a[0], "userName", a[1], a[1]+"!", a[2]))
		})
	},
	"PassName": func(b *both) write {
		args := []string{pick(b, "scope", scopes), pick(b, "canonical", namesGiven), pick(b, "from", people[:3]), pick(b, "to", people[:3])}
		_ = b.mem.Read(b.ctx, func(tx *memory.Tx) error { // mostly from who has it
			owner, err := tx.NameOwner(b.ctx, args[0], "userName", args[1])
			if owner != "" && pick(b, "whose", []string{"theirs", "theirs", "any"}) == "theirs" {
				args[2] = owner
			}
			return err
		})
		return told(args, func(tx everything, a []string) (any, error) {
			return nothing(tx.PassName(b.ctx, a[0], "userName", a[1], a[2], a[3]))
		})
	},
	"SetTeams": func(b *both) write {
		of := map[string][]directory.Team{}
		for _, p := range b.list("people", people) {
			of[p] = b.seated()
		}
		return told(of, func(tx everything, of map[string][]directory.Team) (any, error) {
			return nothing(tx.SetTeams(b.ctx, of))
		})
	},
	"PutTeam": func(b *both) write {
		return told(pick(b, "team", teams), func(tx everything, t directory.Team) (any, error) { return nothing(tx.PutTeam(b.ctx, t)) })
	},
	"PutMeta": func(b *both) write {
		key := pick(b, "key", metas)
		return told(rapid.SliceOfN(rapid.Byte(), 1, 2).Draw(b.T, "value"), func(tx everything, v []byte) (any, error) { return nothing(tx.PutMeta(b.ctx, key, v)) })
	},
	"AppendEvents": func(b *both) write {
		events := several(b, "events", func() audit.Event {
			return audit.Event{At: b.time("at"), Kind: "person.changed", Person: pick(b, "person", append(people, "")), Why: "because"}
		})
		return told(events, func(tx everything, e []audit.Event) (any, error) { return nothing(tx.AppendEvents(b.ctx, e)) })
	},
	"PutRead": func(b *both) write {
		r := source.Report{Source: pick(b, "source", sources), File: "hr.csv", Rows: 3, Complete: b.flag("complete"), Reason: "r", Replay: b.flag("replay"), Rejected: several(b, "rejects", b.reject)}
		p := source.Proof{Digest: [32]byte{rapid.Byte().Draw(b.T, "digest") % 3}, ModTime: b.time("modified")}
		return told(r, func(tx everything, r source.Report) (any, error) { return nothing(tx.PutRead(b.ctx, r, p)) })
	},
	"PutTrouble": func(b *both) write {
		args := []string{pick(b, "source", sources), pick(b, "what", []string{"", "gone", "late"})}
		return told(args, func(tx everything, a []string) (any, error) { return nothing(tx.PutTrouble(b.ctx, a[0], a[1])) })
	},
	"Mark": func(b *both) write {
		src := pick(b, "source", sources)
		marks := several(b, "marks", func() source.Mark {
			return source.Mark{Key: pick(b, "key", keys), Due: b.time("due"), Gone: b.time("gone")}
		})
		return told(marks, func(tx everything, m []source.Mark) (any, error) { return nothing(tx.Mark(b.ctx, src, m)) })
	},
	"Unmark": func(b *both) write {
		src := pick(b, "source", sources)
		marks := several(b, "marks", func() source.Mark {
			return source.Mark{Key: pick(b, "key", keys), Version: rapid.Int64Range(1, 3).Draw(b.T, "version")}
		})
		return told(marks, func(tx everything, m []source.Mark) (any, error) { return nothing(tx.Unmark(b.ctx, src, m)) })
	},
	"Heard": func(b *both) write {
		args := []string{pick(b, "source", sources), pick(b, "event", keys)}
		return told(args, func(tx everything, a []string) (any, error) { return tx.Heard(b.ctx, a[0], a[1]) })
	},
	"PutRejects": func(b *both) write {
		src, of := pick(b, "source", sources), b.list("keys", keys)
		return told(several(b, "rejects", b.reject), func(tx everything, r []source.Reject) (any, error) { return nothing(tx.PutRejects(b.ctx, src, of, r)) })
	},
	"Suspect": func(b *both) write {
		app := pick(b, "app", apps)
		return told(b.list("ids", remotes), func(tx everything, ids []string) (any, error) { return nothing(tx.Suspect(b.ctx, app, ids)) })
	},
	"Touch": func(b *both) write {
		src := pick(b, "source", sources)
		return told(b.list("keys", keys), func(tx everything, of []string) (any, error) { return nothing(tx.Touch(b.ctx, src, of)) })
	},
	"StateTeams": func(b *both) write {
		src, rule := pick(b, "source", sources), pick(b, "rule", []string{"roles", "orgs"})
		stated := several(b, "teams", func() source.StatedTeam {
			return source.StatedTeam{Rule: rule, ID: pick(b, "team", remotes), Name: pick(b, "name", namesGiven), Members: b.list("members", keys)}
		})
		return told(stated, func(tx everything, t []source.StatedTeam) (any, error) { return tx.StateTeams(b.ctx, src, rule, t) })
	},
	"PutApp": func(b *both) write {
		a := provision.AppState{
			Name: pick(b, "app", apps[:3]), Digest: [32]byte{1}, Address: "a", Listed: b.flag("listed"), Agreed: b.flag("agreed"), Paused: pick(b, "paused", []string{"", "401"}),
			Foreign: 3, PausedAt: b.time("paused since"), RetryAt: b.time("retry"),
		}
		return told(a, func(tx everything, a provision.AppState) (any, error) { return nothing(tx.PutApp(b.ctx, a)) })
	},
	"MarkApp": func(b *both) write {
		return told(pick(b, "app", apps), func(tx everything, app string) (any, error) { return nothing(tx.MarkApp(b.ctx, app)) })
	},
	"ResetApp": func(b *both) write {
		return told(pick(b, "app", apps), func(tx everything, app string) (any, error) { return nothing(tx.ResetApp(b.ctx, app)) })
	},
	"Unpark": func(b *both) write {
		last := pick(b, "last", results)
		return told(pick(b, "app", apps), func(tx everything, app string) (any, error) { return nothing(tx.Unpark(b.ctx, app, last)) })
	},
	"DropForeign": func(b *both) write {
		app := pick(b, "app", apps)
		return told(b.list("ids", remotes), func(tx everything, ids []string) (any, error) { return nothing(tx.DropForeign(b.ctx, app, ids)) })
	},
	"PutForeign": func(b *both) write {
		app := pick(b, "app", apps)
		return told(several(b, "accounts", b.foreign), func(tx everything, f []provision.Foreign) (any, error) { return nothing(tx.PutForeign(b.ctx, app, f)) })
	},
	"Wake": func(b *both) write {
		at := b.time("now")
		return told(pick(b, "app", apps), func(tx everything, app string) (any, error) { return nothing(tx.Wake(b.ctx, app, at)) })
	},
	"Doubt": func(b *both) write {
		app := pick(b, "app", apps)
		return told(b.list("people", people), func(tx everything, of []string) (any, error) { return nothing(tx.Doubt(b.ctx, app, of)) })
	},
	"MarkPeople": func(b *both) write {
		app := pick(b, "app", apps)
		return told(b.list("people", people), func(tx everything, of []string) (any, error) { return nothing(tx.MarkPeople(b.ctx, app, of)) })
	},
	"MarkTeams": func(b *both) write {
		app := pick(b, "app", apps)
		return told(b.list("teams", []string{teams[0].ID, teams[1].ID}), func(tx everything, of []string) (any, error) { return nothing(tx.MarkTeams(b.ctx, app, of)) })
	},
	"PutAccounts": func(b *both) write {
		return told(several(b, "accounts", b.account), func(tx everything, a []provision.Account) (any, error) { return nothing(tx.PutAccounts(b.ctx, a)) })
	},
	"ClearMarks": func(b *both) write {
		app := pick(b, "app", apps)
		marks := several(b, "marks", func() provision.Mark { return b.mark(app, pick(b, "person", people)) })
		return told(marks, func(tx everything, m []provision.Mark) (any, error) { return nothing(tx.ClearMarks(b.ctx, app, m)) })
	},
	"PutEdges": func(b *both) write {
		app, journal := pick(b, "app", apps), rapid.Int64Range(provision.Unsure, 4).Draw(b.T, "journal")
		return told([][]provision.Edge{several(b, "add", b.edge), several(b, "remove", b.edge)}, func(tx everything, e [][]provision.Edge) (any, error) {
			return nothing(tx.PutEdges(b.ctx, app, e[0], e[1], journal))
		})
	},
	"PutGroups": func(b *both) write {
		groups := several(b, "groups", func() provision.Group {
			return provision.Group{App: pick(b, "app", apps), Team: pick(b, "team", teams).ID, RemoteID: pick(b, "remote", remotes), Name: "n", Standing: b.standing("", "")}
		})
		return told(groups, func(tx everything, g []provision.Group) (any, error) { return nothing(tx.PutGroups(b.ctx, g)) })
	},
	"PutIntents": func(b *both) write {
		return told(several(b, "intents", b.intent), func(tx everything, in []*provision.Intent) (any, error) {
			err := tx.PutIntents(b.ctx, 1, in)
			var ids []int64
			for _, i := range in {
				ids = append(ids, i.ID)
			}
			return ids, err
		})
	},
	"PutOutcomes": func(b *both) write {
		outcomes := several(b, "outcomes", func() provision.Outcome {
			return provision.Outcome{
				Intent: &provision.Intent{ID: rapid.Int64Range(1, 4).Draw(b.T, "id"), Attempt: 1}, Result: pick(b, "result", results), Remote: pick(b, "remote", remotes),
				Status: 200, Detail: "d", At: start, Verified: b.flag("verified"), Elapsed: time.Second,
			}
		})
		return told(outcomes, func(tx everything, o []provision.Outcome) (any, error) { return nothing(tx.PutOutcomes(b.ctx, o)) })
	},
	"Confirm": func(b *both) write {
		ids := several(b, "entries", func() int64 { return rapid.Int64Range(1, 4).Draw(b.T, "id") })
		return told(ids, func(tx everything, of []int64) (any, error) { return nothing(tx.Confirm(b.ctx, of)) })
	},
	"PutHolds": func(b *both) write {
		door, app := pick(b, "door", []string{"plan", "directory:absent"}), pick(b, "app", []string{"", "crm", "erp"})
		return told(several(b, "holds", b.hold), func(tx everything, h []provision.Hold) (any, error) { return nothing(tx.PutHolds(b.ctx, door, app, h)) })
	},
	"AddPassed": func(b *both) write {
		app, cause := pick(b, "app", apps), pick(b, "cause", causes)
		return told(rapid.IntRange(1, 3).Draw(b.T, "n"), func(tx everything, n int) (any, error) { return nothing(tx.AddPassed(b.ctx, app, cause, n)) })
	},
	"PutFindings": func(b *both) write {
		findings := several(b, "findings", func() provision.Finding {
			return provision.Finding{App: pick(b, "app", apps), Attribute: pick(b, "attribute", []string{"title", "active"}), What: pick(b, "what", namesGiven), Person: "p0", Journal: 1}
		})
		return told(findings, func(tx everything, f []provision.Finding) (any, error) { return nothing(tx.PutFindings(b.ctx, f)) })
	},
	"DropFindings": func(b *both) write {
		app := pick(b, "app", apps)
		return told(b.list("attributes", []string{"title", "active"}), func(tx everything, of []string) (any, error) { return nothing(tx.DropFindings(b.ctx, app, of...)) })
	},
	"TakeLease": func(b *both) write {
		args, until := []string{pick(b, "app", apps), pick(b, "holder", namesGiven)}, b.time("until")
		return told(args, func(tx everything, a []string) (any, error) {
			l, ok, err := tx.TakeLease(b.ctx, a[0], a[1], until)
			return fmt.Sprint(l, ok), err
		})
	},
	"DropLease": func(b *both) write {
		l := provision.Lease{App: pick(b, "app", apps), Fence: rapid.Int64Range(1, 2).Draw(b.T, "fence")}
		return told(l, func(tx everything, l provision.Lease) (any, error) { return nothing(tx.DropLease(b.ctx, l)) })
	},
}
