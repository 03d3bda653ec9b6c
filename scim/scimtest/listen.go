// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Listen serves a handler on a free port of the loopback interface until stop
// is called or ctx ends, and returns the SCIM base URL. stop closes what is
// open and waits for the server.
func Listen(ctx context.Context, h http.Handler) (baseURL string, stop func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
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
	}
	return "http://" + l.Addr().String() + Base, stop, nil
}
