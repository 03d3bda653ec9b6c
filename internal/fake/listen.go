// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Listen serves a fake on a free port of the loopback interface until stop is
// called or ctx ends, and returns its address without a slash at the end. stop cuts
// what is open and waits for everything.
func Listen(ctx context.Context, h http.Handler) (url string, stop func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var open sync.WaitGroup
	s := &http.Server{
		Handler: h,
		// A connection is counted before Serve could end, and counted off behind its last handler.
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed, http.StateHijacked:
				open.Done()
			}
		},
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan struct{})
	go func() {
		_ = s.Serve(l) // it ends by Close, which is its error
		close(ended)
	}()
	unhook := context.AfterFunc(ctx, func() { _ = s.Close() }) // it closes a listener that nobody else has
	stop = func() {
		unhook()
		_ = s.Close() // likewise
		<-ended
		open.Wait()
	}
	return "http://" + l.Addr().String(), stop, nil
}
