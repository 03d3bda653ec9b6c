// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// Bounds of one poll.
const (
	// LongestWait is how long a poll waits for something to come. It must be shorter
	// than what a server takes to read a request.
	LongestWait = 20 * time.Second

	mostPolled  = 100
	mostAcked   = 10_000
	mostRefused = 1_000
	mostWaiting = 8  // polls of one stream at a time
	mostPolls   = 25 // of one stream in a second, and twice as many at once
	pollBytes   = 1 << 20

	tellEvery = time.Minute // how often it is told that a recipient does not accept us, for each code
)

// PollConfig is what a Poller is made of. Every field is required.
type PollConfig struct {
	Stream Stream
	Store  Store
	Signer *Signer
	Bell   *Bell
	Tally  *Tally
	Log    *slog.Logger
	// Stopping is closed when whoever waits is to be answered at once.
	Stopping <-chan struct{}
	Wait     time.Duration // at most LongestWait
}

// Poller is the endpoint at which a recipient fetches a stream (RFC 8936 §2). Who may
// ask is for whoever calls it.
type Poller struct {
	c       PollConfig
	waiting chan struct{}
	limit   *rate.Limiter

	mu   sync.Mutex
	told map[string]time.Time // by a code about our standing
}

// NewPoller returns a Poller.
func NewPoller(c PollConfig) *Poller {
	return &Poller{c: c, waiting: make(chan struct{}, mostWaiting), limit: rate.NewLimiter(mostPolls, 2*mostPolls), told: map[string]time.Time{}}
}

// ServeHTTP answers a poll.
func (p *Poller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.limit.Allow() {
		w.Header().Set("Retry-After", "1")
		refusePoll(w, http.StatusTooManyRequests, errors.New("too many requests a second"))
		return
	}
	req, status, err := readPoll(w, r)
	if err != nil {
		refusePoll(w, status, err)
		return
	}
	answer, err := p.poll(r.Context(), req)
	if err != nil {
		if r.Context().Err() == nil { // else nobody is there to be answered
			p.c.Log.Error("a poll for events failed", "err", err)
			refusePoll(w, http.StatusServiceUnavailable, errors.New("the service cannot answer now"))
		}
		return
	}
	body, _ := answer.MarshalJSON() // it has no error
	send(w, http.StatusOK, body)
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has hung up needs no answer
}

func refusePoll(w http.ResponseWriter, status int, err error) {
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	body, _ := scimevent.DeliveryError{Code: scimevent.InvalidRequest, Description: err.Error()}.MarshalJSON() // it has no error
	send(w, status, body)
}

