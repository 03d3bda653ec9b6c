// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
)

// An app may be the records of a source, as an HR system has them (Target.Source): they
// are there before us, and the source alone makes and ends them. A person's account is
// then the record by whose key the source knows them. It is looked up by that and nothing
// else, changed, and never made, disabled or deleted: whoever leaves is let go, which is a
// change of what we keep, and of nothing at the source.

// RecordKey is by what a source knows a person.
type RecordKey struct {
	ID  string
	End time.Time // usher.endDate, zero when there is none
}

// byRecord is how a sighting by the source's own key is called.
const byRecord = "record"

// mostKeys is how many keys a reason names.
const mostKeys = 3

// key is by what the target's source knows somebody, "" if it does not, or did until they
// left. Of several records the one counts that is the account already.
func (p *Planner) key(s Subject) (string, error) {
	var keys []string
	for _, r := range s.Records {
		if r.End.IsZero() || r.End.After(p.Now) {
			keys = append(keys, r.ID)
		}
	}
	switch {
	case len(keys) == 0:
		return "", nil
	case len(keys) == 1:
		return keys[0], nil
	case slices.Contains(keys, s.Account.RemoteID):
		return s.Account.RemoteID, nil
	}
	slices.Sort(keys)
	named := strings.Join(keys[:min(len(keys), mostKeys)], ", ")
	return "", &Failed{s.Person.ID, fmt.Sprintf("source %s has %d records of this person (%s), and which of them is meant cannot be told: end all but one there", p.Target.Source, len(keys), named)}
}

// ended says that somebody has records in the target's source, and that all of them have ended.
func (p *Planner) ended(s Subject) bool {
	key, err := p.key(s)
	return err == nil && key == "" && len(s.Records) > 0
}

// foreignTo says why somebody has no record in the target's source, "" if they have one.
func (p *Planner) foreignTo(s Subject) (string, error) {
	key, err := p.key(s)
	switch {
	case err != nil || key != "":
		return "", err
	case len(s.Records) > 0:
		return "the record in source " + p.Target.Source + " has ended: it is left as it is", nil
	}
	return "not of source " + p.Target.Source + ": there is no record to write to", nil
}

// NotOfSource says why somebody has no record in the target's source, "" if they have one
// or the target is no source's records.
func (p *Planner) NotOfSource(s Subject) string {
	if p.Target.Source == "" {
		return ""
	}
	why, err := p.foreignTo(s)
	if err != nil {
		return err.Error()
	}
	return why
}

// letsGo says why a record that was somebody's account is theirs no more, "" if it still
// is. again tells that they have another one by now.
func (p *Planner) letsGo(s Subject) (why string, again bool) {
	a := s.Account
	if p.Target.Source == "" || a.State != Live && a.State != Disabled || s.Person.State == directory.Missing {
		return "", false
	}
	wanted, _, why, err := p.wanted(s)
	switch {
	case err != nil, !wanted && s.Person.Held() && p.ended(s): // which is what waits
		return "", false
	case !wanted:
		return "the record is left as it is: " + why, false
	}
	if key, err := p.key(s); err == nil && key != a.RemoteID {
		return "the person is another record of source " + p.Target.Source + " by now", true
	}
	return "", false
}

// letGo forgets an account that is a record of a source. Nothing is sent.
func (r *run) letGo(s Subject, why string) (Account, audit.Event) {
	a := s.Account
	e := audit.Event{At: time.Now(), Kind: "account.released", Actor: r.actor, Person: s.Person.ID, App: a.App, Object: a.RemoteID, Why: why}
	a.RemoteID, a.Sent, a.State, a.Since = "", nil, None, time.Time{}
	a.Last, a.Attempts, a.RetryAt, a.Late = "", 0, time.Time{}, time.Time{}
	return a, e
}

