// SPDX-License-Identifier: Apache-2.0

package auth0in_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/auth0in"
)

// teamsOf are the teams that a person is in, with what stated them.
func (h *house) teamsOf(person string) string {
	h.Helper()
	var names []string
	h.must(h.db.Directory().Update(h.Context(), func(tx directory.Tx) error {
		names = nil
		people, err := tx.People(h.Context(), []string{person})
		if err != nil || people[person] == nil || !people[person].State.In() {
			return err
		}
		of, err := tx.StatedTeams(h.Context(), []string{person})
		for _, t := range of[person] {
			names = append(names, t.Rule+" "+t.Name)
		}
		return err
	}))
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// TestEventsOnlyMark: what counts is what is read by id, whatever order events come in.
func TestEventsOnlyMark(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func([]auth0test.Event) []auth0test.Event{
		"in order": func(e []auth0test.Event) []auth0test.Event { return e },
		"backwards": func(e []auth0test.Event) []auth0test.Event {
			slices.Reverse(e)
			return e
		},
		"twice": func(e []auth0test.Event) []auth0test.Event { return append(e, e...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t, nil)
			ada, bo, cy := h.put("ada"), h.put("bo"), h.put("cy")
			h.must(h.tenant.Alter(ada, func(u *auth0test.User) { u.FamilyName = "b" }))
			h.must(h.tenant.Alter(ada, func(u *auth0test.User) { u.FamilyName = "c" }))
			h.must(h.tenant.Block(bo))
			h.must(h.tenant.Remove(cy))
			for _, e := range arrange(h.tenant.Events()) {
				h.hear(e)
				if name != "in order" {
					h.reread() // after each, so that each is seen on its own
				}
			}
			h.reread()
			h.stand("bo leaver, c active")
			// The same again, from the beginning: old news.
			h.tenant.ResetCounts()
			if n := h.hearAll(); n != 0 {
				t.Errorf("%d events were news again", n)
			}
			h.reread()
			h.stand("bo leaver, c active")
			if n := h.tenant.Counts().Total(); n != 0 {
				t.Errorf("%d requests for nothing", n)
			}
		})
	}
}

// TestSignInsCostNothing: an event that says nothing new of what is mapped has nobody
// read.
func TestSignInsCostNothing(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	ada := h.put("ada")
	h.readAll()
	h.hearAll()
	h.reread()
	before := len(h.tenant.Events())
	for range 5 {
		h.must(h.tenant.SignIn(ada))
	}
	h.tenant.ResetCounts()
	events := h.tenant.Events()[before:]
	if len(events) == 0 {
		t.Fatal("the tenant tells nothing of sign-ins")
	}
	for _, e := range events {
		if h.hear(e) {
			t.Errorf("%s has somebody read", e.Type)
		}
	}
	h.reread()
	if n := h.tenant.Counts().Total(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestALateCreateRevivesNobody: the rival's Action makes whoever was deleted anew.
func TestALateCreateRevivesNobody(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	ada := h.put("ada")
	h.readAll()
	h.must(h.tenant.Remove(ada))
	h.hear(h.tenant.Events()[1])
	h.reread()
	h.stand("ada leaver")
	h.hear(h.tenant.Events()[0])
	h.reread()
	h.stand("ada leaver")
}

// TestLinkedAccounts: linking deletes an account, and nobody leaves by it, whichever of
// its events comes first, and also if neither does.
func TestLinkedAccounts(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"user.deleted", "user.updated", ""} {
		for _, served := range []bool{false, true} {
			t.Run(order+map[bool]string{true: " served"}[served], func(t *testing.T) {
				t.Parallel()
				h := setup(t, nil)
				ada, bo := h.put("ada"), h.put("bo")
				h.readAll()
				h.hearAll()
				h.reread()
				h.src.Live.Served, h.src.Live.Grace = served, 0
				before := len(h.tenant.Events())
				h.must(h.tenant.Link(ada, bo))
				events := h.tenant.Events()[before:]
				if len(events) != 2 {
					t.Fatalf("%d events", len(events))
				}
				slices.SortFunc(events, func(a, b auth0test.Event) int {
					if a.Type == order {
						return -1
					}
					return 1
				})
				for _, e := range events {
					if order != "" {
						h.hear(e)
						h.reread()
					}
					h.stand("ada active, bo active")
				}
				h.readAll()
				h.stand("ada active, bo active")
				h.must(h.tenant.Unlink(ada, bo))
				h.readAll()
				h.must(h.tenant.Remove(ada))
				h.readAll()
				h.reread()
				h.stand("ada leaver, bo active")
			})
		}
	}
	t.Run("into one that nobody knew", func(t *testing.T) {
		t.Parallel()
		h := setup(t, nil)
		bo := h.put("bo")
		h.readAll()
		ada := h.put("ada")
		h.must(h.tenant.Link(ada, bo))
		h.readAll()
		h.stand("ada active") // bo, who is called so now
		h.must(h.tenant.Remove(ada))
		h.readAll()
		h.stand("ada leaver")
	})
}

// before reads everybody as they were, but for some whom it does not find any more.
type before struct {
	source.LiveReader

	was  *source.Batch
	gone []string
}

func (b before) ReadAll(context.Context, source.Knowledge) (*source.Batch, error) {
	b.was.Rows = slices.DeleteFunc(b.was.Rows, func(r source.Row) bool { return slices.Contains(b.gone, r.Key) })
	b.was.Live.Doubted = b.gone
	return b.was, nil
}

// TestLinkedBeforeSearchKnows: an account that was linked is gone before a search knows
// to whom. A cycle that nobody follows looks twice, too.
func TestLinkedBeforeSearchKnows(t *testing.T) {
	t.Parallel()
	for grace, want := range map[time.Duration]string{0: "ada active, bo leaver, cy leaver", time.Millisecond: "ada active, bo active, cy leaver"} {
		h := setup(t, nil)
		ada, bo, cy := h.put("ada"), h.put("bo"), h.put("cy")
		h.readAll()
		was, err := h.reader.ReadAll(t.Context(), source.Knowledge{})
		h.must(err)
		h.must(errors.Join(h.tenant.Link(ada, bo), h.tenant.Remove(cy)))
		h.src.Live.Reader, h.src.Live.Grace = before{h.reader, was, []string{bo, cy}}, grace
		h.readAll()
		h.stand(want)
	}
}

// TestGraceBeforeDeletion: while somebody looks again, one look is not enough.
func TestGraceBeforeDeletion(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	ada := h.put("ada")
	h.readAll()
	h.src.Live.Served, h.src.Live.Grace = true, 50*time.Millisecond
	h.must(h.tenant.Remove(ada))
	h.readAll()
	h.stand("ada active")
	h.reread() // too soon
	h.stand("ada active")
	h.until("it is believed", func() bool {
		h.reread()
		return h.people() == "ada leaver"
	})
}

// TestFollow: the stream is closed and opened again, and nothing is lost; when the
// tenant has forgotten where we were, everybody is read.
func TestFollow(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *auth0test.Config, _ *auth0in.Config) { c.Events.CloseAfterEvents = 3 })
	var lost atomic.Int32
	stop := h.follow(func() { lost.Add(1) })
	h.until("the first stream is open", func() bool { return h.tenant.OpenStreams() == 1 })
	if n := lost.Load(); n != 1 {
		t.Errorf("%d times told to read everybody, at first", n)
	}
	for _, name := range strings.Fields("a b c d e f g h") {
		h.put(name)
	}
	h.until("all have come", func() bool {
		h.reread()
		return h.totals().Active == 8
	})
	stop()
	gone := h.tenant.Users()[0]
	h.must(h.tenant.Remove(gone.ID)) // while nobody listens
	stop = h.follow(func() { lost.Add(1) })
	h.until("what was missed has come", func() bool {
		h.reread()
		return h.totals().Leaver == 1
	})
	if n := lost.Load(); n != 1 {
		t.Errorf("%d times told to read everybody, though the offset was known", n)
	}
	stop()
	h.tenant.ForgetOffsets()
	stop = h.follow(func() { lost.Add(1) })
	h.until("everybody is to be read", func() bool { return lost.Load() == 2 })
	h.put("i")
	h.until("it goes on", func() bool {
		h.reread()
		return h.totals().Active == 8
	})
	stop()
}

