// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/usher-id/usher/internal/server"
)

// lookEvery is how often Stay looks whether the HR file has changed.
const lookEvery = 300 * time.Millisecond

// Token is what the apps want to see.
func (d *Demo) Token() string { return token }

// Stay keeps the company up until ctx ends: whoever edits the HR file sees the
// apps follow. tell gets a line for everything that happens.
func (d *Demo) Stay(ctx context.Context, tell func(string)) (err error) {
	defer func() {
		if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
			err = nil // to be stopped is how it ends
		}
	}()
	b, err := d.build(ctx, "")
	if err != nil {
		return err
	}
	u, err := b.Open(ctx, "usher demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var last os.FileInfo
	for {
		info, err := os.Stat(d.HRFile())
		if err == nil && (last == nil || !info.ModTime().Equal(last.ModTime()) || info.Size() != last.Size()) {
			d.follow(ctx, u, tell)
			last = info
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

func (d *Demo) follow(ctx context.Context, u *server.Usher, tell func(string)) {
	doc, err := u.Apply(ctx, server.Options{Actor: "demo", Wait: 30 * time.Second})
	at := time.Now().Format(time.TimeOnly)
	if err != nil {
		tell(fmt.Sprintf("%s  %v", at, err))
		return
	}
	for _, a := range d.Apps {
		if r := doc.Apps[a.Name]; r.Requests > 0 || r.Held > 0 {
			tell(fmt.Sprintf("%s  %s: %s", at, a.Name, did(r)))
		}
	}
	for _, h := range doc.Holds {
		tell(fmt.Sprintf("%s  %s: holds %d removals (%s); usher apply --release-hold %s agrees to it", at, h.App, h.Count, h.Cause, h.ID))
	}
	if doc.RejectedRows > 0 {
		tell(fmt.Sprintf("%s  %d rows of the HR file were refused", at, doc.RejectedRows))
	}
}
