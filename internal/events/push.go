// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// How a stream is pushed.
const (
	pushLook    = time.Minute      // how often it is looked for what no bell told of
	pushTimeout = 30 * time.Second // of one request, from dialling to the last byte
	firstPause  = time.Second
	lastPause   = 5 * time.Minute
	longestWait = time.Hour // that a recipient may ask for
	mostDoubts  = 8         // answers that blame a token, but not as RFC 8935 has it
	mostAnswer  = 16 << 10
)

// PushConfig is what a Pusher is made of. Token may be nil, for none.
type PushConfig struct {
	Stream    Stream
	URL       string
	Token     func() (string, error) // bearer, as it is at the time
	Transport http.RoundTripper
	Store     Store
	Signer    *Signer
	Bell      *Bell
	Tally     *Tally
	Log       *slog.Logger
}

// Pusher delivers a stream by push (RFC 8935 §2): one token at a time, in order. A
// token that cannot be delivered now holds up those after it.
type Pusher struct {
	c    PushConfig
	http *http.Client
}

// NewPusher returns a Pusher. No redirect is followed: it would carry the token to a
// place that nobody chose.
func NewPusher(c PushConfig) *Pusher {
	return &Pusher{c, &http.Client{
		Transport: c.Transport, Timeout: pushTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run delivers until ctx ends.
func (p *Pusher) Run(ctx context.Context) {
	defer p.http.CloseIdleConnections()
	var c course
	for ctx.Err() == nil {
		rung := p.c.Bell.Next()
		// One at a time: whoever is erased meanwhile must not go out of what was read before.
		var queued []Queued
		err := p.c.Store.View(ctx, func(tx Tx) (err error) {
			queued, err = tx.QueuedEvents(ctx, p.c.Stream, 1)
			return err
		})
		wait := pushLook
		if err == nil && len(queued) > 0 {
			rung = nil // what comes behind what waits changes nothing
			wait, err = p.deliver(ctx, queued[0], &c)
		}
		if err != nil && ctx.Err() == nil {
			p.c.Log.Error("events cannot be pushed: the store fails", "stream", p.c.Stream.String(), "err", err)
			rung, wait = nil, firstPause
		}
		if wait <= 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-rung:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// course is how it has gone with a stream since a token was last accepted.
type course struct {
	failed int    // answers, or none, of whatever token
	told   bool   // that events cannot be pushed
	head   string // the jti of the token that was sent last
	doubts int    // answers that blame that one
}

// deliver sends a token, and returns how long to wait before the next try, of it or of
// the one after it. Refusals, too, slow us down: a recipient that refuses everything
// must not empty the outbox before somebody has looked.
func (p *Pusher) deliver(ctx context.Context, q Queued, c *course) (wait time.Duration, err error) {
	out, err := p.send(ctx, q)
	if err != nil {
		return 0, err
	}
	if ctx.Err() != nil && !out.accepted { // nothing is known of the recipient
		return 0, nil
	}
	if c.head != q.ID {
		c.head, c.doubts = q.ID, 0
	}
	if out.doubtful {
		c.doubts++
		out.refused = c.doubts >= mostDoubts
	}
	if out.accepted || out.refused {
		if err := p.settle(context.WithoutCancel(ctx), q, out); err != nil {
			return 0, err
		}
	}
	if out.accepted {
		if c.told {
			p.c.Log.Info("events are delivered again", "stream", p.c.Stream.String(), "failures", c.failed)
		}
		*c = course{}
		return 0, nil
	}
	c.failed++
	if !out.refused {
		p.c.Tally.add(p.c.Stream, Counts{Failed: 1})
		if !c.told {
			c.told = true
			p.c.Log.Warn("events cannot be pushed; it is tried again", "stream", p.c.Stream.String(), "why", clean(out.why.Error()))
		}
	}
	return max(out.after, backoff(c.failed)), nil
}

// backoff doubles with each failure, and varies, so that streams do not come together.
func backoff(failed int) time.Duration {
	d := lastPause
	if failed < 10 {
		d = min(d, firstPause<<(failed-1))
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // nobody gains by guessing a pause
}

// outcome is how a try ended: accepted, refused for good, or to be tried again.
type outcome struct {
	accepted, refused bool
	doubtful          bool // the token may be at fault, and not the recipient
	why               scimevent.DeliveryError
	after             time.Duration // that the recipient asks for
}

// send pushes one token.
func (p *Pusher) send(ctx context.Context, q Queued) (out outcome, err error) {
	jws, err := p.c.Signer.Sign(q.Claims)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.c.URL, strings.NewReader(jws))
	if err != nil {
		return out, errors.New("events: the address to push to cannot be read")
	}
	req.Header.Set("Content-Type", scimevent.MediaType)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "usher")
	if p.c.Token != nil {
		token, err := p.c.Token()
		if err != nil {
			return out, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
	}
	res, err := p.http.Do(req)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) { // without the address
			err = at.Err
		}
		out.why = scimevent.DeliveryError{Code: "unreachable", Description: err.Error()}
		return out, nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, mostAnswer)) // what is missing of it is not understood
	return judge(res, body), nil
}

// judge reads an answer (RFC 8935 §2.2 to §2.4). Final is nothing but the one code that
// says so of the token in RFC 8935 §2.4; what else may be its fault may as well be a
// recipient that is set up wrongly today.
func judge(res *http.Response, body []byte) (out outcome) {
	out.why = scimevent.DeliveryError{Code: "status " + strconv.Itoa(res.StatusCode)}
	switch code := res.StatusCode; {
	case code == http.StatusOK, code == http.StatusAccepted, code == http.StatusNoContent:
		out.accepted = true
		return out
	case code == http.StatusBadRequest:
		e, err := scimevent.ParseDeliveryError(body, scim.Limits{MaxBytes: mostAnswer})
		if err == nil {
			out.why = e
		}
		out.refused = err == nil && e.Code == scimevent.InvalidRequest
		out.doubtful = !out.refused && (err != nil || !standing(e.Code))
	case code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		out.doubtful = true
	}
	out.after = retryAfter(res.Header.Get("Retry-After"), time.Now())
	return out
}

// standing tells whether a code is about who we are to the recipient, and no fault of
// the token (RFC 8935 §2.4): all others would be lost with it.
func standing(code string) bool {
	switch code {
	case scimevent.InvalidKey, scimevent.InvalidIssuer, scimevent.InvalidAudience, scimevent.AuthenticationFailed, scimevent.AccessDenied:
		return true
	}
	return false
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3), up to a bound.
func retryAfter(s string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		d = time.Duration(min(max(n, 0), int(longestWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), longestWait)
}

// settle removes a token that was accepted, or refused for good. One that was erased or
// dropped while it was sent is counted there.
func (p *Pusher) settle(ctx context.Context, q Queued, out outcome) error {
	removed := false
	err := p.c.Store.Update(ctx, func(tx Tx) error {
		gone, err := tx.RemoveEvents(ctx, p.c.Stream, []string{q.ID})
		removed = len(gone) > 0
		if err != nil || out.accepted || !removed {
			return err
		}
		return tx.AppendEvents(ctx, []audit.Event{refusal(p.c.Stream, tx.Now(), q.ID, out.why)})
	})
	switch {
	case err != nil:
		return fmt.Errorf("event %s: %w", q.ID, err)
	case !removed:
		return nil
	case out.accepted:
		p.c.Tally.add(p.c.Stream, Counts{Delivered: 1})
		return nil
	}
	p.c.Tally.add(p.c.Stream, Counts{Refused: 1})
	p.c.Log.Warn("an event is refused by its recipient; it is not sent again", "stream", p.c.Stream.String(), "event", q.ID, "why", clean(out.why.Error()))
	return nil
}
