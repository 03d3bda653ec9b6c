// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/internal/testenv"
)

// update rewrites what the scripts compare output with. Read the difference
// before you commit it.
var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

// canary is the app's token in every script: wherever else it shows up, a
// secret has got out.
const canary = "canary-token-8d1f6c"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"usher": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts tells the command line's stories, one script each. Beyond the
// commands of testscript they know
//
//	exits CODE COMMAND…   run it and check the exit code; no escape sequence, no secret in what it prints
//	scimapp …             the app, see scimappCommand
//	sftpd FOLDER          a server of files, see sftpdCommand
//	auth0tenant …         a tenant of Auth0, see auth0tenantCommand
//	hrsystem …            an HR system that is written back to, see hrsystemCommand
//	accounts              print who has an account: userName, active or inactive, groups
//	requests              print what the app was asked since the last time
//	grab NAME REGEXP      set a variable to the first group of REGEXP in the last output
//	normal                print the last output with what differs from run to run replaced
//	field PATH VALUE      check a value in the last output, which is one JSON document
//	contract              check that the last output has every key that scripts of others rely on
//	eventually REGEXP COMMAND…  run it again and again until what it prints matches; beside `usher serve`
//	follows FILE          wait until who has an account is what FILE says
func TestScripts(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile(filepath.Join("..", "..", "examples", "hr-csv", "usher.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	people, err := os.ReadFile(filepath.Join("..", "..", "examples", "hr-csv", "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update, RequireUniqueNames: true, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HR_FILE", "people.csv")
			e.Setenv("TODAY", "2026-11-23T18:00:00Z")
			e.Setenv("STORE", "usher.db")
			e.Setenv("APP_TOKEN", canary)
			e.Setenv("APP_URL", "http://127.0.0.1:9/scim/v2") // nobody listens there
			e.Setenv("USER", "ines")
			e.Setenv("ADDR", "127.0.0.1:0")
			app := newScimApp(canary)
			e.Values[appKey{}] = app
			e.Values[tenantKey{}] = &tenantBox{}
			e.Values[hrKey{}] = &hrBox{}
			e.Defer(func() { _ = app.stop() })
			e.Defer(app.unblock)
			e.Defer(func() { noSecretIn(e) })
			return errors.Join(
				unlessThere(filepath.Join(e.WorkDir, "usher.yaml"), example),
				unlessThere(filepath.Join(e.WorkDir, "people.csv"), people))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exitsCommand, "scimapp": scimappCommand, "accounts": accountsCommand, "requests": requestsCommand,
			"grab": grabCommand, "normal": normalCommand, "field": fieldCommand, "contract": contractCommand,
			"eventually": eventuallyCommand, "follows": followsCommand, "auth0tenant": auth0tenantCommand,
			"sftpd":    func(ts *testscript.TestScript, neg bool, args []string) { sftpdCommand(t, ts, neg, args) },
			"hrsystem": func(ts *testscript.TestScript, neg bool, args []string) { hrsystemCommand(t, ts, neg, args) },
		},
	})
}

// sftpdCommand has a folder served over SFTP, and sets SFTP to the server's address, SFTP_PIN to its host key and
// SFTP_PASSWORD to what it wants.
func sftpdCommand(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sftpd FOLDER")
	}
	s := testenv.StartSFTP(t, testenv.ServeFolder(t, ts.MkAbs(args[0])), testenv.SFTPOptions{Password: canary})
	ts.Setenv("SFTP", s.User+"@"+s.Address)
	ts.Setenv("SFTP_PIN", s.HostKey)
	ts.Setenv("SFTP_PASSWORD", canary)
}

type appKey struct{}

func appOf(ts *testscript.TestScript) *scimApp { return ts.Value(appKey{}).(*scimApp) }

