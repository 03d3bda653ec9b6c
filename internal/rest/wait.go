// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Ended is why a request ended: what ended its context, rather than that it was ended.
func Ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		return cause
	}
	return err
}

// errTimeout says that no answer came within Config.Timeout.
var errTimeout = fmt.Errorf("no answer within the time for one request: %w", context.DeadlineExceeded)

// Deadline ends a request that takes too long.
type Deadline struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// Within is a context that ends after d, unless the deadline is lifted before. Unlike
// one of context.WithTimeout it may go on without one.
func Within(ctx context.Context, d time.Duration) (context.Context, Deadline) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, NewDeadline(d, errTimeout, cancel)
}

// NewDeadline ends a context by why after d.
func NewDeadline(d time.Duration, why error, cancel context.CancelCauseFunc) Deadline {
	return Deadline{time.AfterFunc(d, func() { cancel(why) }), cancel}
}

// Reset gives a time again.
func (d Deadline) Reset(t time.Duration) { d.timer.Reset(t) }

// Lift takes the time limit away. The context still ends with Done.
func (d Deadline) Lift() { d.timer.Stop() }

// Done ends the context.
func (d Deadline) Done() {
	d.timer.Stop()
	d.cancel(nil)
}

// progress follows a request through the transport.
type progress struct{ traced, connected atomic.Bool }

// follow notes when a connection is handed over, before which there is none to write
// to. The transport asks for another connection only if it knows that the first
// attempt did nothing, hence the reset.
func (p *progress) follow(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			p.traced.Store(true)
			p.connected.Store(false)
		},
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// notSent reports whether it is proven that nothing was sent. A RoundTripper that
// does not trace proves nothing, unless its error says that it dialled.
func (p *progress) notSent(err error) bool {
	if p.traced.Load() {
		return !p.connected.Load()
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
