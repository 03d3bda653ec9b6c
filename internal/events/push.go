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
	pushBatch   = 100              // tokens that are read at a time
	pushLook    = time.Minute      // how often it is looked for what no bell told of
	pushTimeout = 30 * time.Second // of one request, from dialling to the last byte
	firstPause  = time.Second
	lastPause   = 5 * time.Minute
	longestWait = time.Hour // that a recipient may ask for
	mostTries   = 8         // of a token that is answered with 400 for no reason
	mostAnswer  = 16 << 10
)

// PushConfig is what a Pusher is made of. Token may be empty.
type PushConfig struct {
	Stream    Stream
	URL       string
	Token     string // bearer
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
	tries := 0
	for ctx.Err() == nil {
		rung := p.c.Bell.Next()
		var queued []Queued
		err := p.c.Store.View(ctx, func(tx Tx) (err error) {
			queued, err = tx.QueuedEvents(ctx, p.c.Stream, pushBatch)
			return err
		})
		wait := pushLook
		if err == nil && len(queued) > 0 {
			rung = nil // what comes behind what waits changes nothing
			wait, err = p.deliver(ctx, queued, &tries)
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

// deliver sends tokens in their order, and returns how long to wait if one of them is
// to be sent again.
func (p *Pusher) deliver(ctx context.Context, queued []Queued, tries *int) (wait time.Duration, err error) {
	for _, q := range queued {
		if ctx.Err() != nil {
			return 0, nil
		}
		out, err := p.send(ctx, q)
		if err != nil {
			return 0, err
		}
		if ctx.Err() != nil && !out.accepted { // nothing is known of the recipient
			return 0, nil
		}
		*tries++
		if !out.accepted && !out.refused && out.doubtful && *tries >= mostTries {
			out.refused = true
		}
		if out.accepted || out.refused {
			if err := p.settle(context.WithoutCancel(ctx), q, out); err != nil {
				return 0, err
			}
			if *tries > 1 && out.accepted {
				p.c.Log.Info("events are delivered again", "stream", p.c.Stream.String(), "tries", *tries)
			}
			*tries = 0
			continue
		}
		p.c.Tally.add(p.c.Stream, Counts{Failed: 1})
		if *tries == 1 {
			p.c.Log.Warn("events cannot be pushed; it is tried again", "stream", p.c.Stream.String(), "why", out.why.Error())
		}
		return max(out.after, backoff(*tries)), nil
	}
	return 0, nil
}

// backoff doubles with each try, and varies, so that streams do not come together.
func backoff(tries int) time.Duration {
	d := lastPause
	if tries < 10 {
		d = min(d, firstPause<<(tries-1))
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
	if p.c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+p.c.Token)
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

// judge reads an answer (RFC 8935 §2.2 to §2.4).
func judge(res *http.Response, body []byte) (out outcome) {
	status := "status " + strconv.Itoa(res.StatusCode)
	out.why = scimevent.DeliveryError{Code: status}
	switch code := res.StatusCode; {
	case code == http.StatusOK, code == http.StatusAccepted, code == http.StatusNoContent:
		out.accepted = true
	case code == http.StatusBadRequest:
		e, err := scimevent.ParseDeliveryError(body, scim.Limits{MaxBytes: mostAnswer})
		if out.doubtful = err != nil; out.doubtful {
			break
		}
		out.why = e
		switch e.Code {
		case scimevent.InvalidKey, scimevent.InvalidIssuer, scimevent.InvalidAudience, scimevent.AuthenticationFailed, scimevent.AccessDenied:
			// It is our standing, and no fault of this one: all others would be lost with it.
		default:
			out.refused = true
		}
	case code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		out.refused = true
	default:
		out.after = retryAfter(res.Header.Get("Retry-After"), time.Now())
	}
	return out
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

// settle removes a token that was accepted, or refused for good.
func (p *Pusher) settle(ctx context.Context, q Queued, out outcome) error {
	err := p.c.Store.Update(ctx, func(tx Tx) error {
		gone, err := tx.RemoveEvents(ctx, p.c.Stream, []string{q.ID})
		if err != nil || out.accepted || len(gone) == 0 {
			return err
		}
		return tx.AppendEvents(ctx, []audit.Event{refusal(p.c.Stream, tx.Now(), q.ID, out.why)})
	})
	if err != nil {
		return fmt.Errorf("event %s: %w", q.ID, err)
	}
	if out.accepted {
		p.c.Tally.add(p.c.Stream, Counts{Delivered: 1})
		return nil
	}
	p.c.Tally.add(p.c.Stream, Counts{Refused: 1})
	p.c.Log.Warn("an event is refused by its recipient; it is not sent again", "stream", p.c.Stream.String(), "event", q.ID, "why", clean(out.why.Error()))
	return nil
}
