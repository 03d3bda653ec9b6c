// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/source"
)

// TimeForm is how a time is written.
type TimeForm string

// The forms of a time.
const (
	FormRFC3339  TimeForm = "rfc3339"  // in UTC, with seconds
	FormDateTime TimeForm = "datetime" // 2026-11-26T10:00:00, in UTC, which it does not say
	FormDate     TimeForm = "date"     // in UTC
	FormUnix     TimeForm = "unix"     // seconds
	FormMillis   TimeForm = "unix-ms"  // milliseconds
)

// dateTime is FormDateTime as package time has it.
const dateTime = "2006-01-02T15:04:05"

// whenIn is what stands for the time in Since.Value.
const whenIn = "{time}"

func (f TimeForm) write(t time.Time) string {
	t = t.UTC()
	switch f {
	case FormDateTime:
		return t.Format(dateTime)
	case FormDate:
		return t.Format(time.DateOnly)
	case FormUnix:
		return strconv.FormatInt(t.Unix(), 10)
	case FormMillis:
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return t.Truncate(time.Second).Format(time.RFC3339)
}

// read reads a time; one of no zone is in UTC.
func (f TimeForm) read(text string) (time.Time, error) {
	switch f {
	case FormUnix, FormMillis:
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			return time.Time{}, err
		case f == FormMillis:
			return time.UnixMilli(n), nil
		}
		return time.Unix(n, 0), nil
	case FormDateTime:
		return time.Parse(dateTime, text)
	case FormDate:
		return time.Parse(time.DateOnly, text)
	}
	return time.Parse(time.RFC3339Nano, text)
}

// Listener is who is told of changes.
type Listener struct {
	// Hear takes who may have changed; once it returns that is not lost.
	Hear func(ctx context.Context, w source.Word) error
	// Lost is called when it is not known who has changed: everybody has to be read.
	Lost func()
	// State is called after each look: nil when it went well, and why it did not. It may
	// be nil.
	State func(error)
}

// mostChanged is up to how many are read one by one; if more have changed at once,
// everybody is read.
const mostChanged = 1_000

// progress is up to when changes were taken.
type progress struct {
	URL string    `json:"url"`
	At  time.Time `json:"at"`
}

// longestGap is how far back it is asked for changes; who was away for longer reads
// everybody at the start in any case.
const longestGap = 7 * 24 * time.Hour

// Watch asks now and then who has changed, until ctx ends; kept says from when on, nil is
// now. Whatever goes wrong is tried again, from the same time on.
func (l *List) Watch(ctx context.Context, kept []byte, to Listener) {
	var at progress
	began := time.Now()
	if len(kept) == 0 || json.Unmarshal(kept, &at) != nil || at.URL != l.Since.URL || began.Sub(at.At) > longestGap || at.At.After(began) {
		at = progress{URL: l.Since.URL, At: began}
	}
	for {
		if err := sleep(ctx, cmp.Or(l.Since.Every, 5*time.Minute)); err != nil {
			return
		}
		err := l.look(ctx, &at, to)
		if ctx.Err() != nil {
			return
		}
		if to.State != nil {
			to.State(err)
		}
	}
}

// look asks once who has changed.
func (l *List) look(ctx context.Context, at *progress, to Listener) error {
	now := time.Now()
	keys, err := l.Changed(ctx, at.At.Add(-cmp.Or(l.Since.Overlap, 2*time.Minute)))
	if err != nil {
		return err
	}
	if len(keys) > mostChanged {
		to.Lost()
		keys = nil
	}
	for _, key := range keys {
		if err := to.Hear(ctx, source.Word{Key: key}); err != nil {
			return err
		}
	}
	next := progress{URL: at.URL, At: now}
	done, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := to.Hear(ctx, source.Word{Idle: true, Progress: done}); err != nil {
		return err
	}
	*at = next
	return nil
}

// Changed are the ids of the records that have changed since.
func (l *List) Changed(ctx context.Context, since time.Time) (keys []string, err error) {
	s := l.Since
	at, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	w := &walk{list: s.List}
	if s.Paged {
		w.paging = l.Paging
	}
	seen, lost := map[string]bool{}, 0
	when := strings.Replace(cmp.Or(s.Value, whenIn), whenIn, s.Form.write(since), 1)
	first := ask{url: with(at, map[string]string{s.Param: when}), where: place(at), method: http.MethodGet}
	err = l.all(ctx, w, first, func(raw []byte, _ int) error {
		v, err := jsonpath.Parse(raw)
		if err != nil {
			lost++
			return nil
		}
		key := idOf(v, s.Key)
		if key == "" {
			lost++
		} else if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case lost > 0:
		return nil, &Error{Where: first.where, Msg: fmt.Sprintf("tells of %d changes without an id that can be read: check list and key of since", lost)}
	case w.why != "":
		return nil, &Error{Where: first.where, Msg: "may not tell of all changes: " + w.why}
	}
	return keys, nil
}

// idOf is an id, "" for none that can be one.
func idOf(v *jsonpath.Value, p Path) string {
	found := v.Find(p)
	if len(found) == 0 || !found[0].Simple() {
		return ""
	}
	key := strings.TrimFunc(found[0].String(), source.IsBlank)
	if source.BadKey([]byte(key), source.MaxField) != "" {
		return ""
	}
	return key
}