// TestRedeliver: what could not be delivered during an outage is asked for again.
func TestRedeliver(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	h := setup(t, func(c *auth0test.Config, _ *auth0in.Config) { c.Retries = []time.Duration{1, 1, 1} })
	hook := auth0in.Hook{Tenant: h.reader, Secrets: []string{oldSecret}, Hear: auth0in.Listener{Hear: func(ctx context.Context, w source.Word) error {
		if down.Load() {
			return context.DeadlineExceeded
		}
		_, err := source.Hear(ctx, h.db.Source(), h.src, w)
		return err
	}}}
	url := serve(t, hook.Handler())
	stream, err := h.tenant.AddStream(auth0test.Stream{Name: "usher", URL: url, Bearer: oldSecret, Types: []string{"user.created", "user.updated", "user.deleted"}})
	h.must(err)
	defer h.tenant.Start(t.Context())()
	h.put("ada")
	h.until("it was delivered", func() bool {
		h.reread()
		return h.people() == "ada active"
	})
	down.Store(true)
	h.put("bo")
	h.until("it has failed for good", func() bool {
		s, _ := h.tenant.StreamStatus(stream)
		return s.Failed == 1
	})
	down.Store(false)
	kept, err := source.Progress(t.Context(), h.db.Source(), "auth0")
	h.must(err)
	if n, err := h.reader.Redeliver(t.Context(), stream, h.reader.LastHeard(kept)); n != 1 || err != nil {
		t.Errorf("%d asked for, %v", n, err)
	}
	h.until("it was delivered again", func() bool {
		h.reread()
		return h.people() == "ada active, bo active"
	})
	if n, err := h.reader.Redeliver(t.Context(), stream, h.reader.LastHeard(kept)); n != 0 || err != nil {
		t.Errorf("%d asked for once more, %v", n, err)
	}
}

// TestReadMeanwhile: reading everybody takes minutes, and events go on. Whoever was read
// on account of one is there, whatever the long read knows of them: it may have listed
// them as they were, or not at all.
func TestReadMeanwhile(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	ada := h.put("ada")
	h.put("bea")
	h.readAll()
	long, err := source.Fetch(t.Context(), h.db.Source(), h.src)
	h.must(err)
	told := len(h.tenant.Events())
	h.must(h.tenant.Alter(ada, func(u *auth0test.User) { u.AppMetadata = []byte(`{"unit":"R&D"}`) }))
	cleo := h.put("cleo")
	h.put("dan")
	for _, e := range h.tenant.Events()[told:] {
		h.hear(e)
	}
	h.reread()
	_, err = source.Ingest(t.Context(), h.db.Source(), h.dir, long)
	h.must(err)
	h.settle()
	h.stand("ada active R&D, bea active, cleo active, dan active")
	// And whoever goes after that is gone.
	h.must(h.tenant.Remove(cleo))
	h.readAll()
	h.stand("ada active R&D, bea active, cleo leaver, dan active")
}
