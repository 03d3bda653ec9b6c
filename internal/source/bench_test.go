// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
)

// csvFile reads a real file, as the program does.
type csvFile struct{ c csv.Config }

func (f csvFile) source(h *house) source.Source {
	s := h.source(file{})
	s.Reader = f
	return s
}

func (f csvFile) Read(ctx context.Context) (*source.Batch, error) {
	s, err := csv.Read(ctx, f.c)
	if err != nil {
		return nil, err
	}
	return &source.Batch{Rows: s.Rows, Rejected: s.Rejected, Proof: s.Proof, Notes: s.Notes, Columns: s.Columns, Fields: s.Fields}, nil
}

// BenchmarkIngest measures a first load and a cycle without change, with the
// heap that is in use at its height and the memory taken from the system.
func BenchmarkIngest(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "hr.csv")
			write(b, path, n)
			c := csv.Config{Path: path, Key: "id", Columns: columns, Read: columns, Settle: time.Millisecond}
			for b.Loop() {
				h := setup(b)
				first := height(func() { h.take(b, csvFile{c}.source(h)) })
				quiet := height(func() { h.take(b, csvFile{c}.source(h)) })
				b.ReportMetric(float64(first.heap)/1e6, "first-MB")
				b.ReportMetric(float64(quiet.heap)/1e6, "quiet-MB")
				b.ReportMetric(float64(first.allocs)/float64(n), "first-allocs/row")
				b.ReportMetric(float64(quiet.allocs)/float64(n), "quiet-allocs/row")
				b.ReportMetric(first.took.Seconds(), "first-s")
				b.ReportMetric(quiet.took.Seconds(), "quiet-s")
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(resident(b), "peak-RSS-MB")
		})
	}
}

func write(b *testing.B, path string, n int) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintln(f, "id,name,department,start,end")
	for i := range n {
		fmt.Fprintf(f, "%02d-%07d,Ada Brandt %d,Business Development %d,2020-01-01,\n", i%100, i, i, i%40)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

func (h *house) take(b *testing.B, s source.Source) {
	b.Helper()
	if _, err := source.Ingest(b.Context(), h.st, h.dir, s); err != nil {
		b.Fatal(err)
	}
}

type cost struct {
	heap, allocs uint64
	took         time.Duration
}

// height runs fn and looks at the heap meanwhile.
func height(fn func()) cost {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done, looked := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-done:
				looked <- most
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	start := time.Now()
	fn()
	took := time.Since(start)
	close(done)
	most := <-looked
	runtime.ReadMemStats(&now)
	return cost{most, now.Mallocs - before.Mallocs, took}
}

// resident is the most memory that the process ever had, in MB; 0 where the
// system does not say.
func resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb float64
	for line := range bytes.Lines(text) {
		if n, _ := fmt.Sscanf(string(line), "VmHWM: %f kB", &kb); n == 1 {
			break
		}
	}
	return kb / 1e3
}
