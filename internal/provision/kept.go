// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"encoding/hex"
	"sync"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// Finding is an attribute that an app accepts with success and does not keep
// as it was sent. It is not sent again for that: the app would only ignore it
// once more.
type Finding struct {
	App       string
	Attribute string
	What      string // for people
	Person    string // with whom it was seen first
	Journal   int64  // the request
}

// FindingTx keeps what apps were found to do.
type FindingTx interface {
	// Findings returns what an app was found to do, by attribute.
	Findings(ctx context.Context, app string) (map[string]Finding, error)
	PutFindings(ctx context.Context, findings []Finding) error
	// DropFindings forgets some, or all of an app with no attribute given.
	DropFindings(ctx context.Context, app string, attributes ...string) error
}

// keeping compares what apps answer with what was sent. Its senders share it.
type keeping struct {
	schemas *scim.SchemaSet
	paths   []scim.Path // mapped attributes

	mu      sync.Mutex
	known   map[string]Finding
	asked   map[string]bool // attributes that are read back already, in this run
	sampled bool            // an answer without a body has been read back in this run
}

// shown is what an answer tells of the attributes that were sent.
type shown struct {
	lost []Finding // accepted, and not there: not known before
	kept []string  // known as lost, and there now
	read bool      // the account was read back
}

// sampleOf is how many of 256 answers without a body are read back.
const sampleOf = 3

// check compares the answer to a create or an update with what was sent. What
// differs is read back once, as an answer may leave attributes out; so are
// privileged changes, and a sample of what is answered without a body. An app
// that takes its time to show what it holds is believed.
func (k *keeping) check(ctx context.Context, a app.App, in *Intent, remote string, ans *scim.Resource) shown {
	var s shown
	if in.Kind != Create && in.Kind != Update || a.Profile().Settle > 0 {
		return s
	}
	want, paths := k.sent(in.Ops[0])
	if len(paths) == 0 {
		return s
	}
	if ans == nil && !k.sample(in.Ops[0]) && !privilegedPaths(paths) {
		return s
	}
	differing := paths
	if ans != nil {
		if differing = k.differing(paths, ans, want); len(differing) == 0 && !privilegedPaths(paths) {
			s.kept = k.again(in.Kind, paths, want, nil)
			return s
		}
		if !k.ask(differing) && !privilegedPaths(paths) {
			return s
		}
	}
	back, err := a.Get(ctx, app.KindUser, remote)
	if err != nil { // nothing is concluded
		return s
	}
	s.read = true
	lost := k.differing(differing, back.Resource, want)
	s.kept = k.again(in.Kind, paths, want, lost)
	for _, p := range k.unknown(lost) {
		v, _ := want.At(p)
		s.lost = append(s.lost, Finding{
			App: in.App, Attribute: p.String(), What: unkept(p, v, back.Resource), Person: in.Person, Journal: in.ID,
		})
	}
	return s
}

// sent is the account that an operation asks for, and where it says so.
func (k *keeping) sent(o *Op) (*scim.Resource, []scim.Path) {
	if o.Kind == Create {
		want := o.user.Clone()
		want.SetActive(true)
		return want, append(k.paths[:len(k.paths):len(k.paths)], activePath)
	}
	want := scim.NewResource(scim.UserURN)
	paths := make([]scim.Path, 0, len(o.changes))
	for _, c := range o.changes {
		if c.Path.Equal(activePath) { // which is read back by itself
			continue
		}
		_ = want.Put(c.Path, c.After) // a path that was planned can be written
		paths = append(paths, c.Path)
	}
	return want, paths
}

// differing are the paths at which seen is not as wanted. What is never
// returned tells nothing.
func (k *keeping) differing(paths []scim.Path, seen, want *scim.Resource) []scim.Path {
	var out []scim.Path
	for _, c := range scim.Diff(k.schemas, scim.UserURN, paths, seen, want) {
		a, _ := k.schemas.Lookup(scim.UserURN, c.Path)
		if a.Returned != scim.ReturnedNever && a.Mutability != scim.WriteOnly {
			out = append(out, c.Path)
		}
	}
	return out
}

// ask reports whether one of the paths is worth a look: what many accounts show
// at once is read back once.
func (k *keeping) ask(paths []scim.Path) bool {
	fresh := k.unknown(paths)
	k.mu.Lock()
	defer k.mu.Unlock()
	worth := false
	for _, p := range fresh {
		worth = worth || !k.asked[p.String()]
		k.asked[p.String()] = true
	}
	return worth
}

func (k *keeping) unknown(paths []scim.Path) []scim.Path {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []scim.Path
	for _, p := range paths {
		if _, ok := k.known[p.String()]; !ok {
			out = append(out, p)
		}
	}
	return out
}

// again are the attributes that were known as lost and are there now. What was
// sent without a value shows only whether a removal is heeded, and what was sent
// with one only whether it is kept.
func (k *keeping) again(kind Kind, paths []scim.Path, want *scim.Resource, lost []scim.Path) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) == 0 {
		return nil
	}
	gone := map[string]bool{}
	for _, p := range lost {
		gone[p.String()] = true
	}
	var out []string
	for _, p := range paths {
		f, ok := k.known[p.String()]
		if !ok || gone[p.String()] {
			continue
		}
		if v, _ := want.At(p); v.IsUnassigned() == (f.What == unremoved) && (kind == Update || !v.IsUnassigned()) {
			out = append(out, p.String())
		}
	}
	return out
}

// sample picks the first of a run, and a few by chance that follows from the
// operation, so that a run is repeatable.
func (k *keeping) sample(o *Op) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.sampled {
		k.sampled = true
		return true
	}
	b, err := hex.DecodeString(o.ID[:2])
	return err == nil && b[0] < sampleOf
}

func privilegedPaths(paths []scim.Path) bool {
	for _, p := range paths {
		if p.Attr == "roles" || p.Attr == "entitlements" {
			return true
		}
	}
	return false
}

const unremoved = "the app answers with success and keeps it although it was removed"

// unkept says for people what an app made of an attribute. The values may be
// personal, and stay out.
func unkept(p scim.Path, want scim.Value, seen *scim.Resource) string {
	_, there := seen.At(p)
	switch {
	case want.IsUnassigned():
		return unremoved
	case there:
		return "the app answers with success and keeps another value than was sent"
	}
	return "the app answers with success and does not show it afterwards: it ignores it, or never returns it"
}

// notice writes down what an answer told of attributes, each thing once.
func (w *writing) notice(o *Outcome) {
	k := w.r.keeping
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range o.Shown.lost {
		if _, ok := k.known[f.Attribute]; ok {
			continue
		}
		k.known[f.Attribute] = f
		w.findings = append(w.findings, f)
		w.events = append(w.events, audit.Event{
			At: w.now, Kind: "attribute.not_kept", Actor: w.r.actor, Person: f.Person, App: f.App, Object: f.Attribute, Why: f.What,
		})
	}
	for _, attribute := range o.Shown.kept {
		f, ok := k.known[attribute]
		if !ok {
			continue
		}
		delete(k.known, attribute)
		w.mended = append(w.mended, attribute)
		w.events = append(w.events, audit.Event{
			At: w.now, Kind: "attribute.kept", Actor: w.r.actor, Person: o.Intent.Person, App: f.App, Object: attribute,
			Why: "the app keeps it as it is sent",
		})
	}
}