// letGoAll lets go of whoever has left, by what is kept here alone: that does not wait for a
// source that is paused, and asks it for nobody who is out. What may have been written and
// is not known is looked up first.
func (r *run) letGoAll(ctx context.Context) error {
	for _, q := range []Query{{Due: true}, {Observe: true}} {
		q.App, q.People, q.Limit, q.Now = r.target.Name, r.people, page, never
		for {
			var subjects []Subject
			err := r.store.View(ctx, func(tx Tx) (err error) {
				subjects, err = r.read(ctx, tx, q)
				return err
			})
			if err != nil {
				return err
			}
			var accounts []Account
			var marks []Mark
			var events []audit.Event
			for _, s := range subjects {
				why, again := r.planner.letsGo(s)
				if why == "" || again || len(r.unsure["p"+s.Person.ID]) > 0 {
					continue
				}
				a, e := r.letGo(s, why)
				a.Observe = false
				accounts, events, marks = append(accounts, a), append(events, e), append(marks, Mark{s.Person.ID, a.Version, time.Time{}})
			}
			if len(accounts) > 0 {
				err = r.update(ctx, func(tx Tx) error {
					return errors.Join(tx.PutAccounts(ctx, accounts), tx.ClearMarks(ctx, r.target.Name, marks), tx.AppendEvents(ctx, events))
				})
			}
			if err != nil {
				return err
			}
			if len(subjects) < page {
				break
			}
			q.After = subjects[len(subjects)-1].Person.ID
		}
	}
	return nil
}

// findRecord looks somebody's record up by the key that its source has for them.
func (r *run) findRecord(ctx context.Context, s Subject) (sighting, error) {
	key, err := r.planner.key(s)
	if err != nil || key == "" { // which the plan tells of; what is theirs yet is looked at
		key = s.Account.RemoteID
	}
	if wanted, _, _, err := r.planner.wanted(s); key == "" || err == nil && !wanted && s.Account.State == None && len(r.unsure["p"+s.Person.ID]) == 0 {
		return sighting{}, nil // who is out is not asked for
	}
	ans, err := r.target.App.Get(ctx, app.KindUser, key)
	if e := app.Classify(err); e != nil {
		if e.Class == app.NotFound {
			return sighting{}, nil
		}
		return sighting{}, err
	}
	return sighting{account: ans.Resource, by: byRecord}, nil
}

// untold says that a record has never been seen that the source knows somebody by. Many of
// these at once say something of the address, as many that have vanished do.
func (r *run) untold(s Subject) bool {
	if r.target.Source == "" || s.Account.State != None || len(r.unsure["p"+s.Person.ID]) > 0 {
		return false
	}
	key, err := r.planner.key(s)
	return err == nil && key != ""
}

// mostProbed is how many records are asked for to see whether a system answers: one of
// them may be protected, or broken.
const mostProbed = 3

// recordsKnown are keys of records that are there as far as we know, but for those of some
// people: accounts first, and where there is none what the source says of who is to be one.
func (r *run) recordsKnown(ctx context.Context, but map[string]bool) ([]string, error) {
	var accounts, told []string
	q := Query{App: r.target.Name, Limit: page, Now: r.at()}
	for len(accounts) < mostProbed {
		var subjects []Subject
		err := r.store.View(ctx, func(tx Tx) (err error) {
			subjects, err = r.read(ctx, tx, q)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, s := range subjects {
			wanted, _, _, err := r.planner.wanted(s)
			if err != nil || !wanted || but[s.Person.ID] || len(accounts) == mostProbed {
				continue // who is out is not asked for
			}
			if a := s.Account; a.State == Live && a.RemoteID != "" {
				accounts = append(accounts, a.RemoteID)
			} else if key, err := r.planner.key(s); err == nil && key != "" && len(told) < mostProbed {
				told = append(told, key)
			}
		}
		if len(subjects) < page {
			break
		}
		q.After = subjects[len(subjects)-1].Person.ID
	}
	if len(accounts) > 0 {
		return accounts, nil
	}
	return told, nil
}

// unmade says that a plan would make a record, which the source alone does: it has been
// looked for, and is not there.
func (r *run) unmade(s Subject, planned []*Op) string {
	if r.target.Source == "" || len(planned) == 0 || planned[0].Kind != Create {
		return ""
	}
	key, _ := r.planner.key(s)
	return fmt.Sprintf("source %s knows this person as %s, and has no such record where read looks for it (status 404): it is not made here. "+
		"Should it be there, check the url of read; apply --person looks again", r.target.Source, key)
}
