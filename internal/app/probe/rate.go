// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// The steps by which the rate rises, requests a second, each for rateStep: 370
// requests within 10 s at most.
const rateStep = 2 * time.Second

func rates() []int { return []int{5, 10, 20, 50, 100} }

// rate looks for the rate at which the app begins to resist, by reading the canary. It
// stops at the first answer that is not what the first one was, and waits as long as
// the app asks for.
func (p *prober) rate(ctx context.Context) {
	if !p.cfg.Rate || p.failed != nil {
		return
	}
	if p.follow(ctx); p.failed != nil {
		return
	}
	began := time.Now()
	r := &Rate{}
	var last answer
	for _, perSecond := range rates() {
		r.PerSecond = float64(perSecond)
		n, no := p.burst(ctx, perSecond)
		if r.Requests += n; no != nil {
			r.Resisted, r.Status, last = true, no.status, *no
			break
		}
		r.Held = float64(perSecond)
		if ctx.Err() != nil {
			break
		}
	}
	if r.Held == 0 {
		r.Held = float64(rates()[0]) / 2
	}
	r.Seconds = time.Since(began).Seconds()
	p.sent += r.Requests
	p.most += r.Requests // which are bounded by themselves
	p.report.Rate = r
	if r.Resisted {
		pause := max(p.throttled(last), time.Second)
		r.After = p.throttled(last).Seconds()
		if err := sleep(ctx, pause); err != nil {
			p.failed = err
		}
	}
}

// burst reads the canary at a rate, and returns the first answer that is a refusal.
func (p *prober) burst(ctx context.Context, perSecond int) (sent int, refusal *answer) {
	ctx, cancel := context.WithTimeout(ctx, rateStep)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			return sent, refusal
		case <-tick.C:
		}
		sent++
		wg.Go(func() {
			w := p.wire // a copy: nothing of it is shared but the client
			w.told = nil
			a, err := w.once(context.WithoutCancel(ctx), call{method: http.MethodGet, path: p.at(p.user)})
			if err == nil && a.ok() {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if refusal == nil {
				refusal = &a
				cancel()
			}
		})
	}
}
