// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/provision"
)

// quietApps is how many apps BenchmarkQuietCycle has; each has to be filled first.
var quietApps = flag.Int("apps", 5, "how many apps BenchmarkQuietCycle has")

// loaded is a world whose first load is over, into apps that answer at once.
func loaded(b *testing.B, people, apps int) *world {
	b.Helper()
	w := newWorld(b, people)
	w.groups, w.memberships = 25, 1
	for i := 1; i < apps; i++ {
		w.apps = append(w.apps, fmt.Sprintf("app%d", i))
	}
	w.write(b)
	doc := w.apply(b, w.build(b, true))
	if n := sum(doc, func(a *provision.AppReport) int { return a.Create }); n != people*apps {
		b.Fatalf("%d accounts, want %d", n, people*apps)
	}
	return w
}

// BenchmarkQuietCycle is a whole cycle in which nothing changed: the file is
// read, nobody is due, no request is sent.
func BenchmarkQuietCycle(b *testing.B) {
	w := loaded(b, size(100_000, 500), size(*quietApps, 2))
	built := w.build(b, true)
	for b.Loop() {
		doc := w.apply(b, built)
		if n := sum(doc, func(a *provision.AppReport) int { return int(a.Requests) + a.Writes() }); n != 0 {
			b.Fatalf("a quiet cycle sent %d", n)
		}
	}
	b.ReportMetric(0, "requests")
	b.ReportMetric(float64(len(w.apps)), "apps")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/cycle")
	b.ReportMetric(reading(b, w), "s/read-alone")
}

// reading is how long it takes to read the HR file and nothing else: the floor
// of every cycle on a snapshot.
func reading(b *testing.B, w *world) float64 {
	b.Helper()
	built := w.build(b, true)
	start := time.Now()
	batch, err := built.Sources[0].Reader.Read(b.Context())
	if err != nil || len(batch.Rows) != w.people {
		b.Fatalf("%v, %v", batch, err)
	}
	return time.Since(start).Seconds()
}

// BenchmarkOneChange changes one person among few and among many. The file is
// read as a whole in both; engine-s is what comes after it.
func BenchmarkOneChange(b *testing.B) {
	few := 0.0
	for _, people := range []int{size(1_000, 100), size(100_000, 500)} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) {
			w := loaded(b, people, 1)
			built := w.build(b, true)
			engine, n := 0.0, 0
			for b.Loop() {
				b.StopTimer()
				n++
				w.titles[people/2] = fmt.Sprintf("Title %d", n)
				w.write(b)
				later(b, w.hr(), n)
				b.StartTimer()
				doc := w.apply(b, built)
				if a := doc.Apps["app"]; a.Update != 1 || a.Writes() != 1 {
					b.Fatalf("%+v", *a)
				}
				engine += doc.Apps["app"].Seconds
			}
			engine /= float64(b.N)
			b.ReportMetric(engine*1000, "engine-ms")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/cycle")
			if few == 0 {
				few = engine
			}
			b.ReportMetric(engine/few, "x-few-people")
		})
	}
}

// later makes the file younger than each one before it, however coarse the
// file system's clock.
func later(b *testing.B, path string, n int) {
	b.Helper()
	at := time.Now().Add(time.Duration(n) * time.Millisecond)
	if err := os.Chtimes(path, at, at); err != nil {
		b.Fatal(err)
	}
}
