// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// Bounds of one run.
const (
	mostBody     = 16 << 20
	mostRequests = 600
	mostWait     = 2 * time.Minute // in all, where the app asks us to wait
	mostPause    = 30 * time.Second
	patience     = 30 * time.Second // one request
	mostTime     = 15 * time.Minute // a run, without the removal of canaries
	again        = 2                // times that a request that does not make anything is repeated
)

// leastSecret is how long a token is at least that is looked for in answers: a shorter
// one is in many a word.
const leastSecret = 8

const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// wire sends one request at a time and shows the answer as it came. Package
// scimclient would hide what is looked for here: it always sends the headers that
// apps want, and reads answers kindly.
type wire struct {
	base, token string
	http        *http.Client
	media       string // of bodies
	agent       string
	accept      string
	sent        int // requests
	most        int // of them
	waited      time.Duration
	told        func()       // after each request
	throttle    app.Throttle // how the app says otherwise that it is asked too often
	twice       bool         // an error had "schema" beside "schemas"
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	res    *scim.Resource // nil if it is no JSON object
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// absent tells whether the answer says that there is no such resource or address.
func (a answer) absent() bool { return a.status == http.StatusNotFound || a.status == http.StatusGone }

// unoffered tells whether the operation is none of the app's.
func (a answer) unoffered() bool {
	return a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotImplemented
}

// said is the app's reason, for people; one line, bounded.
func (a answer) said() string {
	text := strconv.Itoa(a.status)
	if e, err := scim.ParseError(a.body); err == nil && e.Detail != "" {
		text += " " + plainText(e.Detail, 200)
	}
	return text
}

// plainText keeps what an app says from moving a cursor, and short.
func plainText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// call is one request.
type call struct {
	method string
	path   string // below the base, with its slash
	query  url.Values
	body   []byte
	tune   func(http.Header) // changes the headers
}

// errStopped is in the chain of errors that end a run: nothing more is sent but for
// the removal of canaries.
var errStopped = errors.New("stopped")

// do sends a request. It waits where the app says that it is asked too often (RFC 6585
// §4, RFC 9110 §10.2.3), and repeats what makes nothing when the app or the way to it
// failed. An error ends the run.
func (w *wire) do(ctx context.Context, c call) (answer, error) {
	for try := 0; ; try++ {
		a, err := w.once(ctx, c)
		switch pause := w.throttled(a); {
		case ctx.Err() != nil:
			return a, fmt.Errorf("%w: %w", errStopped, context.Cause(ctx))
		case w.sent > w.most:
			return a, fmt.Errorf("%w: %d requests, and no end", errStopped, w.sent)
		case err == nil && pause > 0 && w.waited+pause <= mostWait:
			w.waited += pause
			if err := sleep(ctx, pause); err != nil {
				return a, err
			}
			try--
		case err == nil && pause > 0:
			return a, fmt.Errorf("%w: %s %s: the app says for too long that it is asked too often (%d)", errStopped, c.method, c.path, a.status)
		case err == nil && a.status == http.StatusUnauthorized:
			return a, fmt.Errorf("%w: the app does not accept the token (401)", errStopped)
		case err == nil && a.status < 500, err == nil && a.status == http.StatusNotImplemented:
			return a, nil
		case c.method == http.MethodPost || try == again: // a POST might have made what it should; it is looked for at the end
			if err == nil && c.method != http.MethodPost {
				return a, nil
			}
			return a, fmt.Errorf("%w: %s %s: %w", errStopped, c.method, c.path, orStatus(err, a))
		default:
			if err := sleep(ctx, time.Duration(try+1)*250*time.Millisecond); err != nil {
				return a, err
			}
		}
	}
}

func orStatus(err error, a answer) error {
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which may hold a tenant
		}
		return err
	}
	return errors.New("the app answers " + a.said())
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errStopped, context.Cause(ctx))
	}
}

// throttled is how long the app asks us to wait; 0 if it does not.
func (w *wire) throttled(a answer) time.Duration {
	asked := a.header.Get("Retry-After")
	own := slices.Contains(w.throttle.Statuses, a.status) &&
		(asked != "" || slices.ContainsFunc(w.throttle.Words, func(s string) bool { return bytes.Contains(a.body, []byte(s)) }))
	if a.status != http.StatusTooManyRequests && !own && (a.status != http.StatusServiceUnavailable || asked == "") {
		return 0
	}
	d := time.Second
	if n, err := strconv.Atoi(strings.TrimSpace(asked)); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(asked); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 10*time.Millisecond), mostPause)
}

