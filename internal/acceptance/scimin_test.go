// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// upstream is the built binary with examples/scim-in/usher.yaml, and a provider that
// pushes to it.
type upstream struct {
	config, store, addr, token string
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{config: filepath.Join(testenv.Root(t), "examples", "scim-in", "usher.yaml"), store: filepath.Join(t.TempDir(), "usher.db"), addr: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *upstream) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), testenv.Binary(t), append(args, "-c", u.config)...)
	cmd.Env = append(os.Environ(), "STORE="+u.store, "ADDR="+u.addr)
	return cmd
}

// run runs a command to its end and reads its document.
func (u *upstream) run(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := u.command(t, append(args, "--json")...)
	var text strings.Builder
	cmd.Stderr = &text
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("usher %v: %v\n%s", args, err, text.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("usher %v: %v: %s", args, err, out)
	}
}

// serve starts the daemon and waits until it answers.
func (u *upstream) serve(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := u.command(t, "serve")
	out := &testenv.Output{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		conn, err := net.DialTimeout("tcp", u.addr, time.Second)
		if err == nil {
			_ = conn.Close()
			return cmd
		}
		time.Sleep(25 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	t.Fatalf("serve does not listen: %s", out.String())
	return nil
}

func (u *upstream) client(t *testing.T) *scimclient.Client {
	t.Helper()
	c, err := scimclient.New(scimclient.Config{
		BaseURL: "http://" + u.addr + "/scim/v2", Timeout: 10 * time.Second,
		Token: func(context.Context) (string, error) { return u.token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type listed struct {
	ID       string `json:"id"`
	UserName string `json:"userName"`
	State    string `json:"state"`
	Records  []struct {
		Source string `json:"source"`
		Key    string `json:"key"`
	} `json:"records"`
}

// TestScimIn pushes people to the built binary and kills it with SIGKILL under load,
// again and again. Whoever was acknowledged is there, once, as a resource and as a
// person; whoever was not may be, and a repeated request finds out; the ledger's
// chain holds.
func TestScimIn(t *testing.T) {
	if testing.Short() {
		t.Skip("many starts of the binary")
	}
	const kills, clients = 12, 8
	u := newUpstream(t)
	var made struct{ Token string }
	u.run(t, &made, "token", "create", "--source", "upstream")
	u.token = made.Token
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	var mu sync.Mutex
	acknowledged := map[string]string{} // user name → id
	unsure := map[string]bool{}
	off := map[string]bool{} // who was deactivated, and that was acknowledged
	n := 0
	next := func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("user%05d@acme.example", n)
	}
	for range kills {
		daemon := u.serve(t)
		c := u.client(t)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for ctx.Err() == nil {
					name := next()
					r := scim.NewResource(scim.UserURN)
					r.Set("userName", scim.String(name))
					r.SetExternalID("e-" + name)
					ans, err := c.Create(t.Context(), "/Users", r)
					mu.Lock()
					if err == nil {
						acknowledged[name] = ans.Resource.ID()
					} else {
						unsure[name] = true
					}
					mu.Unlock()
					if err != nil || !strings.HasSuffix(name, "37@acme.example") { // few, within the guard
						continue
					}
					gone := scim.Patch{{Op: scim.OpReplace, Path: &scim.Path{Attr: "active"}, Value: scim.Bool(false)}}
					if _, err := c.Patch(t.Context(), "/Users", ans.Resource.ID(), gone); err == nil {
						mu.Lock()
						off[name] = true
						mu.Unlock()
					} else {
						mu.Lock()
						unsure[name] = true
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(200*time.Millisecond + time.Duration(random.Int64N(int64(600*time.Millisecond))))
		if err := daemon.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		stop()
		wg.Wait()
		_ = daemon.Wait() // killed
	}
	t.Logf("%d acknowledged, %d of them deactivated, %d not known", len(acknowledged), len(off), len(unsure))
	if len(acknowledged) < 100 || len(unsure) == 0 || len(off) == 0 {
		t.Fatal("that shows nothing")
	}

	daemon := u.serve(t)
	c := u.client(t)
	for name := range unsure { // again, as a provider does: there, or taken
		r := scim.NewResource(scim.UserURN)
		r.Set("userName", scim.String(name))
		ans, err := c.Create(t.Context(), "/Users", r)
		var e *scimclient.Error
		switch {
		case err == nil && acknowledged[name] == "":
			acknowledged[name] = ans.Resource.ID()
		case errors.As(err, &e) && e.Status == http.StatusConflict:
			page, err := c.List(t.Context(), "/Users", scimclient.Query{Filter: scim.Eq(scim.Path{Attr: "userName"}, name)})
			if err != nil || page.TotalResults != 1 || acknowledged[name] != "" && page.Resources[0].ID() != acknowledged[name] {
				t.Fatalf("%s: %+v, %v", name, page, err)
			}
			acknowledged[name] = page.Resources[0].ID()
		default:
			t.Fatalf("%s: %v, %v", name, ans.Resource, err)
		}
	}
	// A token that is made beside the daemon holds at once, and not when revoked.
	var second struct{ Token, ID string }
	u.run(t, &second, "token", "create", "--source", "upstream")
	first := u.token
	u.token = second.Token
	if _, err := c.Get(t.Context(), "/Users", acknowledged["user00001@acme.example"]); err != nil {
		t.Errorf("with a fresh token: %v", err)
	}
	if out, err := u.command(t, "token", "revoke", second.ID).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	_, err := c.Get(t.Context(), "/Users", acknowledged["user00001@acme.example"])
	var e *scimclient.Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		t.Errorf("with a revoked token: %v", err)
	}
	u.token = first

	var people []listed
	for range 40 { // what was pushed last is settled within seconds
		people = nil
		u.run(t, &people, "people")
		left := 0
		for _, p := range people {
			if p.State == "leaver" {
				left++
			}
		}
		if left >= len(off) {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	if len(people) != len(acknowledged) {
		t.Errorf("%d people of %d resources", len(people), len(acknowledged))
	}
	seen := map[string]bool{}
	for _, p := range people {
		id := acknowledged[p.UserName]
		if len(p.Records) != 1 || p.Records[0].Source != "upstream" || p.Records[0].Key != id || seen[p.UserName] {
			t.Errorf("%+v, acknowledged as %s", p, id)
		}
		seen[p.UserName] = true
		if off[p.UserName] && p.State != "leaver" || !off[p.UserName] && !unsure[p.UserName] && p.State != "active" {
			t.Errorf("%s is %s; deactivated: %t", p.UserName, p.State, off[p.UserName])
		}
	}
	if err := daemon.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := daemon.Wait(); err != nil {
		t.Errorf("serve: %v", err)
	}
	if out, err := u.command(t, "audit", "verify").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
