// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/usher-id/usher/scim/scimtest"
)

// simulator is the other side of an app: what answers Usher, and tells the verdict
// what it holds and what was done to it.
type simulator interface {
	start(ctx context.Context) (url string, stop func(), err error)
	setDown(down bool)
	// holds is what is there, and what cannot be anybody's.
	holds() (h holdings, odd []string)
	tally() tally
	deeds() deeds
}

// tally counts what there is, and what was asked.
type tally struct {
	groups, writes, requests int
	again                    int // were turned away, or never got their answer, and came again
	stirred                  int // requests of which a cycle with nothing to do has none
}

// deeds counts what was done to people's accounts by requests.
type deeds struct {
	made, out, back, gone int // created, disabled, enabled again, deleted
	lost                  int // effects of which nobody was told
	odd                   []string
}

// scimSimulator is an app that speaks SCIM.
type scimSimulator struct {
	quirks scimtest.Quirks
	faults *scimtest.Schedule

	fake *scimtest.App
	door *door
}

func (s *scimSimulator) start(ctx context.Context) (url string, stop func(), err error) {
	if s.fake, err = scimtest.New(scimtest.Config{Token: token, Quirks: s.quirks, Faults: s.faults}); err != nil {
		return "", nil, err
	}
	s.door = &door{app: s.fake}
	return scimtest.Listen(ctx, s.door)
}

func (s *scimSimulator) setDown(down bool) { s.fake.SetDown(down) }

func (s *scimSimulator) holds() (holdings, []string) { return held(s.fake.Users(), s.fake.Groups()) }

func (s *scimSimulator) tally() tally {
	counts := s.fake.Counts()
	return tally{
		groups: len(s.fake.Groups()), writes: counts.Writes(), requests: counts.Total(), stirred: counts.Total(),
		again: int(s.door.turnedAway.Load()) + s.deeds().lost,
	}
}

func (s *scimSimulator) deeds() (d deeds) {
	for _, e := range s.fake.Ledger() {
		if e.Outside {
			continue
		}
		if e.Lost {
			d.lost++
		}
		switch {
		case e.Type != "User":
			if e.Op == scimtest.Deleted {
				d.odd = append(d.odd, fmt.Sprintf("group %s was deleted", e.Name))
			}
		case e.Op == scimtest.Created:
			d.made++
		case e.Op == scimtest.Disabled:
			d.out++
		case e.Op == scimtest.Enabled:
			d.back++
		case e.Op == scimtest.Deleted:
			d.gone++
		}
	}
	for _, r := range s.fake.Refusals() {
		if r.Rule == scimtest.RefusedRate { // which is what rates are for
			continue
		}
		d.odd = append(d.odd, "refused, as such an app does: "+r.String())
	}
	return d
}

// door counts whom the app turns away: who does nothing wrong and is told to
// come again.
type door struct {
	app        http.Handler
	turnedAway atomic.Int64
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.app.ServeHTTP(&doorway{w, d}, r)
}

type doorway struct {
	http.ResponseWriter
	door *door
}

func (w *doorway) WriteHeader(status int) {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.door.turnedAway.Add(1)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is below.
func (w *doorway) Unwrap() http.ResponseWriter { return w.ResponseWriter }