func (w *wire) once(ctx context.Context, c call) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	u := w.base + c.path
	if len(c.query) > 0 {
		u += "?" + strings.ReplaceAll(c.query.Encode(), "+", "%20") // as package scimclient does
	}
	r, err := http.NewRequestWithContext(ctx, c.method, u, bytes.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("User-Agent", w.agent)
	r.Header.Set("Accept", w.accept)
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	if len(c.body) > 0 {
		r.Header.Set("Content-Type", w.media)
	}
	if c.tune != nil {
		c.tune(r.Header)
	}
	w.sent++
	if w.told != nil {
		w.told()
	}
	res, err := w.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(res.Body, mostBody+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > mostBody {
		return answer{}, fmt.Errorf("%w: an answer of more than %d bytes", errStopped, mostBody)
	}
	if len(w.token) >= leastSecret { // some servers quote what they refuse
		body = bytes.ReplaceAll(body, []byte(w.token), []byte("[redacted]"))
	}
	a := answer{status: res.StatusCode, header: res.Header, body: body}
	if got, err := scim.ParseResource(body, scim.Limits{MaxBytes: mostBody, MaxElements: -1}); err == nil {
		a.res = got
		if _, has := got.Get("schema"); has && a.status >= 400 {
			w.twice = true
		}
	}
	if a.ok() && a.res == nil && len(body) > 0 && c.method == http.MethodPost {
		return answer{}, errors.New("the answer cannot be read")
	}
	return a, nil
}

// do sends a request. The first error stays: after it nothing is sent, and what
// follows finds nothing out.
func (p *prober) do(ctx context.Context, c call) answer {
	if p.failed != nil {
		return answer{}
	}
	a, err := p.wire.do(ctx, c)
	if err != nil {
		p.failed = err
		return answer{}
	}
	return a
}

func (p *prober) get(ctx context.Context, path string, params ...string) answer {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	return p.do(ctx, call{method: http.MethodGet, path: path, query: q})
}

func (p *prober) send(ctx context.Context, method, path string, body *scim.Resource) answer {
	return p.do(ctx, call{method: method, path: path, body: body.AppendJSON(nil)})
}

func (p *prober) delete(ctx context.Context, path string) answer {
	return p.do(ctx, call{method: http.MethodDelete, path: path})
}

// read is a resource as it is now; nil if it is not there.
func (p *prober) read(ctx context.Context, path string) *scim.Resource {
	a := p.get(ctx, path)
	if !a.ok() {
		return nil
	}
	return a.res
}

// page is a list as it came.
type page struct {
	status   int
	total    int
	all      []*scim.Resource
	next     string // cursor
	hasStart bool   // it says where it begins
	lower    bool   // the key of the list is in lower case
}

func (l page) ok() bool { return l.status == http.StatusOK }

// list reads a list; one that was refused has its status and nobody.
func (p *prober) list(ctx context.Context, path string, params ...string) page {
	a := p.get(ctx, path, params...)
	l := page{status: a.status}
	if !a.ok() || a.res == nil {
		return l
	}
	if v, ok := a.res.Get("totalResults"); ok {
		n, _ := v.AsInteger()
		l.total = int(n)
	}
	if v, ok := a.res.Get("nextCursor"); ok {
		l.next, _ = v.AsString()
	}
	_, l.hasStart = a.res.Get("startIndex")
	for name, v := range a.res.All() {
		if strings.EqualFold(name, "Resources") {
			l.lower = name == "resources"
			l.all = resources(v)
		}
	}
	l.total = max(l.total, len(l.all))
	return l
}

// find is a list by a filter.
func (p *prober) find(ctx context.Context, typ, filter string, params ...string) page {
	return p.list(ctx, p.path(typ), append([]string{"filter", filter}, params...)...)
}

func resources(v scim.Value) []*scim.Resource {
	list, _ := v.AsList()
	var out []*scim.Resource
	for _, e := range list {
		if o, ok := e.AsComplex(); ok {
			out = append(out, &scim.Resource{Object: o})
		}
	}
	return out
}

// has tells whether somebody of this id is on the page.
func (l page) has(id string) bool { return l.of(id) != nil }

// of is who has this id; nil for nobody.
func (l page) of(id string) *scim.Resource {
	for _, r := range l.all {
		if r.ID() == id && id != "" {
			return r
		}
	}
	return nil
}
