// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/server"
)

// Token is what the apps want to see.
func (d *Demo) Token() string { return token }

// PlainURL is the SCIM base URL of an app that can be asked for everybody.
func (d *Demo) PlainURL() string {
	for _, a := range d.Apps {
		if a.Fake() != nil {
			return a.URL()
		}
	}
	return ""
}

// Stay keeps the company up until ctx ends, by what `usher serve` runs: whoever
// edits the HR file sees the apps follow, and every command works beside it.
// tell gets a line for everything that happens, one at a time.
func (d *Demo) Stay(ctx context.Context, tell func(string)) (err error) {
	// What is opened is opened whole: a stop is Serve's to carry out.
	b, err := d.build(context.WithoutCancel(ctx), "")
	if err != nil {
		return err
	}
	u, err := b.Open(context.WithoutCancel(ctx), server.ServeHolder())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	_, err = u.Serve(ctx, server.ServeOptions{Log: slog.New(&teller{say: tell, mu: &sync.Mutex{}}), Actor: "demo"})
	return err
}

// teller writes what the engine logs as lines for somebody who watches.
type teller struct {
	say   func(string)
	mu    *sync.Mutex // one line at a time; shared by all that come of one
	attrs []slog.Attr
}

// Enabled says that everything but the details is told.
func (t *teller) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle tells one record: time, message, attributes.
func (t *teller) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", r.Time.Format(time.TimeOnly), r.Message)
	add := func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindFloat64 {
			fmt.Fprintf(&b, "  %s=%.1f", a.Key, a.Value.Float64())
		} else {
			fmt.Fprintf(&b, "  %s=%v", a.Key, a.Value)
		}
		return true
	}
	for _, a := range t.attrs {
		add(a)
	}
	r.Attrs(add)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.say(b.String())
	return nil
}

// WithAttrs puts attributes before those of each record.
func (t *teller) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &teller{say: t.say, mu: t.mu, attrs: slices.Concat(t.attrs, attrs)}
}

// WithGroup leaves names as they are: a line for people has no depth.
func (t *teller) WithGroup(string) slog.Handler { return t }
