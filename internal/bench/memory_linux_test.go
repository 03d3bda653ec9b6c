// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/testenv"
)

// BenchmarkMemory runs the built binary, and reports the most memory that it
// had at once, as the operating system counts it.
func BenchmarkMemory(b *testing.B) {
	people := size(100_000, 200)
	b.Run("quiet", func(b *testing.B) {
		w := loaded(b, people, 1) // nobody answers at its address, and nobody is asked
		peak(b, w, "apply")
	})
	b.Run("people", func(b *testing.B) {
		w := loaded(b, people, 1)
		peak(b, w, "people", "--state", "missing") // nobody is
	})
	b.Run("first-load", func(b *testing.B) {
		w := newWorld(b, people)
		w.groups, w.memberships = 25, 1
		for b.Loop() {
			b.StopTimer()
			w.forget(b)
			t := fake(0)(b)
			w.urls["app"] = t.url
			w.write(b)
			b.StartTimer()
			mb, seconds := run(b, w, "apply")
			b.StopTimer()
			b.ReportMetric(mb, "peak-MB")
			b.ReportMetric(seconds, "s/run")
			t.stop()
			b.StartTimer()
		}
	})
}

func peak(b *testing.B, w *world, command string, args ...string) {
	b.Helper()
	most, total := 0.0, 0.0
	for b.Loop() {
		mb, seconds := run(b, w, command, args...)
		most, total = max(most, mb), total+seconds
	}
	b.ReportMetric(most, "peak-MB")
	b.ReportMetric(total/float64(b.N), "s/run")
}

// run runs the binary to its end; it returns the megabytes that it had at most.
//
// The rusage of a child begins with what its parent had when it was forked, so
// the high-water mark is read while it runs.
func run(b *testing.B, w *world, command string, args ...string) (mb, seconds float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), testenv.Binary(b), append([]string{command, "-c", w.config()}, args...)...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				b.Fatalf("%s: %v\n%s", command, err, text.String())
			}
			return mb, time.Since(start).Seconds()
		case <-look.C:
			mb = max(mb, highWater(cmd.Process.Pid))
		}
	}
}

// highWater is the most memory that a process has had so far, 0 if it has ended.
func highWater(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	field, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kb, err := strconv.ParseFloat(field, 64)
	if err != nil {
		return 0
	}
	return kb * 1024 / 1e6
}
