// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-id/usher/internal/dial"
)

// Error is why something could not be had, in one sentence that names the address and
// what to do. It holds nothing of what was sent or answered.
type Error struct {
	Where      string // the address, without its query
	Msg        string
	Status     int           // of the answer, 0 if there was none
	Credential bool          // it is about who we are
	Again      bool          // another try may help
	After      time.Duration // as the answer asks, 0 if it does not
}

func (e *Error) Error() string { return e.Where + " " + e.Msg }

// gone reports whether there is no such record.
func (e *Error) gone() bool {
	return e.Status == http.StatusNotFound || e.Status == http.StatusGone
}

// client sends requests, all to one origin but those for tokens.
type client struct {
	config Config
	origin string
	http   *http.Client
	tokens tokens
	pace   *rate.Limiter
}

const (
	mostRedirects = 3
	userAgent     = "usher (https://github.com/usher-id/usher)"
)

func newClient(c Config, at string) *client {
	pace := rate.NewLimiter(rate.Inf, 1)
	if c.RequestsPerSecond > 0 {
		pace = rate.NewLimiter(rate.Limit(c.RequestsPerSecond), 1)
	}
	return &client{config: c, origin: at, pace: pace, http: &http.Client{Transport: c.HTTP, CheckRedirect: redirected}}
}

// errRedirect is in the chain of errors about an answer that leads elsewhere.
var errRedirect = errors.New("a redirect that is not followed")

// redirected follows within an origin and nowhere else, and repeats nothing but a GET: a
// credential goes along.
func redirected(next *http.Request, via []*http.Request) error {
	if len(via) > mostRedirects || origin(next.URL) != origin(via[0].URL) || via[0].Method != http.MethodGet {
		return errRedirect
	}
	return nil
}

// answer is an answer of success, or that nothing has changed.
type answer struct {
	body   []byte
	header http.Header
	at     *url.URL // where it came from in the end
	same   bool     // 304
}

// ask is one request.
type ask struct {
	url    *url.URL
	where  string // for people
	method string
	body   string
	etag   string // that is known
	most   int64  // bytes of the answer; 0: Limits.PageBytes
	form   Feed   // whose message it is; nil: it is JSON
}

// get sends a request until it is answered for good.
func (c *client) get(ctx context.Context, a ask) (*answer, error) {
	renewed := false
	for tries := 1; ; tries++ {
		got, used, err := c.once(ctx, a)
		if err == nil {
			return got, nil
		}
		e, ok := errors.AsType[*Error](err)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !ok:
			return nil, err
		case e.Status == http.StatusUnauthorized && used != "" && !renewed:
			renewed = true
			c.tokens.drop(used)
			continue
		case !e.Again || tries >= c.config.Limits.Tries:
			return nil, err
		case e.After > c.config.Limits.Wait:
			e.Msg += fmt.Sprintf("; it asks to wait %s, which is longer than %s", e.After.Round(time.Second), c.config.Limits.Wait)
			return nil, err
		}
		pause := c.config.Limits.Pause << (tries - 1)
		if err := sleep(ctx, cmp.Or(e.After, pause/2+rand.N(pause/2+1))); err != nil { //nolint:gosec // it spreads waits, and protects nothing
			return nil, err
		}
	}
}

