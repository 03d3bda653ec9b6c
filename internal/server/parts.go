// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
)

// part is a piece of the daemon that runs until its context ends. One goroutine
// owns it.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// runParts starts parts in their order, runs until ctx ends or one of them
// does, and stops them in reverse: each is stopped, and has ended, before those
// that it stands on.
func runParts(ctx context.Context, parts []part) error {
	type running struct {
		stop  context.CancelFunc
		ended chan struct{}
		err   error
	}
	fallen := make(chan string, len(parts))
	all := make([]*running, len(parts))
	for i, p := range parts {
		// Not ended by ctx: the order of stopping is ours.
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := &running{stop: stop, ended: make(chan struct{})}
		all[i] = r
		go func() {
			defer close(r.ended)
			defer func() { fallen <- p.name }()
			if r.err = p.run(own); own.Err() != nil && errors.Is(r.err, context.Canceled) {
				r.err = nil // stopped is not failed
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case name := <-fallen:
		err = fmt.Errorf("the %s has ended by itself", name)
	}
	var errs []error
	for i := len(all) - 1; i >= 0; i-- {
		all[i].stop()
		<-all[i].ended
		if all[i].err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", parts[i].name, all[i].err))
		}
	}
	if len(errs) > 0 { // which say more
		err = errors.Join(errs...)
	}
	return err
}
