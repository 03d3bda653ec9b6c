// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

// Feed has the records of a system that does not give them as JSON in pages. It makes the
// messages and reads the answers; sending, trying again, and what is made of the records is
// ours, as is looking for whoever is absent.
//
// send posts a message to Config.URL and returns what is answered with success. No method
// puts anything that was sent or answered into an error.
type Feed interface {
	// MediaType is that of messages and answers.
	MediaType() string
	// All hands each record over as JSON. why says that those may not be all.
	All(ctx context.Context, send func(context.Context, []byte) ([]byte, error), record func([]byte) error) (why string, err error)
	// One is the record of somebody by their key, as JSON; nil if there is none.
	One(ctx context.Context, send func(context.Context, []byte) ([]byte, error), key string) ([]byte, error)
	// Refused reads an answer that is none of success: what is wrong, behind the address;
	// whether it is about who we are; whether another try may help. "" says that the status
	// tells more.
	Refused(status int, body []byte) (msg string, credential, again bool)
}

// pagingFeed has a list of a feed taken as one of several answers.
const pagingFeed PagingKind = "feed"

// fed checks what goes with a feed, and fills in what the rest goes by.
func (c *Config) fed() error {
	if c.Body != "" || !c.List.IsZero() || c.Total != nil || c.Paging.Kind != PagingNone || c.One != nil || c.Since != nil || len(c.With) > 0 || c.Auth.Kind != httpauth.None {
		return errors.New("body, list, total, paging, with, one and since say nothing to a system that gives no JSON: take them out")
	}
	c.One, c.Paging.Kind = &One{}, pagingFeed // it is asked by id, see oneFed
	return nil
}

// post sends a message of the feed.
func (l *List) post(ctx context.Context, body []byte) ([]byte, error) {
	at, err := url.Parse(l.URL)
	if err != nil {
		return nil, err
	}
	a, err := l.client.get(ctx, ask{url: at, where: l.where, method: http.MethodPost, body: string(body), form: l.Feed})
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

// onceFed reads everybody by the feed. What goes wrong behind the first record leaves the
// rest unread, unless it is about who we are. No feed has an ETag.
func (l *List) onceFed(ctx context.Context, _ string) (*rows, *walk, error) {
	w, all := &walk{paging: l.Paging}, l.newRows()
	send := func(ctx context.Context, body []byte) ([]byte, error) {
		text, err := l.post(ctx, body)
		w.size += int64(len(text))
		return text, err
	}
	why, err := l.Feed.All(ctx, send, func(record []byte) error {
		if w.records++; w.records > l.Limits.People {
			return &Error{Where: l.where, Msg: fmt.Sprintf("has more than %d records", l.Limits.People)}
		}
		return all.add(record, 1)
	})
	switch e, _ := errors.AsType[*Error](err); {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case e != nil && (e.Credential || w.records == 0):
		return nil, nil, err
	case err != nil && w.records == 0:
		return nil, nil, &Error{Where: l.where, Msg: "could not be read: " + err.Error()}
	case err != nil:
		w.doubt("it could not be read to its end: %v", err)
	case why != "":
		w.doubt("%s", why)
	}
	return all, w, nil
}

// oneFed has a record by its id; see one.
func (l *List) oneFed(ctx context.Context, key string) (record *jsonpath.Value, why string, err error) {
	text, err := l.Feed.One(ctx, l.post, key)
	if e, ok := errors.AsType[*Error](err); ok {
		return nil, "", e
	}
	switch {
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	case err != nil:
		return nil, l.where + ": " + err.Error(), nil
	case text == nil:
		return nil, "", &Error{Where: l.where, Msg: "has nobody of that id", Status: http.StatusNotFound}
	}
	v, err := jsonpath.Parse(text)
	if err != nil {
		return nil, l.where + " has a record that cannot be read: " + err.Error(), nil
	}
	return v, "", nil
}

const mostRefusal = 64 << 10

// refused is why a request was refused: as its feed reads the answer, or as its status has
// it.
func (a ask) refused(e *Error, body io.Reader) *Error {
	if a.form == nil {
		return e
	}
	text, err := io.ReadAll(io.LimitReader(body, mostRefusal))
	if err != nil {
		return e
	}
	if msg, credential, again := a.form.Refused(e.Status, text); msg != "" {
		e.Msg, e.Credential, e.Again = msg, credential, again
	}
	return e
}

func (a ask) mediaType() string {
	if a.form == nil {
		return "application/json"
	}
	return a.form.MediaType() + "; charset=utf-8"
}

// expects names what an answer is to be, for people.
func (a ask) expects() string {
	if a.form == nil {
		return "JSON"
	}
	return a.form.MediaType()
}
