// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

const connections = 16

// target is an app that is up.
type target struct {
	url, token string
	stop       func()
}

// fake starts apps of ours with a delay.
func fake(delay time.Duration) func(*testing.B) target {
	return func(b *testing.B) target {
		b.Helper()
		a, err := scimtest.New(scimtest.Config{Token: token, Latency: delay})
		if err != nil {
			b.Fatal(err)
		}
		url, stop, err := scimtest.Listen(context.Background(), a)
		if err != nil {
			b.Fatal(err)
		}
		return target{url, token, stop}
	}
}

// scimmy starts servers that are not ours, each with the benchmark's own end.
func scimmy(b *testing.B) target {
	b.Helper()
	s := testenv.Scimmy(b, testenv.ScimmyOptions{})
	return target{s.BaseURL, s.Token, func() {}}
}

// BenchmarkFirstLoad brings everybody into an empty app, beside two floors that
// send as many requests over as many connections to an app of the same kind: a
// bare loop over the same client, and net/http with bodies encoded beforehand.
func BenchmarkFirstLoad(b *testing.B) {
	rates := func(b *testing.B, w *world, start func(*testing.B) target) {
		b.Helper()
		engine, client, bare := firstLoad(b, w, start)
		b.ReportMetric(engine.rate(), "req/s")
		b.ReportMetric(client.rate(), "client-req/s")
		b.ReportMetric(bare.rate(), "http-req/s")
		b.ReportMetric(engine.rate()/client.rate(), "of-client")
		b.ReportMetric(engine.rate()/bare.rate(), "of-http")
	}
	b.Run("delay=0s", func(b *testing.B) { rates(b, newWorld(b, size(5_000, 50)), fake(0)) })
	b.Run("scimmy", func(b *testing.B) { rates(b, newWorld(b, size(2_000, 30)), scimmy) })
	b.Run("delay=20ms", func(b *testing.B) {
		w := newWorld(b, size(5_000, 50))
		w.groups, w.memberships = 25, 4
		const delay = 20 * time.Millisecond
		engine, client, bare := firstLoad(b, w, fake(delay))
		ideal := float64(engine.requests) / (connections / delay.Seconds())
		b.ReportMetric(engine.seconds, "s/load")
		b.ReportMetric(float64(engine.requests), "requests")
		b.ReportMetric(engine.seconds/ideal, "x-ideal")
		b.ReportMetric(client.rate()/engine.rate(), "x-client")
		b.ReportMetric(bare.rate()/engine.rate(), "x-http")
	})
}

// pace is how many requests took how long.
type pace struct {
	requests int
	seconds  float64
}

func (p pace) rate() float64 { return float64(p.requests) / p.seconds }

func (p *pace) add(requests int, seconds float64) {
	p.requests, p.seconds = p.requests+requests, p.seconds+seconds
}

func firstLoad(b *testing.B, w *world, start func(*testing.B) target) (engine, client, bare pace) {
	b.Helper()
	loads := 0
	for b.Loop() {
		b.StopTimer()
		w.forget(b)
		t := start(b)
		w.urls["app"], w.token = t.url, t.token
		w.write(b)
		built := w.build(b, false)
		b.StartTimer()
		doc := w.apply(b, built)
		b.StopTimer()
		if got := doc.Apps["app"]; got.Create != w.people || got.MemberAdd != w.people*w.memberships {
			b.Fatalf("%+v", *got)
		}
		// The engine's own share; reading the file is another budget.
		engine.add(int(doc.Apps["app"].Requests), doc.Apps["app"].Seconds)
		t.stop()
		people := bodies(b, built.Targets[0], int(doc.Apps["app"].Requests))
		client.add(byClient(b, w, people, start(b)))
		bare.add(byHTTP(b, people, start(b)))
		loads++
		b.StartTimer()
	}
	engine.requests, engine.seconds = engine.requests/loads, engine.seconds/float64(loads)
	return engine, client, bare
}

// bodies are n accounts as the engine creates them.
func bodies(b *testing.B, t *provision.Target, n int) []*scim.Resource {
	b.Helper()
	subjects, _ := staff(b, n, provision.NewPlanner(t, scim.CoreSchemas(), time.Now()))
	out := make([]*scim.Resource, n)
	for i, s := range subjects {
		out[i] = s.Account.Sent
		out[i].SetActive(true)
	}
	return out
}

// byClient creates accounts in a bare loop over the client that the engine has.
func byClient(b *testing.B, w *world, people []*scim.Resource, t target) (int, float64) {
	b.Helper()
	defer t.stop()
	w.urls["app"], w.token = t.url, t.token
	w.write(b)
	target := w.build(b, false).Targets[0].App
	return loop(b, len(people), func(i int) error {
		_, err := target.Create(context.Background(), app.KindUser, people[i])
		return err
	})
}

// byHTTP sends the same accounts by net/http alone.
func byHTTP(b *testing.B, people []*scim.Resource, t target) (int, float64) {
	b.Helper()
	defer t.stop()
	encoded := make([][]byte, len(people))
	for i, p := range people {
		encoded[i] = p.AppendJSON(nil)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	return loop(b, len(people), func(i int) error {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, t.url+"/Users", bytes.NewReader(encoded[i]))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+t.token)
		req.Header.Set("Content-Type", "application/scim+json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if cerr := resp.Body.Close(); err == nil {
			err = cerr
		}
		if err == nil && resp.StatusCode != http.StatusCreated {
			err = fmt.Errorf("answered %d", resp.StatusCode)
		}
		return err
	})
}

// loop does something n times over as many connections as the engine has.
func loop(b *testing.B, n int, do func(int) error) (int, float64) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range connections {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return n, time.Since(start).Seconds()
}
