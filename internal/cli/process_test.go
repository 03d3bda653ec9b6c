// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/testenv"
)

// TestServeProcess starts, stops and kills the built binary, as an operator and
// a machine do.
func TestServeProcess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *office){
		"SIGTERM waits for what is in flight":         stopped,
		"SIGKILL loses nothing":                       killed,
		"a killed request still has an outcome":       askerKilled,
		"a request does not outlive its engine twice": engineKilled,
		"a request waits beside a busy store":         manyAskers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newOffice(t))
		})
	}
}

// office is a folder with the example's configuration, an HR file, and an app.
type office struct {
	t   *testing.T
	dir string
	app *scimApp
	env []string
}

// process is a running usher.
type process struct {
	*exec.Cmd
	t           *testing.T
	out, errors *testenv.Output
	ended       chan struct{}
	err         error
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), app: newScimApp(canary)}
	if err := o.app.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.app.stop() })
	t.Cleanup(o.app.unblock)
	for name, to := range map[string]string{"usher.yaml": "usher.yaml", "people.csv": "people.csv"} {
		data, err := os.ReadFile(filepath.Join(testenv.Root(t), "examples", "hr-csv", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.dir, to), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.env = append(os.Environ(), "HR_FILE=people.csv", "STORE=usher.db", "APP_TOKEN="+canary, "APP_URL="+o.app.url(),
		"USER=ines", "ADDR=127.0.0.1:0", "TODAY=")
	return o
}

func (o *office) start(args ...string) *process {
	o.t.Helper()
	p := &process{
		Cmd: exec.CommandContext(context.Background(), testenv.Binary(o.t), args...), t: o.t,
		out: &testenv.Output{}, errors: &testenv.Output{}, ended: make(chan struct{}),
	}
	p.Dir, p.Env, p.Stdout, p.Stderr = o.dir, o.env, p.out, p.errors
	if err := p.Start(); err != nil {
		o.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.Wait()
	}()
	o.t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			_ = p.Process.Kill()
			<-p.ended
		}
		if o.t.Failed() {
			o.t.Logf("usher %s:\n%s%s", strings.Join(args, " "), p.out, p.errors)
		}
	})
	return p
}