func readPoll(w http.ResponseWriter, r *http.Request) (req scimevent.PollRequest, status int, err error) {
	if r.Method != http.MethodPost {
		return req, http.StatusMethodNotAllowed, errors.New("events are asked for by POST")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return req, http.StatusUnsupportedMediaType, errors.New("the body must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, pollBytes))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return req, http.StatusRequestEntityTooLarge, fmt.Errorf("the request is larger than %d bytes", big.Limit)
	case err != nil:
		return req, http.StatusBadRequest, errors.New("the body could not be read")
	}
	if req, err = scimevent.ParsePollRequest(body, scim.Limits{MaxBytes: pollBytes}); err != nil {
		return req, http.StatusBadRequest, err
	}
	if len(req.Ack) > mostAcked || len(req.Errors) > mostRefused {
		return req, http.StatusBadRequest, fmt.Errorf("one request acknowledges at most %d events and refuses at most %d", mostAcked, mostRefused)
	}
	return req, 0, nil
}

func (p *Poller) poll(ctx context.Context, req scimevent.PollRequest) (a scimevent.PollAnswer, err error) {
	if err := p.settle(ctx, req); err != nil {
		return a, err
	}
	most := mostPolled
	if req.MaxEvents >= 0 {
		most = min(most, req.MaxEvents)
	}
	timeout := time.NewTimer(p.c.Wait)
	defer timeout.Stop()
	waits := !req.ReturnImmediately && most > 0
	if waits {
		select {
		case p.waiting <- struct{}{}:
			p.c.Tally.waits(p.c.Stream, 1)
			defer func() {
				p.c.Tally.waits(p.c.Stream, -1)
				<-p.waiting
			}()
		default: // too many wait already
			waits = false
		}
	}
	for {
		rung := p.c.Bell.Next()
		var queued []Queued
		err := p.c.Store.View(ctx, func(tx Tx) (err error) {
			queued, err = tx.QueuedEvents(ctx, p.c.Stream, most+1)
			return err
		})
		if err != nil {
			return a, err
		}
		if len(queued) > 0 || !waits {
			return p.answer(queued, most)
		}
		select {
		case <-rung:
		case <-timeout.C:
			waits = false
		case <-p.c.Stopping:
			waits = false
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}

func (p *Poller) answer(queued []Queued, most int) (a scimevent.PollAnswer, err error) {
	if a.More = len(queued) > most; a.More {
		queued = queued[:most]
	}
	for _, q := range queued {
		jws, err := p.c.Signer.Sign(q.Claims)
		if err != nil {
			return a, err
		}
		a.Tokens = append(a.Tokens, scimevent.Signed{ID: q.ID, JWS: jws})
	}
	return a, nil
}

// settle removes what the recipient has, and what it will not have. The ledger is told
// of what was refused, if it was there to be refused. What is not accepted of us stays,
// as it does by push.
func (p *Poller) settle(ctx context.Context, req scimevent.PollRequest) error {
	if len(req.Ack)+len(req.Errors) == 0 {
		return nil
	}
	var refused []string
	unaccepted := map[string][]string{} // by code
	for _, id := range slices.Sorted(maps.Keys(req.Errors)) {
		if code := req.Errors[id].Code; standing(code) {
			unaccepted[code] = append(unaccepted[code], id)
		} else {
			refused = append(refused, id)
		}
	}
	if len(unaccepted) > 0 { // one at a time, as each looks when it was last told
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	var counts Counts
	var held []holding
	err := p.c.Store.Update(ctx, func(tx Tx) error {
		gone, err := tx.RemoveEvents(ctx, p.c.Stream, refused)
		if err != nil {
			return err
		}
		var told []audit.Event
		for _, id := range gone {
			told = append(told, refusal(p.c.Stream, tx.Now(), id, req.Errors[id]))
		}
		acked, err := tx.RemoveEvents(ctx, p.c.Stream, req.Ack)
		if err != nil {
			return err
		}
		counts, held = Counts{Refused: int64(len(gone)), Delivered: int64(len(acked))}, nil
		for _, code := range slices.Sorted(maps.Keys(unaccepted)) {
			ids, err := tx.StillQueued(ctx, p.c.Stream, unaccepted[code])
			if err != nil {
				return err
			}
			counts.Failed += int64(len(ids))
			if len(ids) == 0 || time.Since(p.told[code]) < tellEvery {
				continue
			}
			h := holding{req.Errors[ids[0]], len(ids)}
			held, told = append(held, h), append(told, h.event(p.c.Stream, tx.Now()))
		}
		if len(told) == 0 {
			return nil
		}
		return tx.AppendEvents(ctx, told)
	})
	if err != nil {
		return err
	}
	p.c.Tally.add(p.c.Stream, counts)
	if counts.Refused > 0 {
		p.c.Log.Warn("events are refused by their recipient; they are not sent again", "stream", p.c.Stream.String(), "count", counts.Refused)
	}
	for _, h := range held {
		p.told[h.why.Code] = time.Now()
		p.c.Log.Warn("events are not accepted of us by their recipient; they stay queued", "stream", p.c.Stream.String(), "count", h.count, "why", clean(h.why.Error()))
	}
	return nil
}

// holding is how many tokens of a poll stay for a reason that is about us.
type holding struct {
	why   scimevent.DeliveryError
	count int
}

func (h holding) event(s Stream, now time.Time) audit.Event {
	return audit.Event{
		At: now, Kind: "events.held", Actor: "recipient of " + s.String(), Object: s.Source,
		Why: fmt.Sprintf("%d events stay queued: %s", h.count, clean(h.why.Error())),
	}
}

// refusal is what the ledger is told of a token that its recipient will not have.
func refusal(s Stream, now time.Time, id string, e scimevent.DeliveryError) audit.Event {
	return audit.Event{
		At: now, Kind: "event.refused", Actor: "recipient of " + s.String(), Object: s.Source + ":" + id,
		Why: clean(scimevent.DeliveryError{Code: clean(e.Code), Description: clean(e.Description)}.Error()),
	}
}

// mostText is how much of what a recipient says is repeated.
const mostText = 200

// clean is text of somebody else that can be shown: one line, and not too long.
func clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, s)
	if r := []rune(s); len(r) > mostText {
		s = string(r[:mostText]) + "…"
	}
	return s
}
