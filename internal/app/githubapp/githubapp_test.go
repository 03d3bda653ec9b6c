// SPDX-License-Identifier: Apache-2.0

package githubapp_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/githubapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/scim"
)

// TestLoginsThatChange: whoever has a login is not who had it. Nobody is removed, invited or
// taken over by a login that has become another's, and what is wrong with it is told.
func TestLoginsThatChange(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.join()
	r.org.Rename(login, "lovelace")
	stranger := r.org.PutUser(login)
	r.org.PutMember(stranger, "member")
	if u := r.must(r.app.Get(t.Context(), app.KindUser, id)).Resource; u.UserName() != "lovelace" {
		t.Errorf("%s", u.UserName())
	}
	_, err := r.app.Patch(t.Context(), app.KindUser, id, []scim.Change{apptest.Set("userName", login)}, nil)
	r.fails(err, app.Terminal, "is called lovelace at GitHub")
	r.must(r.app.Patch(t.Context(), app.KindUser, id, []scim.Change{apptest.Set("userName", "Lovelace")}, nil))

	// The login changes between the look at it and what follows.
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/memberships/lovelace") {
			r.org.Rename("lovelace", "countess")
			r.org.Rename(login, "lovelace")
		}
		return nil
	})
	r.fails(r.delete(id), app.Precondition, "another account's")
	r.way.Before(nil)
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	if m := r.org.Members(); len(m) != 2 || m["lovelace"].ID != stranger {
		t.Errorf("%v", m)
	}
	_, err = r.app.Get(t.Context(), app.KindUser, id)
	r.fails(err, app.NotFound)
}

// TestWhoIsNotInvited: nobody is invited who is there, who is no person, or whom GitHub does
// not know; and an owner stays one.
func TestWhoIsNotInvited(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	create := func(pairs ...string) error {
		_, err := r.app.Create(t.Context(), app.KindUser, apptest.Person(pairs...))
		return err
	}
	r.fails(create("userName", "nobody"), app.Terminal, "there is no account nobody")
	r.fails(create("userName", "ada@acme.example"), app.Terminal, "no login")
	r.fails(create("userName", "../owner"), app.Terminal, "no login")
	r.fails(create("userName", "owner"), app.Conflict, "already, active")
	r.fails(create("userName", "owner", `roles[type eq "organization"].value`, "admin"), app.Terminal, "owners: manage")
	hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "OWNER")
	if err != nil || len(hits) != 1 || hits[0].UserName() != "owner" {
		t.Fatalf("%v %v", hits, err)
	}
	role, _ := hits[0].At(scim.MustPath(`roles[type eq "organization"].value`))
	if s, _ := role.AsString(); s != "admin" {
		t.Errorf("the role is %q", s)
	}
	r.fails(r.delete(hits[0].ID()), app.Terminal, "owner is an owner of the organization, and is left in")
	for _, id := range []string{"", "x", "-1", "invited-1", "99999999999999999999"} {
		if _, err := r.app.Get(t.Context(), app.KindUser, id); app.Classify(err).Class != app.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	if n := len(r.org.Ledger()); n != 0 {
		t.Errorf("%v", r.org.Ledger())
	}
}

// TestOwners: where owners are managed, somebody is made one and a member again, and the
// last one stays, told with the reason.
func TestOwners(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *githubtest.Config, c *githubapp.Config) { c.Owners = config.OwnersManage })
	id := r.join()
	for _, role := range []string{"admin", "member", "admin"} {
		r.must(r.app.Patch(t.Context(), app.KindUser, id, []scim.Change{apptest.Set(`roles[type eq "organization"].value`, role)}, nil))
		if is := r.org.Members()[login].Role; is != role {
			t.Errorf("%s, want %s", is, role)
		}
	}
	r.org.Leave("owner")
	r.fails(r.delete(id), app.Terminal, "the owner "+login+" stays", "last owner")
	r.org.PutMember(r.org.PutUser("heir"), "admin")
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	r.gone(id)
}

// TestLeavesBeforeAccepting: an invitation is cancelled, also one that is accepted in this
// very moment, and one that has failed leaves nothing.
func TestLeavesBeforeAccepting(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.org.PutUser(login)
	id := r.invite()
	if err := errors.Join(r.delete(id), r.delete(id)); err != nil {
		t.Error(err)
	}
	r.gone(id)
	id = r.invite()
	r.org.Age(7 * 24 * time.Hour)
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	r.gone(id)
	id = r.invite()
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodDelete {
			_ = r.org.Accept(login)
		}
		return nil
	})
	err := r.delete(id)
	r.way.Before(nil)
	if err != nil {
		t.Error(err)
	}
	r.gone(id)
}