// exits waits for the end and checks the exit code; -1 is a signal.
func (p *process) exits(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("it does not end")
	}
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("exit code %d, want %d\n%s%s", got, code, p.out, p.errors)
	}
	if strings.Contains(p.out.String()+p.errors.String(), canary) {
		p.t.Error("the app's token was printed")
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// says waits until the process has written something to stderr.
func (p *process) says(what string) {
	p.t.Helper()
	eventually(p.t, what, func() bool { return strings.Contains(p.errors.String(), what) })
}

func eventually(t *testing.T, what string, fn func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !fn(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// run runs a command to its end.
func (o *office) run(code int, args ...string) *process {
	o.t.Helper()
	p := o.start(args...)
	p.exits(code)
	return p
}

// asked is how many requests have no outcome.
func (o *office) asked() int {
	o.t.Helper()
	var s struct {
		Asked int `json:"requests_waiting"`
	}
	if err := json.Unmarshal([]byte(o.run(0, "status", "--json").out.String()), &s); err != nil {
		o.t.Fatal(err)
	}
	return s.Asked
}

// follows waits until everybody of the example has an account.
func (o *office) follows() {
	o.t.Helper()
	want := []string{
		"ada.brandt2@acme.example active Marketing", "ada.brandt@acme.example active Engineering", "cher@acme.example active Marketing",
		"jurgen.weiss-lang@acme.example active Sales", "mina.okafor@acme.example active Sales", "zoe.omalley@acme.example active Engineering",
	}
	eventually(o.t, "everybody has an account", func() bool { return slices.Equal(o.app.accounts(), want) })
}

// quiet waits until nothing is due any more.
func (o *office) quiet() {
	o.t.Helper()
	eventually(o.t, "nothing is due", func() bool { return strings.Contains(o.run(0, "apps").out.String(), "in step") })
}

// sound holds that the store is in order, and that nothing is left to do.
func (o *office) sound() {
	o.t.Helper()
	o.app.sent()
	o.run(0, "apply")
	if sent := o.app.sent(); len(sent) > 0 {
		o.t.Errorf("a cycle after all is done sent %v", sent)
	}
	if p := o.run(0, "audit", "verify"); !strings.Contains(p.out.String(), " 0 pending") {
		o.t.Errorf("the ledger: %s", p.out)
	}
}

func stopped(t *testing.T, o *office) {
	o.app.block()
	serve := o.start("serve")
	<-o.app.arrived
	serve.signal(syscall.SIGTERM)
	serve.says("stopping")
	o.app.unblock()
	serve.exits(0)
	if !strings.Contains(serve.errors.String(), "accounts not done; the next start goes on from here") {
		t.Error("it does not say what was left")
	}
	serve = o.start("serve")
	o.follows()
	o.quiet()
	serve.signal(syscall.SIGTERM)
	serve.exits(0)
	o.sound()
}

func killed(t *testing.T, o *office) {
	for range 3 {
		o.app.block()
		serve := o.start("serve")
		<-o.app.arrived
		serve.signal(syscall.SIGKILL)
		serve.exits(-1)
		o.app.unblock()
	}
	serve := o.start("serve")
	o.follows()
	o.quiet()
	serve.signal(syscall.SIGTERM)
	serve.exits(0)
	o.sound()
}

// change gives one of the example's people another title.
func (o *office) change(title string) {
	o.t.Helper()
	path := filepath.Join(o.dir, "people.csv")
	data, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	lines[1] = "E-1001,Ada,Brandt,Engineering," + title + ",3/14/2019,"
	if err := errors.Join(os.WriteFile(path+".tmp", []byte(strings.Join(lines, "\n")), 0o600), os.Rename(path+".tmp", path)); err != nil {
		o.t.Fatal(err)
	}
}

func askerKilled(t *testing.T, o *office) {
	serve := o.start("serve")
	o.follows()
	o.app.block()
	o.change("Principal Engineer")
	<-o.app.arrived
	ask := o.start("apply", "--person", "E-1001")
	serve.says(`"msg":"request taken"`)
	ask.signal(syscall.SIGKILL)
	ask.exits(-1)
	second := o.start("apply", "--person", "E-1001")
	eventually(t, "two requests", func() bool { return o.asked() == 2 })
	second.signal(syscall.SIGINT)
	second.exits(1)
	if !strings.Contains(second.errors.String(), "usher status") {
		t.Errorf("it does not say what becomes of the request: %s", second.errors)
	}
	o.app.unblock()
	eventually(t, "both have an outcome", func() bool { return o.asked() == 0 })
	serve.signal(syscall.SIGTERM)
	serve.exits(0)
	o.sound()
}

func engineKilled(t *testing.T, o *office) {
	serve := o.start("serve")
	o.follows()
	o.app.block()
	o.change("Principal Engineer")
	<-o.app.arrived
	ask := o.start("apply", "--person", "E-1001")
	serve.says(`"msg":"request taken"`)
	serve.signal(syscall.SIGKILL)
	serve.exits(-1)
	ask.exits(1)
	if !strings.Contains(ask.errors.String(), "the engine has ended before it was done") {
		t.Errorf("the command says: %s", ask.errors)
	}
	o.app.unblock()
	serve = o.start("serve")
	serve.says("requests of an earlier engine refused")
	eventually(t, "it has an outcome", func() bool { return o.asked() == 0 })
	o.quiet()
	serve.signal(syscall.SIGTERM)
	serve.exits(0)
	o.sound()
}

// manyAskers ask at the same time as the engine is busy; each gets an answer.
func manyAskers(t *testing.T, o *office) {
	serve := o.start("serve")
	o.follows()
	var asks []*process
	for i := range 6 {
		o.change(strings.Repeat("x", i+1))
		asks = append(asks, o.start("apply", "--person", "E-1001", "--json"))
	}
	for _, a := range asks {
		a.exits(0)
		if !strings.Contains(a.out.String(), `"apps": {`) {
			t.Errorf("it says: %s", a.out)
		}
	}
	serve.signal(syscall.SIGTERM)
	serve.exits(0)
	o.sound()
}
