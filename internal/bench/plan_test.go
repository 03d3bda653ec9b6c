// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// BenchmarkPlan plans everybody at every app, each expression evaluated anew,
// where nothing differs: the planner alone, without a store.
func BenchmarkPlan(b *testing.B) {
	people, apps := size(100_000, 200), size(30, 3)
	w := newWorld(b, 1)
	w.groups, w.memberships, w.apps = 25, 1, nil
	for i := range apps {
		w.apps = append(w.apps, fmt.Sprintf("app%d", i))
	}
	w.write(b)
	built := w.build(b, true)
	now := time.Now()
	subjects, groups := staff(b, people, provision.NewPlanner(built.Targets[0], built.Schemas, now))
	for b.Loop() {
		var g errgroup.Group
		for _, t := range built.Targets {
			g.Go(func() error {
				p := provision.NewPlanner(t, built.Schemas, now)
				for i := range subjects {
					ops, err := p.Subject(subjects[i], groups)
					if err != nil || len(ops) > 0 {
						return fmt.Errorf("%d operations: %w", len(ops), err)
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	each := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(each, "s/plan")
	b.ReportMetric(float64(people*apps)/each, "accounts/s")
}

// staff are people whose accounts hold what they must.
func staff(b *testing.B, n int, p *provision.Planner) ([]provision.Subject, map[string]provision.Group) {
	b.Helper()
	out, groups := make([]provision.Subject, n), map[string]provision.Group{}
	for i := range out {
		user := scim.NewResource(scim.UserURN)
		department := fmt.Sprintf("T1-%d", i%25)
		for path, v := range map[string]string{
			"userName": fmt.Sprintf("given%d.family%d@acme.example", i, i%977), "name.givenName": fmt.Sprintf("given%d", i),
			"name.familyName": fmt.Sprintf("family%d", i%977), "displayName": fmt.Sprintf("given%d family%d", i, i%977), "title": "Engineer",
			scim.EnterpriseUserURN + ":employeeNumber": fmt.Sprint(i), scim.EnterpriseUserURN + ":department": department,
		} {
			at, err := scim.CoreSchemas().ParsePath(path)
			if err != nil {
				b.Fatal(err)
			}
			if err := user.Put(at, scim.String(v)); err != nil {
				b.Fatal(err)
			}
		}
		id := directory.Key{Source: "hr", ID: fmt.Sprint(i)}.PersonID()
		team := directory.Team{ID: directory.TeamID("t1", department), Rule: "t1", Value: department, Name: department}
		groups[team.ID] = provision.Group{Team: team.ID, RemoteID: team.ID, Name: team.Name}
		s := provision.Subject{
			Person: &directory.Person{ID: id, State: directory.Active, User: user, Revision: 1}, Teams: []directory.Team{team},
			Members: map[string]bool{},
		}
		sent, failures := p.Target.Mapping.Apply(mapping.Input{Person: user, PersonID: id})
		if len(failures) > 0 {
			b.Fatal(failures)
		}
		sent.SetExternalID(id)
		s.Members[team.ID] = true
		s.Account = provision.Account{Person: id, RemoteID: id, State: provision.Live, Sent: sent}
		out[i] = s
	}
	return out, groups
}
