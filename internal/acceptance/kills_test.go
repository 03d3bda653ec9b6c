// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"encoding/csv"
	"flag"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim/scimtest"
)

// trap lets requests pass, and fires when one of them arrives.
type trap struct {
	mu   sync.Mutex
	left int // requests until it fires; 0: it does not
	fire func()
}

func (tr *trap) set(requests int, fire func()) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.left, tr.fire = requests, fire
}

func (tr *trap) through(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tr.mu.Lock()
		if tr.left > 0 {
			if tr.left--; tr.left == 0 {
				tr.fire()
			}
		}
		tr.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

var killings = flag.Int("kills", 100, "how often TestKillsWithFaults kills the binary")

// TestKillsWithFaults kills the built binary, `apply` and `serve` in turn, at
// random moments of a first load into an app that lets a twentieth of all requests
// fail and would take duplicates. Four of five moments are the arrival of a random
// request, so that its outcome is never written. At the end everybody has one
// account, each effect one event, and a further cycle sends nothing. It does so a
// hundred times; `make torture` two hundred, in five loads.
func TestKillsWithFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of starts of the binary")
	}
	t.Parallel()
	const people = 5_000 // enough that 200 kills leave work for the next
	kills := *killings
	atLeast := kills * 3 / 4
	hr := filepath.Join(testenv.Shared(t), "data", "hr")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	tr := &trap{}
	schedule := scimtest.Seeded(seed, 0.05, 0.5)
	app := newFake(t, scimtest.Config{Quirks: scimtest.Quirks{AllowDuplicates: true}, Faults: schedule}, tr.through)
	u := newUsher(t, app.base, app.token)
	file := employed(t, filepath.Join(hr, "day1.csv"), people)

	done, between, unsure, serves := 0, 0, 0, 0
	for tries := 0; done < kills && tries < 2*kills; tries++ {
		var cmd *exec.Cmd
		if tries%2 == 0 {
			cmd = u.command(t, file, "apply", "--json")
		} else {
			cmd = u.serve(t, file)
		}
		killed := make(chan struct{})
		kill := sync.OnceFunc(func() {
			close(killed) // before the signal, whose effect may be seen at once
			if err := cmd.Process.Kill(); err != nil {
				t.Log(err)
			}
		})
		tr.set(0, nil)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if tries%5 == 4 {
			time.AfterFunc(100*time.Millisecond+time.Duration(random.Int64N(int64(700*time.Millisecond))), kill)
		} else {
			tr.set(1+random.IntN(40), kill)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		select {
		case err = <-ended:
		case <-time.After(time.Minute):
			kill()
			t.Fatalf("nothing was sent for a minute; then: %v", <-ended)
		}
		select {
		case <-killed:
		default:
			if err != nil {
				t.Fatalf("it ended by itself: %v", err)
			}
			tries = 2 * kills // it had finished: nothing is left to kill
			continue
		}
		done++
		if tries%2 == 1 {
			serves++
		}
		if n := open(t, u.store); n > 0 {
			between++
			unsure += n
		}
	}
	tr.set(0, nil)
	t.Logf("%d kills, %d of them of serve; %d between an intent and its outcome, %d intents open in all; faults %v", done, serves, between, unsure, schedule.Done())
	if done < kills || between < atLeast {
		t.Errorf("%d kills, %d between an intent and its outcome; want %d and %d", done, between, kills, atLeast)
	}

	u.report(t, 0, file, "apply", "--wait", "10m")
	want, known := expectation{}, &names{}
	workers := readHR(t, file, nil)
	known.give(workers)
	want.follow(workers, known)
	want.compare(t, app.dump())
	app.ResetCounts()
	u.report(t, 0, file, "apply")
	if n := app.Counts().Total(); n != 0 {
		t.Errorf("a cycle after a finished cycle sent %d requests", n)
	}
	u.run(t, 0, file, "audit", "verify")
	events(t, u.store, want)
	tell(t, u.store, app)
}

// employed copies the first n rows of an export, with dates by which all of them
// work here whatever day it is: serve goes by the real clock.
func employed(t *testing.T, path string, n int) string {
	t.Helper()
	f, err := os.Open(head(t, path, n))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range rows[0] {
		for _, row := range rows[1:] {
			switch name {
			case "hire_date":
				row[i] = "1/1/2020"
			case "termdate":
				row[i] = ""
			}
		}
	}
	out := filepath.Join(t.TempDir(), "employed.csv")
	w, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := csv.NewWriter(w).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// serve is a run of the daemon on the same configuration, on a port of its own
// and by the real clock.
func (u *usher) serve(t *testing.T, file string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), u.binary, "serve", "-c", u.config)
	for _, e := range u.env {
		if !strings.HasPrefix(e, "TODAY=") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "HR_FILE="+file, "ADDR=127.0.0.1:0")
	return cmd
}
