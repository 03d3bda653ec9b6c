// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/fake"
)

const (
	webhookTimeout = 5 * time.Second
	// disabledAfter is how many failures in a row switch a stream off.
	disabledAfter = 500
	// mostFailed is with how many failures in all one cannot be switched on again.
	mostFailed = 5_000
	enabled    = "enabled"
	disabled   = "disabled"
)

// Stream is an event stream: a webhook to which events are sent.
type Stream struct {
	Name string
	URL  string
	// One of these says how the sender shows who it is.
	Bearer             string // Authorization: Bearer …
	Username, Password string // Authorization: Basic …
	Header, Value      string // a header of its own
	Types              []string
	Disabled           bool
}

type eventStream struct {
	Stream
	id      string
	created time.Time
	updated time.Time
	queue   []*delivery
	failed  []*delivery // in the order in which they failed
	inARow  int
	sent    int
}

// delivery is an event on its way to a webhook.
type delivery struct {
	event    *Event
	attempts []attempt
}

type attempt struct {
	at  time.Time
	why string
}

// sender sends events to webhooks. Its state lies under the tenant's lock.
type sender struct {
	retries []time.Duration
	streams []*eventStream
	wake    chan struct{}
}

func newSender(retries []time.Duration) sender {
	return sender{retries: retries, wake: make(chan struct{}, 1)}
}

// offer queues an event for each stream that wants it.
func (s *sender) offer(e *Event) {
	for _, st := range s.streams {
		if !st.Disabled && slices.Contains(st.Types, e.Type) {
			st.queue = append(st.queue, &delivery{event: e})
		}
	}
	s.nudge()
}

func (s *sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Start sends what is due to webhooks, until stop is called or ctx ends: the first
// attempts of a stream in order, further ones when they are due. What is on its way when
// it ends is sent again by the next Start. stop waits for everything.
func (t *Tenant) Start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	transport := &http.Transport{}
	client := &http.Client{Transport: transport, Timeout: webhookTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	all.Go(func() {
		for {
			for ctx.Err() == nil {
				st, d := t.due()
				if d == nil {
					break
				}
				if t.attempt(ctx, client, st, d) {
					continue
				}
				all.Go(func() { t.insist(ctx, client, st, d) })
			}
			select {
			case <-ctx.Done():
				return
			case <-t.sender.wake:
			}
		}
	})
	return func() {
		cancel()
		all.Wait()
		transport.CloseIdleConnections()
	}
}

// due takes the next delivery out of the queues.
func (t *Tenant) due() (*eventStream, *delivery) {
	t.Lock()
	defer t.Unlock()
	for _, st := range t.sender.streams {
		if len(st.queue) > 0 && !st.Disabled {
			d := st.queue[0]
			st.queue = slices.Delete(st.queue, 0, 1)
			return st, d
		}
	}
	return nil, nil
}

// insist makes the attempts behind the first.
func (t *Tenant) insist(ctx context.Context, client *http.Client, st *eventStream, d *delivery) {
	for n := len(d.attempts); n <= len(t.sender.retries); n++ {
		fake.Wait(ctx, t.sender.retries[n-1])
		if ctx.Err() != nil {
			t.Lock()
			st.requeue(d)
			t.Unlock()
			return
		}
		if t.attempt(ctx, client, st, d) {
			return
		}
	}
}

// requeue puts a delivery back that was not finished, to begin anew.
func (st *eventStream) requeue(d *delivery) {
	st.queue = slices.Insert(st.queue, 0, &delivery{event: d.event})
}

// attempt sends an event once, and reports whether that was the end of it: it came, or
// the answer was a 4xx, which ends it at once, or this was the last attempt.
func (t *Tenant) attempt(ctx context.Context, client *http.Client, st *eventStream, d *delivery) (done bool) {
	t.Lock()
	want, body := st.Stream, t.cloud(d.event, st.id)
	t.Unlock()
	status, err := post(ctx, client, &want, body)
	t.Lock()
	defer t.Unlock()
	if ctx.Err() != nil {
		st.requeue(d)
		return true
	}
	if err == nil && status < 300 {
		st.sent++
		st.inARow = 0
		return true
	}
	why := fmt.Sprintf("the webhook answered %d", status)
	if err != nil {
		why = "the webhook did not answer"
	}
	d.attempts = append(d.attempts, attempt{t.now(), why})
	if err == nil && status >= 400 && status < 500 || len(d.attempts) > len(t.sender.retries) {
		st.failed = append(st.failed, d)
		if st.inARow++; st.inARow >= disabledAfter || len(st.failed) >= mostFailed {
			st.Disabled = true
		}
		return true
	}
	return false
}

func post(ctx context.Context, client *http.Client, to *Stream, body jsontext.Value) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	switch {
	case to.Bearer != "":
		req.Header.Set("Authorization", "Bearer "+to.Bearer)
	case to.Header != "":
		req.Header.Set(to.Header, to.Value)
	case to.Username != "":
		req.SetBasicAuth(to.Username, to.Password)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody))
	return res.StatusCode, err
}

// AddStream makes an event stream as an administrator might, and returns its id. No
// types are those of users.
func (t *Tenant) AddStream(s Stream) (id string, err error) {
	if s.URL == "" {
		return "", errors.New("an event stream needs a URL")
	}
	t.Lock()
	defer t.Unlock()
	return t.addStream(s).id, nil
}

func (t *Tenant) addStream(s Stream) *eventStream {
	if len(s.Types) == 0 {
		s.Types = []string{"user.created", "user.updated", "user.deleted"}
	}
	st := &eventStream{Stream: s, id: t.ids.Next("est_", 22), created: t.now(), updated: t.now()}
	t.sender.streams = append(t.sender.streams, st)
	return st
}

// StreamStatus is what became of an event stream.
type StreamStatus struct {
	Enabled              bool
	Waiting, Sent        int // events that wait for their first attempt, and that came
	Failed, FailedInARow int
}

// StreamStatus returns what became of an event stream.
func (t *Tenant) StreamStatus(id string) (StreamStatus, bool) {
	t.Lock()
	defer t.Unlock()
	for _, st := range t.sender.streams {
		if st.id == id {
			return StreamStatus{!st.Disabled, len(st.queue), st.sent, len(st.failed), st.inARow}, true
		}
	}
	return StreamStatus{}, false
}