// TestDepartureIsReadBack: a removal without effect is found, and one whose answer is lost
// is known to have happened.
func TestDepartureIsReadBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.join()
	const path = "/orgs/{org}/memberships/{login}"
	r.org.SetFaults(fake.Rules(fake.Rule{Method: "DELETE", Path: path, Fault: fake.Fault{Kind: fake.NoEffect}}))
	r.fails(r.delete(id), app.Precondition, "still active")
	r.org.SetFaults(fake.Rules(fake.Rule{Method: "DELETE", Path: path, Fault: fake.Fault{Kind: fake.AnswerLost}}))
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	r.org.SetFaults(nil)
	r.gone(id)

	// We are asked to wait, by 403, before it is known: that is no refusal.
	if id = r.invite(); r.org.Accept(login) != nil {
		t.Fatal("not accepted")
	}
	r.org.SetFaults(fake.Rules(fake.Rule{Path: "/orgs/{org}/installation", Fault: fake.Fault{Kind: fake.TooMany}}))
	r.fails(r.delete(id), app.Retry, "whether the member is out is not known")
	r.org.SetFaults(nil)
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	r.gone(id)
}

// TestDepartureSendsAllOfIt: a departure ends the membership and the invitation, whatever of
// both is shown while it looks, and nobody is taken for gone who may be the one that an
// invitation is for.
func TestDepartureSendsAllOfIt(t *testing.T) {
	t.Parallel()
	first := func(method, end string, then func(*rig) error) func(*rig) { // time that it is asked for
		return func(r *rig) {
			done := false
			r.way.Before(func(req *http.Request) error {
				if !done && req.Method == method && strings.HasSuffix(req.URL.Path, end) {
					done = true
					return then(r)
				}
				return nil
			})
		}
	}
	accept := func(r *rig) error {
		_ = r.org.Accept(login) // if it is not cancelled by then
		return nil
	}
	for what, with := range map[string]func(*rig){
		"accepted before the list of invitations": first(http.MethodGet, "/invitations", accept),
		"accepted before the membership is read":  first(http.MethodGet, "/memberships/"+login, accept),
		"accepted before the list of the failed":  first(http.MethodGet, "/failed_invitations", accept),
		"the membership is not shown yet": func(r *rig) {
			r.org.SetFaults(fake.Rules(fake.Rule{Method: "GET", Path: "/orgs/{org}/memberships/{login}", Times: 1, Fault: fake.Fault{Kind: fake.NotFound}}))
		},
	} {
		for _, failedOnce := range []bool{false, true} {
			t.Run(fmt.Sprint(what, failedOnce), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, nil)
				r.org.PutUser(login)
				id := r.invite()
				if failedOnce {
					r.org.Age(7 * 24 * time.Hour)
					r.must(r.app.Patch(t.Context(), app.KindUser, id, []scim.Change{apptest.Set("userName", login)}, nil))
				}
				with(r)
				err := r.delete(id)
				r.way.Before(nil)
				if r.org.SetFaults(nil); err != nil {
					t.Error(err)
				}
				r.gone(id)
			})
		}
	}

	r := newRig(t, nil)
	r.org.PutUser(login)
	id := r.invite()
	r.org.Hide(login)
	_, err := r.app.Get(t.Context(), app.KindUser, id)
	r.fails(err, app.Terminal, "an account that it does not show, "+login)
	r.fails(r.delete(id), app.Terminal, "cancel it in GitHub")
	if err := r.org.Accept(login); err != nil {
		t.Fatal(err)
	}
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	r.gone(id)
}

// TestOrganizationIsGone: what is not found below the name of an organization is nobody's
// absence while the organization itself is not seen. A leaver is not told out of one that
// was renamed; and the reason is told.
func TestOrganizationIsGone(t *testing.T) {
	t.Parallel()
	renamed := func(r *rig) { r.org.RenameOrg("acme-corp") }
	noList := func(r *rig) {
		r.org.SetFaults(fake.Rules(fake.Rule{Path: "/orgs/{org}/failed_invitations", Fault: fake.Fault{Kind: fake.NotFound}}))
	}
	for what, tt := range map[string]struct {
		with  func(*rig)
		class app.Class
		says  string
	}{
		"renamed": {renamed, app.Unauthorized, "its new name if it was renamed"},
		"no list": {noList, app.Ambiguous, "the organization is there, and its list is not"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			ctx := t.Context()
			id := r.join()
			never := strconv.FormatInt(r.org.PutUser("never"), 10)
			flagged := strconv.FormatInt(r.org.PutUser("flagged"), 10)
			r.org.Hide("flagged")
			tt.with(r)
			of := []string{never}
			if what == "renamed" {
				of = append(of, id, flagged)
			}
			for _, id := range of {
				_, err := r.app.Get(ctx, app.KindUser, id)
				r.fails(err, tt.class, tt.says)
				if err := r.delete(id); app.Classify(err) == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v", err)
				}
			}
			if what == "renamed" {
				_, _, err := r.app.Find(ctx, app.KindUser, scim.MustPath("userName"), login)
				r.fails(err, tt.class, tt.says)
				for _, err := range r.app.List(ctx, app.KindUser, false) {
					r.fails(err, tt.class, tt.says)
				}
			}
			if _, in := r.org.Members()[login]; !in {
				t.Error("is out")
			}
		})
	}

	// It is renamed between the removal and the look at what came of it.
	r := newRig(t, nil)
	id := r.join()
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodDelete {
			r.org.RenameOrg("acme-corp")
		}
		return nil
	})
	r.fails(r.delete(id), app.Unauthorized, "whether the member is out is not known")

	// Its app is suspended: that is told as it is, and as everybody's.
	r = newRig(t, nil)
	id = r.join()
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodDelete {
			r.org.Suspend(true)
		}
		return nil
	})
	r.fails(r.delete(id), app.Unauthorized, "suspended in acme")
}