// unlessThere writes a file, unless the script brought its own.
func unlessThere(path string, data []byte) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// noSecretIn looks for the canary in every file that a script left behind.
func noSecretIn(e *testscript.Env) {
	t := e.T().(testing.TB)
	err := filepath.WalkDir(e.WorkDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(canary)) {
			t.Errorf("%s holds the app's token", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	for _, name := range []string{"stdout", "stderr"} {
		text := ts.ReadFile(name)
		if strings.Contains(text, canary) {
			ts.Fatalf("%s holds the app's token", name)
		}
		if strings.Contains(text, "\x1b") {
			ts.Fatalf("%s holds an escape sequence", name)
		}
	}
}

// scimappCommand steers the app:
//
//	scimapp                    start it, and set APP_URL and APP_TOKEN
//	scimapp other              start another one, at OTHER_URL
//	scimapp down               stop it; it forgets nothing
//	scimapp fail N STATUS      answer the N-th write from now with STATUS, doing nothing
//	scimapp lose N             do the N-th write from now, and break the connection
//	scimapp refuse DETAIL      accept no token any more; $AUTH in DETAIL is what was sent
//	scimapp accept             accept the token again
//	scimapp block, unblock     make every write wait, let them go on
//	scimapp await              wait until a write waits
//	scimapp tells ENDPOINT FILE  tell of itself what is in the file
//	scimapp json KIND BODY     make a resource behind Usher's back
func scimappCommand(ts *testscript.TestScript, neg bool, args []string) {
	a := appOf(ts)
	if neg {
		ts.Fatalf("scimapp cannot be negated")
	}
	if len(args) == 0 {
		ts.Check(a.start())
		ts.Setenv("APP_URL", a.url())
		ts.Setenv("APP_TOKEN", canary)
		return
	}
	number := func(i int) int {
		if len(args) <= i {
			ts.Fatalf("scimapp %s wants more arguments", args[0])
		}
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		return n
	}
	switch args[0] {
	case "other":
		other := newScimApp(canary)
		ts.Check(other.start())
		ts.Defer(func() { _ = other.stop() })
		ts.Setenv("OTHER_URL", other.url())
		return
	case "down":
		ts.Check(a.stop())
		return
	case "block":
		a.block()
		return
	case "unblock":
		a.unblock()
		return
	case "await":
		<-a.arrived
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch args[0] {
	case "fail":
		a.faults[a.writes+number(1)] = fault{status: number(2)}
	case "lose":
		a.faults[a.writes+number(1)] = fault{lost: true}
	case "refuse":
		a.token, a.refusal = "another", strings.Join(args[1:], " ")
	case "accept":
		a.token = canary
	case "tells":
		a.tells[args[1]] = []byte(ts.ReadFile(args[2]))
	case "json":
		_, _, err := a.create(a.kinds[args[1]], []byte(args[2]))
		ts.Check(err)
	default:
		ts.Fatalf("scimapp cannot %s", args[0])
	}
}

func accountsCommand(ts *testscript.TestScript, _ bool, _ []string) {
	printLines(ts.Stdout(), appOf(ts).accounts())
}

func requestsCommand(ts *testscript.TestScript, _ bool, _ []string) {
	printLines(ts.Stdout(), appOf(ts).sent())
}

// patience is how long what a daemon does may take before a script gives up.
const patience = 30 * time.Second

// again calls fn until it is content or patience has run out.
func again(ts *testscript.TestScript, what string, fn func() bool) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if fn() {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

func eventuallyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP COMMAND…")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	again(ts, args[0], func() bool {
		_ = ts.Exec(args[1], args[2:]...) // its exit code may be part of what is waited for
		return want.MatchString(ts.ReadFile("stdout"))
	})
}

func followsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: follows FILE")
	}
	want := strings.TrimSpace(ts.ReadFile(args[0]))
	var got string
	again(ts, args[0], func() bool {
		got = strings.Join(appOf(ts).accounts(), "\n")
		return got == want
	})
}

func printLines(w io.Writer, lines []string) {
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
}

func grabCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: grab NAME REGEXP")
	}
	for _, name := range []string{"stdout", "stderr"} {
		if m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(name)); len(m) > 1 {
			ts.Setenv(args[0], m[1])
			return
		}
	}
	ts.Fatalf("nothing matches %s", args[1])
}

// differs is what differs from run to run, and what normal writes instead.
var differs = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "TIME"},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "DIGEST"},
	{regexp.MustCompile(`\b[a-z2-7]{26}\b`), "PERSON-ID"},
	{regexp.MustCompile(`\busher-[a-z2-7]{16}\b`), "REQUEST"},
	{regexp.MustCompile(`\b[0-9a-f]{16,}\b`), "ID"},
	{regexp.MustCompile(`\baccount u\d+,`), "account REMOTE,"},
	{regexp.MustCompile(`\b\d+\.\d s\b`), "0.0 s"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\(process \d+\)`), "(process N)"},
}

func normalCommand(ts *testscript.TestScript, _ bool, _ []string) {
	text := ts.ReadFile("stdout")
	// The dates of the story are the same in every run.
	kept := regexp.MustCompile(`(start|end) date \S+`).FindAllString(text, -1)
	for _, d := range differs {
		text = d.what.ReplaceAllString(text, d.with)
	}
	for _, k := range kept {
		text = strings.Replace(text, k[:strings.LastIndexByte(k, ' ')]+" TIME", k, 1)
	}
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
	_, err := io.WriteString(ts.Stdout(), text)
	ts.Check(err)
}

// document decodes the last output, which must be one JSON document and
// nothing else.
func document(ts *testscript.TestScript) any {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.UseNumber()
	var v any
	ts.Check(dec.Decode(&v))
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("more than one document on stdout")
	}
	return v
}

func lookup(v any, path string) (any, bool) {
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if key == "#" {
				v = json.Number(strconv.Itoa(len(x)))
				continue
			}
			if err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func fieldCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: field PATH VALUE")
	}
	v, ok := lookup(document(ts), args[0])
	if !ok {
		ts.Fatalf("there is no %s", args[0])
	}
	if got := fmt.Sprint(v); (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// contractCommand checks the shape that scripts of other people rely on.
func contractCommand(ts *testscript.TestScript, _ bool, _ []string) {
	doc := document(ts)
	want := []string{"rejected_rows", "holds", "plan", "seconds"}
	for _, key := range []string{
		"create", "update", "disable", "delete", "group_create", "group_update", "member_add", "member_remove",
		"unchanged", "held", "parked", "foreign", "requests", "seconds",
	} {
		want = append(want, "apps.app."+key)
	}
	for _, key := range []string{"total", "active", "staged", "on_leave", "missing", "leaver"} {
		want = append(want, "people."+key)
	}
	for _, path := range want {
		v, ok := lookup(doc, path)
		if !ok {
			ts.Fatalf("there is no %s", path)
		}
		switch path {
		case "holds":
			list, ok := v.([]any)
			if !ok {
				ts.Fatalf("holds is no array")
			}
			for i := range list {
				for _, key := range []string{"id", "app", "cause", "count"} {
					if _, ok := lookup(v, fmt.Sprintf("%d.%s", i, key)); !ok {
						ts.Fatalf("hold %d has no %s", i, key)
					}
				}
				cause, _ := lookup(v, fmt.Sprintf("%d.cause", i))
				if !slices.Contains([]any{"absent", "mapping", "scope", "rule", "profile", "termination", "membership"}, cause) {
					ts.Fatalf("the contract knows no cause %v", cause)
				}
			}
		case "plan":
			if s, ok := v.(string); !ok || !strings.HasPrefix(s, "sha256:") {
				ts.Fatalf("plan is %v", v)
			}
		default:
			if _, ok := v.(json.Number); !ok {
				ts.Fatalf("%s is no number: %v", path, v)
			}
		}
	}
}
