// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/rest"
)

// maxFields is how many fields an export tells, by its documentation.
const maxFields = 30

const (
	firstPoll = time.Second
	maxPoll   = 30 * time.Second
)

// Export reads everybody by an export job: it asks for one, waits for it within ctx,
// and reads its lines as they come. It is complete if and only if the sequence ends
// without an error. connection is a connection's id, "" is all. fields are the names
// of top-level fields, dotted below app_metadata and user_metadata; user_id,
// identities, blocked and updated_at are always there.
//
// The documentation describes the fields of CSV; that a line of JSON holds dotted
// fields nested or by their dotted names is not verified, and both are read.
func (c *Client) Export(ctx context.Context, connection string, fields []string) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		err := c.export(ctx, connection, fields, func(u User) bool { return yield(u, nil) })
		if err != nil {
			yield(User{}, err)
		}
	}
}

func (c *Client) export(ctx context.Context, connection string, fields []string, yield func(User) bool) error {
	job, err := c.startExport(ctx, connection, fields)
	if err != nil {
		return err
	}
	location, err := c.awaitJob(ctx, job)
	if err != nil {
		return err
	}
	return c.download(ctx, location, yield)
}

// startExport returns the id of the job.
func (c *Client) startExport(ctx context.Context, connection string, fields []string) (string, error) {
	type field struct {
		Name string `json:"name"`
	}
	var body struct {
		Connection string  `json:"connection_id,omitzero"`
		Format     string  `json:"format"`
		Fields     []field `json:"fields"`
	}
	body.Connection, body.Format = connection, "json"
	names := []string{"user_id", "identities", "blocked", "updated_at"}
	for _, name := range fields {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		body.Fields = append(body.Fields, field{name})
	}
	r := request{Method: http.MethodPost, Route: apiPath + "/jobs/users-exports", Body: body}
	if len(names) > maxFields {
		return "", &Error{API: api, Op: op(&r), Unsent: true, Err: fmt.Errorf("an export tells %d fields at most, and this asks for %d", maxFields, len(names))}
	}
	var job struct {
		ID string `json:"id"`
	}
	if err := c.call(ctx, r, &job); err != nil {
		return "", err
	}
	if job.ID == "" {
		return "", unusable(&r, errors.New("the job has no id"))
	}
	return job.ID, nil
}

// awaitJob asks for the job, less and less often, until it is done, and returns where
// its result is. A job is forgotten after a day, which ends the wait in any case.
func (c *Client) awaitJob(ctx context.Context, id string) (string, error) {
	r := request{Method: http.MethodGet, Route: apiPath + "/jobs/{}", IDs: []string{id}}
	for wait := firstPoll; ; wait = min(wait*3/2, maxPoll) {
		var job struct {
			Status   string `json:"status"`
			Details  string `json:"status_details"`
			Location string `json:"location"`
		}
		if err := c.call(ctx, r, &job); err != nil {
			return "", err
		}
		switch job.Status {
		case "completed":
			if job.Location == "" {
				return "", unusable(&r, errors.New("the job is completed without a result"))
			}
			return job.Location, nil
		case "pending", "processing":
		default:
			hide := rest.Redact{c.tokens.hidden()}
			return "", &Error{API: api, Op: op(&r), Status: http.StatusOK, Code: rest.Keyword(job.Status), Message: hide.Clean(job.Details), Err: errors.New("the export job did not succeed")}
		}
		if err := rest.Sleep(ctx, wait); err != nil {
			return "", &Error{API: api, Op: op(&r), Err: fmt.Errorf("the export job is not done in time: %w", err)}
		}
	}
}

const downloadOp = http.MethodGet + " the export"

// download reads the lines of a result. It goes without our token: the address, which
// is secret itself, belongs to somebody's storage.
func (c *Client) download(ctx context.Context, location string, yield func(User) bool) error {
	hide := rest.Redact{location, c.tokens.hidden()}
	fail := func(err error) error { return &Error{API: api, Op: downloadOp, Err: hide.Cause(err)} }
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(c.base, "https:")) {
		return fail(errors.New("the address of the result is none of https"))
	}
	ctx, limit := rest.Within(ctx, c.rest.Timeout())
	defer limit.Done()
	// The identity of the encoding: a compressed file must come as it is.
	r := request{Method: http.MethodGet, Header: http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}}}
	req, err := c.rest.NewRequest(ctx, &r, location, nil, "")
	if err != nil {
		return fail(err)
	}
	res, e := c.rest.RoundTrip(req, hide)
	if e != nil {
		e.Op = downloadOp
		return e
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		e := &Error{API: api, Op: downloadOp, Status: res.StatusCode, Foreign: true, RetryAfter: limits.RetryAfter(res.Header, time.Now())}
		e.Err = errors.New("the result of the export cannot be read")
		return e
	}
	err = c.readLines(&patient{r: res.Body, limit: limit, d: c.rest.Timeout()}, yield)
	if err != nil {
		return fail(rest.Ended(ctx, err))
	}
	return nil
}

// readLines reads users from gzip'd lines of JSON. That the stream is whole is held by
// its trailer, which has the length and a checksum.
func (c *Client) readLines(from io.Reader, yield func(User) bool) error {
	zip, err := gzip.NewReader(from)
	if err != nil {
		return fmt.Errorf("%w: it is no gzip file: %w", ErrIncomplete, err)
	}
	limited := &io.LimitedReader{R: zip, N: c.bounds.export}
	lines := bufio.NewReaderSize(limited, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines, c.bounds.line)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: line %d: %w", ErrIncomplete, n, err)
		}
		if limited.N <= 0 {
			return fmt.Errorf("%w: it has more than %d bytes", ErrIncomplete, c.bounds.export)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			u, bad := ParseUser(text)
			if bad != nil {
				return fmt.Errorf("%w: line %d: %w", ErrIncomplete, n, bad)
			}
			if !yield(u) {
				return nil
			}
		}
		if err != nil {
			return nil // the end, which the reader of gzip has checked
		}
	}
}

// readLine reads up to a line feed, or with io.EOF up to the end.
func readLine(from *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := from.ReadSlice('\n')
		if len(line)+len(part) > most {
			return nil, fmt.Errorf("it is longer than %d bytes", most)
		}
		if line == nil && err == nil {
			return part, nil
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// patient gives a reader time d for each read, instead of a time for all.
type patient struct {
	r     io.Reader
	limit rest.Deadline
	d     time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	p.limit.Reset(p.d)
	n, err := p.r.Read(b)
	p.limit.Lift()
	return n, err
}
