// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/usher-id/usher/internal/store/postgres/postgrestest"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/internal/testenv"
)

// usher runs the built binary on examples/hr-csv.
type usher struct {
	binary, config, store string
	env                   []string
}

func newUsher(t *testing.T, baseURL, token string) *usher {
	t.Helper()
	return newUsherOn(t, newStore(t), baseURL, token)
}

func newUsherOn(t *testing.T, store, baseURL, token string) *usher {
	t.Helper()
	u := &usher{
		binary: testenv.Binary(t), config: filepath.Join(testenv.Root(t), "examples", "hr-csv", "usher.yaml"),
		store: store,
	}
	u.env = append(os.Environ(), "APP_URL="+baseURL, "APP_TOKEN="+token, "STORE="+u.store, "TODAY=2026-11-23T18:00:00Z")
	return u
}

// newStore is where a store may be made: a file, or a database with USHER_TEST_STORE=postgres.
func newStore(t *testing.T) string {
	t.Helper()
	if storetest.OnPostgres() {
		return postgrestest.Bare(t)
	}
	return filepath.Join(t.TempDir(), "usher.db")
}

// command is a run of the binary with a given HR file, not started yet.
func (u *usher) command(t *testing.T, file, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), u.binary, append([]string{name, "-c", u.config}, args...)...)
	cmd.Env = append(u.env, "HR_FILE="+file)
	return cmd
}

// run runs the binary, checks the exit code, and returns what it printed.
func (u *usher) run(t *testing.T, code int, file, name string, args ...string) []byte {
	t.Helper()
	cmd := u.command(t, file, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s with %s ended with %d, want %d\n%s\n%.3000s", name, filepath.Base(file), got, code, errs.String(), out.String())
	}
	return out.Bytes()
}

// report is what scripts rely on of plan --json and apply --json.
type report struct {
	Apps map[string]struct {
		Create, Update, Disable, Delete, Unchanged, Held, Parked, Waiting, Foreign, Requests int
		Drifted                                                                              int
		GroupCreate                                                                          int `json:"group_create"`
		GroupUpdate                                                                          int `json:"group_update"`
		MemberAdd                                                                            int `json:"member_add"`
		MemberRemove                                                                         int `json:"member_remove"`
		Seconds                                                                              float64
	}
	People       map[string]int
	RejectedRows int `json:"rejected_rows"`
	Holds        []struct {
		ID, App, Cause string
		Count          int
	}
	Plan    string
	Seconds float64
}

func (u *usher) report(t *testing.T, code int, file, name string, args ...string) report {
	t.Helper()
	out := u.run(t, code, file, name, append(args, "--json")...)
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%s --json is not one document: %v\n%.1000s", name, err, out)
	}
	if len(r.Apps) != 1 {
		t.Fatalf("%s reports on %d apps, want 1", name, len(r.Apps))
	}
	return r
}
