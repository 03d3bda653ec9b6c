// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
)

// Transport is a way to a fake without a network: for tests that run in a bubble
// of testing/synctest, where sockets would hold the clock. A stream of events comes as
// it is written, and what cuts a connection cuts the answer. One goroutine serves each
// request; it ends with the answer's body, or with the request's context.
func Transport(h http.Handler) http.RoundTripper { return &transport{h} }

type transport struct{ h http.Handler }

// RoundTrip serves a request.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	in := req.Clone(ctx)
	in.RequestURI = req.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if req.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{} // so that the fake knows its address
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, out := io.Pipe()
	w := &pipeWriter{header: http.Header{}, out: out, ready: make(chan struct{})}
	go func() {
		defer cancel()
		err := tr.serve(w, in)
		_ = in.Body.Close() // as a RoundTripper must
		w.begin(http.StatusOK, err)
		_ = out.CloseWithError(err) // it has none
	}()
	select {
	case <-w.ready:
	case <-req.Context().Done():
		_ = body.CloseWithError(req.Context().Err()) // it has none
		return nil, req.Context().Err()
	}
	if w.err != nil {
		return nil, w.err
	}
	unhook := context.AfterFunc(req.Context(), func() { _ = body.CloseWithError(req.Context().Err()) })
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent,
		Body: &pipeBody{body, func() { unhook(); cancel() }}, ContentLength: -1, Request: req,
	}, nil
}

// serve runs the fake; what it aborts is a connection that was cut.
func (tr *transport) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	tr.h.ServeHTTP(w, r)
	return nil
}

// pipeWriter is the server's side of an answer. The header is sent with the first
// write, as on a socket that is flushed.
type pipeWriter struct {
	header http.Header
	out    *io.PipeWriter
	once   sync.Once
	ready  chan struct{}
	// These are for whoever waited for ready.
	sent   http.Header
	status int
	err    error
}

func (w *pipeWriter) Header() http.Header    { return w.header }
func (w *pipeWriter) WriteHeader(status int) { w.begin(status, nil) }

func (w *pipeWriter) begin(status int, err error) {
	w.once.Do(func() {
		w.sent, w.status, w.err = w.header.Clone(), status, err
		close(w.ready)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.begin(http.StatusOK, nil)
	return w.out.Write(b)
}

// Flush has nothing to do: a write is with its reader when it returns.
func (w *pipeWriter) Flush() {}

type pipeBody struct {
	*io.PipeReader
	done func()
}

// Close ends the answer, and with it the request.
func (b *pipeBody) Close() error {
	b.done()
	return b.PipeReader.Close()
}