// once sends a request once. used is the access token that went along.
func (c *client) once(ctx context.Context, a ask) (_ *answer, used string, _ error) {
	if err := c.pace.Wait(ctx); err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, a.method, a.url.String(), strings.NewReader(a.body))
	if err != nil {
		return nil, "", &Error{Where: a.where, Msg: "is no address that can be asked"}
	}
	r.Header.Set("Accept", a.mediaType())
	r.Header.Set("User-Agent", userAgent)
	if a.body != "" {
		r.Header.Set("Content-Type", a.mediaType())
	}
	for _, h := range c.config.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	if a.etag != "" {
		r.Header.Set("If-None-Match", a.etag)
	}
	if used, err = c.sign(ctx, r); err != nil {
		return nil, "", err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, used, unanswered(ctx, a.where, err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	switch {
	case res.StatusCode == http.StatusNotModified && a.etag != "":
		return &answer{header: res.Header, same: true}, used, nil
	case res.StatusCode != http.StatusOK:
		return nil, used, a.refused(refusal(a.where, res, time.Now()), res.Body)
	}
	body, err := c.read(ctx, a, res)
	if err != nil {
		return nil, used, err
	}
	return &answer{body: body, header: res.Header, at: res.Request.URL}, used, nil
}

// read reads an answer within its bound, and refuses what cannot be what is expected.
func (c *client) read(ctx context.Context, a ask, res *http.Response) ([]byte, error) {
	most, where := min(cmp.Or(a.most, c.config.Limits.PageBytes), c.config.Limits.PageBytes), a.where
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	trimmed := bytes.TrimLeft(body[:min(len(body), 1<<10)], " \t\r\n")
	switch {
	case int64(len(body)) > most:
		return nil, &Error{Where: where, Msg: fmt.Sprintf("answers with more than %d bytes: ask for smaller pages or fewer fields", most)}
	case err != nil && ctx.Err() != nil:
		return nil, &Error{Where: where, Msg: fmt.Sprintf("does not end its answer within %s: set a longer timeout, or ask for smaller pages", c.config.Timeout), Again: true}
	case err != nil:
		return nil, &Error{Where: where, Msg: "broke off its answer", Again: true}
	case kind == "text/html" || a.form == nil && bytes.HasPrefix(trimmed, []byte("<")):
		return nil, &Error{Where: where, Msg: "answers with a web page instead of " + a.expects() + ", as sign-in pages and proxies do: check the address and the credential"}
	case len(trimmed) == 0:
		return nil, &Error{Where: where, Msg: "answers with nothing, where a list is expected: check the address"}
	}
	return body, nil
}

// unanswered is a request to which no answer came.
func unanswered(ctx context.Context, where string, err error) *Error {
	return &Error{Where: where, Msg: unreachable(ctx, err), Again: !errors.Is(err, errRedirect) && !errors.Is(err, dial.ErrAddress)}
}

// unreachable says why no answer came.
func unreachable(ctx context.Context, err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errRedirect):
		return "answers with a redirect that leads elsewhere, where no credential goes: write the address that is meant"
	case errors.Is(err, dial.ErrAddress):
		return "leads to an address that must not be called: if it is meant, say so with allow: " + innermost(err)
	case ctx.Err() != nil:
		return "does not answer in time: set a longer timeout, or ask for smaller pages"
	case errors.As(err, &dns):
		return "has a host name that cannot be found: check the address"
	case errors.As(err, &cert):
		return "has a certificate that is not trusted: " + innermost(cert.Err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "cannot be connected to: check the address"
	}
	return "broke off before it answered"
}

// innermost is an error without what is wrapped around it, which may name the whole URL.
func innermost(err error) string {
	for {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
			continue
		}
		return err.Error()
	}
}

// refusal is an answer of no success.
func refusal(where string, res *http.Response, now time.Time) *Error {
	e := &Error{Where: where, Status: res.StatusCode}
	said := strconv.Itoa(res.StatusCode)
	if text := http.StatusText(res.StatusCode); text != "" {
		said += " " + text
	}
	switch s := res.StatusCode; {
	case s == http.StatusUnauthorized:
		e.Credential, e.Msg = true, "does not take the credential ("+said+"): check auth, and whether it has expired"
	case s == http.StatusForbidden:
		e.Credential, e.Msg = true, "does not let this credential read ("+said+"): give it the right to read people"
	case s == http.StatusNotFound || s == http.StatusGone:
		e.Msg = "is not there (" + said + "): check the address"
	case s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable:
		e.Again, e.After, e.Msg = true, cmp.Or(retryAfter(res.Header, now), reset(res.Header, now)), "has no time for us ("+said+"): set requests_per_second, or read less often"
	case s >= http.StatusInternalServerError && s != http.StatusNotImplemented:
		e.Again, e.After, e.Msg = true, retryAfter(res.Header, now), "fails ("+said+")"
	case s >= 300 && s < 400:
		e.Msg = "answers with a redirect that is not followed (" + said + "): write the address that is meant"
	default:
		e.Msg = "refuses the request (" + said + "): check method, query and headers"
	}
	return e
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3), a date against the server's own clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	text := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, most)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(at.Sub(now), 0), most)
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