// TestTeams: a team is known by its id, carries whose it is, and holds those who were put
// there, those who have not accepted too; who maintains it stays a maintainer.
func TestTeams(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	g := r.must(r.app.Create(ctx, app.KindGroup, apptest.Team("t1", "R&D"))).Resource
	if g.ExternalID() != "t1" {
		t.Errorf("%q", g.ExternalID())
	}
	_, err := r.app.Create(ctx, app.KindGroup, apptest.Team("t2", "r d"))
	r.fails(err, app.Conflict, "unique")
	r.org.PutUser(login)
	id := r.invite()
	member := func(in bool) {
		t.Helper()
		for range 2 {
			add, remove := []string{id}, []string(nil)
			if !in {
				add, remove = remove, add
			}
			r.must(r.app.ChangeMembers(ctx, g.ID(), add, remove))
		}
		if got := r.members(g.ID()); slices.Contains(got, id) != in {
			t.Errorf("%v, want %s: %t", got, id, in)
		}
	}
	r.org.InviteMail("eve@acme.example", "R&D") // by an owner, who is nobody of ours
	member(true)
	member(false)
	member(true)
	if got := r.members(g.ID()); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if err := r.org.Accept(login); err != nil {
		t.Fatal(err)
	}
	r.org.SetTeamRole("R&D", login, "maintainer")
	g = r.must(r.app.Patch(ctx, app.KindGroup, g.ID(), []scim.Change{apptest.Set("displayName", "Research")}, nil)).Resource
	member(true)
	if role := r.org.TeamRole("Research", login); role != "maintainer" {
		t.Errorf("%q", role)
	}
	r.org.PutTeam("Below", false, 0, r.org.Members()["owner"].ID)
	hits, _, err := r.app.Find(ctx, app.KindGroup, scim.MustPath("displayName"), "research")
	if err != nil || len(hits) != 1 || hits[0].ID() != g.ID() {
		t.Errorf("%v %v", hits, err)
	}
	n := 0
	for _, err := range r.app.List(ctx, app.KindGroup, false) {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 2 {
		t.Errorf("%d teams", n)
	}
	member(false)
	if err := r.delete(id); err != nil {
		t.Error(err)
	}
	_, err = r.app.ChangeMembers(ctx, g.ID(), []string{id}, nil)
	r.fails(err, app.NotFound)
	r.must(r.app.ChangeMembers(ctx, g.ID(), nil, []string{id}))
}

// TestNothingElse: what is not a membership is not written.
func TestNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.join()
	for _, path := range []string{"displayName", "name.givenName", mail, "title"} {
		_, err := r.app.Patch(t.Context(), app.KindUser, id, []scim.Change{apptest.Set(path, "x")}, nil)
		r.fails(err, app.Terminal, "an account is its owner's")
	}
	errs, lacking, _ := githubapp.Check([]scim.Path{scim.MustPath("userName"), scim.MustPath(mail), scim.MustPath("title")})
	if errs[0] != nil || errs[1] == nil || errs[2] == nil || lacking != "" {
		t.Errorf("%v %s", errs, lacking)
	}
	if _, lacking, roles := githubapp.Check([]scim.Path{scim.MustPath(`roles[type eq "organization"].value`)}); lacking == "" || !roles {
		t.Error("nobody is known by a role")
	}
	p := r.app.Profile()
	if p.ID != "github-teams" || p.AppType != config.AppGitHub || p.CanDelete() != true || p.DeactivateLeaves != app.LeavesNothing || fmt.Sprint(r.app) != "githubapp(github(https://api.github.com#acme))" {
		t.Errorf("%+v %v", p, r.app)
	}
}
