// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/telemetry"
)

// Bounds of what somebody who connects may cost.
const (
	readHeaders = 5 * time.Second
	readAll     = 30 * time.Second
	writeAll    = time.Minute
	idle        = 2 * time.Minute
	maxHeaders  = 16 << 10
	maxBody     = 1 << 20
	lastAnswers = 5 * time.Second // for what is being answered when it stops
)

// defaultMetrics is where metrics are when the file names no address.
const defaultMetrics = "127.0.0.1:8485"

// web is what the daemon listens on.
type web struct {
	d             *daemon
	scim          *endpoint
	main, metrics net.Listener // metrics is nil if there are none
}

func newWeb(d *daemon) *web { return &web{d: d} }

// listen opens the listeners, so that an address that is taken is found before
// anything runs.
func (w *web) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	c := w.d.Config
	if w.main, err = lc.Listen(ctx, "tcp", c.Server.Address.Value); err != nil {
		return fmt.Errorf("server.address %s: %w", c.Server.Address.Value, err)
	}
	switch at := c.Telemetry.MetricsAddress.Value; at {
	case config.Off:
	case "":
		// Nobody asked for this address: another daemon may have it.
		if w.metrics, err = lc.Listen(ctx, "tcp", defaultMetrics); err != nil {
			w.metrics = nil
			w.d.log.Warn("no metrics: telemetry.metrics_address says where they are to be", "err", err)
		}
	default:
		if w.metrics, err = lc.Listen(ctx, "tcp", at); err != nil {
			return errors.Join(fmt.Errorf("telemetry.metrics_address %s: %w", at, err), w.main.Close())
		}
	}
	return nil
}

// close gives up the listeners of a daemon that does not come to serve.
func (w *web) close() error {
	err := w.main.Close()
	if w.metrics != nil {
		err = errors.Join(err, w.metrics.Close())
	}
	return err
}

func (w *web) addresses() (server, metrics string) {
	server = w.main.Addr().String()
	if w.metrics != nil {
		metrics = w.metrics.Addr().String()
	}
	return server, metrics
}

func (w *web) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, http.StatusOK, true, nil) })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, r *http.Request) {
		why := w.d.unready(r.Context())
		if len(why) > 0 {
			answer(rw, http.StatusServiceUnavailable, false, why)
			return
		}
		answer(rw, http.StatusOK, true, nil)
	})
	if len(w.d.Pushed) > 0 {
		mux.Handle(scimPath+"/", w.scim)
	}
	for _, t := range w.d.Tenants {
		if t.Webhook != nil {
			mux.Handle(hooksPath+t.Source, w.d.hook(t))
		}
	}
	for _, l := range w.d.Lists {
		if l.Webhook != nil {
			mux.Handle(hooksPath+l.Source, w.d.callsOf(l))
		}
	}
	if w.scim.oauth != nil {
		w.scim.oauth.Mount(mux)
	}
	if w.d.signer != nil {
		mux.Handle("GET "+keysPath, w.d.signer)
	}
	// Who waits for events is answered before the listener waits for answers.
	defer context.AfterFunc(ctx, w.d.stopPolls)()
	return w.run(ctx, w.main, mux)
}

func answer(rw http.ResponseWriter, status int, ok bool, why []string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(status)
	_ = json.MarshalWrite(rw, struct { // who has hung up needs no answer
		OK  bool     `json:"ok"`
		Why []string `json:"why,omitempty"`
	}{ok, why})
}

func (w *web) serveMetrics(ctx context.Context) error {
	if w.metrics == nil {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.d.metricsHandler())
	return w.run(ctx, w.metrics, mux)
}

// bounded is a server whose clients cost no more than they may.
func bounded(h http.Handler) *http.Server {
	return &http.Server{
		Handler: http.MaxBytesHandler(h, maxBody), ReadHeaderTimeout: readHeaders, ReadTimeout: readAll, WriteTimeout: writeAll, IdleTimeout: idle,
		MaxHeaderBytes: maxHeaders,
	}
}

// run serves until ctx ends, and lets what is being answered be answered.
func (w *web) run(ctx context.Context, l net.Listener, h http.Handler) error {
	s := bounded(h)
	s.ErrorLog = slog.NewLogLogger(telemetry.Least(w.d.log, slog.LevelError).Handler(), slog.LevelDebug)
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	err := s.Shutdown(within)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close()
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
