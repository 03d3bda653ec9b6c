// SPDX-License-Identifier: Apache-2.0

package githubapp_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/scim"
)

// TestSequence: whatever people, owners and the network do between, everybody who is to be
// there is a member or invited, in the teams that they are to be in and no others, nobody
// who has left is, and whoever was there before is as they were.
func TestSequence(t *testing.T) {
	t.Parallel()
	key() // whose making is no matter of the bubble
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // without a deadline, which a bubble has none of
			sequence(t, rt)
		})
	})
}

// one is a person of a sequence.
type one struct {
	login string
	id    string // of the account, as the engine knows it
	in    bool
	teams []string
}

func sequence(t *testing.T, rt *rapid.T) {
	r := newRig(t, nil)
	r.org.PutMember(r.org.PutUser("zoe"), "member")
	var teams []string
	for _, name := range []string{"A", "B"} {
		teams = append(teams, r.must(r.app.Create(t.Context(), app.KindGroup, apptest.Team("t"+name, name))).Resource.ID())
	}
	people := make([]*one, 2)
	for i := range people {
		people[i] = &one{login: fmt.Sprint("p", i)}
		r.org.PutUser(people[i].login)
	}
	r.org.SetFaults(fake.Seeded(rapid.Uint64().Draw(rt, "seed"), 0.2, 0.5, fake.ServerError, fake.Reset, fake.BadGateway, fake.TooMany))
	for range rapid.IntRange(1, 5).Draw(rt, "steps") {
		for _, p := range people {
			p.in = rapid.IntRange(0, 3).Draw(rt, "in") > 0
			p.teams = nil
			for _, id := range teams {
				if p.in && rapid.Bool().Draw(rt, "team") {
					p.teams = append(p.teams, id)
				}
			}
			switch rapid.IntRange(0, 4).Draw(rt, "event") {
			case 0, 1:
				_ = r.org.Accept(p.login) // whoever can
			case 2:
				r.org.Rename(p.login, p.login+"x")
				p.login += "x" // which the source knows of
			case 3:
				if rapid.IntRange(0, 3).Draw(rt, "age") == 0 {
					r.org.Age(8 * 24 * time.Hour)
				}
			}
		}
		for _, p := range people {
			p.drive(rt, r, teams)
		}
		for _, p := range people {
			p.right(rt, r, teams)
		}
	}
	if z := r.org.Members()["zoe"]; z.Role != "member" || len(z.Teams) != 0 {
		rt.Fatalf("%+v", z)
	}
}

// drive is an engine in small: it looks, does what is missing, and looks again.
func (p *one) drive(rt *rapid.T, r *rig, teams []string) {
	known := apptest.Set("userName", p.login)
	for range 80 {
		done, err := p.step(r, known, teams)
		switch e := app.Classify(err); {
		case err == nil && done:
			return
		case err == nil, e.Class == app.NotFound, e.Class == app.Ambiguous, e.Class == app.Retry, e.Class == app.Unreachable, e.Class == app.Precondition:
		case e.Class == app.Conflict:
			if hits, _, err := r.app.Find(r.Context(), app.KindUser, scim.MustPath("userName"), p.login); err == nil && len(hits) > 0 {
				p.id = hits[0].ID()
			}
		case strings.Contains(e.Error(), "invitations were not accepted"):
			return
		default:
			rt.Fatalf("%s: %v", p.login, err)
		}
	}
	rt.Fatalf("%s does not get there", p.login)
}

func (p *one) step(r *rig, known scim.Change, teams []string) (done bool, err error) {
	var seen *scim.Resource
	if p.id != "" {
		ans, err := r.app.Get(r.Context(), app.KindUser, p.id)
		if e, _ := errors.AsType[*app.Error](err); e != nil && e.Class == app.NotFound {
			p.id = ""
		} else if err != nil {
			return false, err
		}
		seen = ans.Resource
	}
	switch {
	case !p.in && p.id == "":
		return true, nil
	case !p.in:
		return false, r.delete(p.id)
	case p.id == "":
		ans, err := r.app.Create(r.Context(), app.KindUser, apptest.Person("userName", p.login))
		if err == nil {
			p.id = ans.Resource.ID()
		}
		return false, err
	}
	if v, _ := seen.At(known.Path); !v.Equal(known.After) {
		_, err := r.app.Patch(r.Context(), app.KindUser, p.id, []scim.Change{known}, nil)
		return false, err
	}
	for _, id := range teams {
		ans, err := r.app.Get(r.Context(), app.KindGroup, id)
		if err != nil {
			return false, err
		}
		is, want := slices.Contains(ans.Resource.Members(), p.id), slices.Contains(p.teams, id)
		if is == want {
			continue
		}
		add, remove := []string{p.id}, []string(nil)
		if is {
			add, remove = remove, add
		}
		if _, err := r.app.ChangeMembers(r.Context(), id, add, remove); err != nil {
			return false, err
		}
	}
	return true, nil
}

// right compares the organization with what is wished for.
func (p *one) right(rt *rapid.T, r *rig, teams []string) {
	m, member := r.org.Members()[p.login]
	i, invited := r.org.Invitations()[p.login]
	switch {
	case !p.in && (member || invited):
		rt.Fatalf("%s has left: %+v %+v", p.login, m, i)
	case member && invited:
		rt.Fatalf("%s is there, and invited", p.login)
	case !p.in || !member && !invited: // with those whose invitations are used up
		return
	case invited:
		m = i
	}
	var want []string
	for n, id := range teams {
		if slices.Contains(p.teams, id) {
			want = append(want, string(rune('A'+n)))
		}
	}
	if !slices.Equal(m.Teams, want) {
		rt.Fatalf("%s is in %v, want %v", p.login, m.Teams, want)
	}
}
