// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// newTelling is an upstream whose changes are told, by poll, at some strictness.
func newTelling(t *testing.T, strictness string) *upstream {
	t.Helper()
	u := newUpstream(t)
	example, err := os.ReadFile(u.config)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "key.pem")
	text := strings.NewReplacer(
		"strictness: lenient", "strictness: "+strictness+"\n    events: {audience: rp, poll: true, payload: full}",
		"  address: ${ADDR", "  public_url: http://"+u.addr+"\n  signing_key: "+file+"\n  address: ${ADDR",
	).Replace(string(example))
	u.config = filepath.Join(dir, "usher.yaml")
	for name, data := range map[string][]byte{u.config: []byte(text), file: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var made struct{ Token string }
	u.run(t, &made, "token", "create", "--source", "upstream")
	u.token = made.Token
	return u
}

// With events on, our endpoint meets what it meets without.
func TestJudgeOfUsherWithEvents(t *testing.T) {
	u := newTelling(t, "rfc")
	daemon := u.serve(t)
	defer func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	}()
	if got := failing(t, "http://"+u.addr+"/scim/v2", u.token); !slices.Equal(got, decided()) {
		t.Errorf("fails at %v", got)
	}
	if all := u.fetchAll(t, false); len(all) < 100 {
		t.Errorf("only %d events", len(all))
	}
}

// fetchAll polls for everything that waits, and checks each signature with the keys
// that are published. With ack it takes it away.
func (u *upstream) fetchAll(t *testing.T, ack bool) (out []*scimevent.Token) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Get("http://" + u.addr + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	err = json.NewDecoder(res.Body).Decode(&keys)
	_ = res.Body.Close()
	if err != nil || len(keys.Keys) != 1 {
		t.Fatal(keys, err)
	}
	req := scimevent.PollRequest{MaxEvents: -1, ReturnImmediately: true}
	for {
		body, err := req.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+u.addr+"/scim/v2/.events", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+u.token)
		r.Header.Set("Content-Type", "application/json")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s %v", res.StatusCode, text, err)
		}
		a, err := scimevent.ParsePollAnswer(text, scim.Limits{MaxBytes: -1, MaxString: -1})
		if err != nil {
			t.Fatal(err)
		}
		req.Ack = nil
		for _, signed := range a.Tokens {
			jws, err := jose.ParseSignedCompact(signed.JWS, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				t.Fatal(err)
			}
			claims, err := jws.Verify(keys.Keys[0])
			if err != nil {
				t.Fatal(err)
			}
			token, err := scimevent.Parse(claims, scim.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, token)
			req.Ack = append(req.Ack, signed.ID)
		}
		if !ack || len(a.Tokens) == 0 {
			if !ack && a.More && len(out) < 100 {
				t.Errorf("%d came, and there are more", len(out))
			}
			return out
		}
	}
}

// TestEventsOutliveKills kills the built binary with SIGKILL under load, again and
// again: each change that was acknowledged is told exactly once to who acknowledges
// tokens, whatever was killed in between, and each resource in the order of its
// versions.
func TestEventsOutliveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("many starts of the binary")
	}
	const kills, clients = 5, 8
	u := newTelling(t, "lenient")
	var mu sync.Mutex
	acked := map[string]string{} // id by user name
	told := map[string]int{}     // creations by id
	versions := map[string][]string{}
	seen := map[string]bool{}
	fetch := func() {
		t.Helper()
		for _, token := range u.fetchAll(t, true) {
			if seen[token.ID] {
				t.Errorf("%s came again after it was acknowledged", token.ID)
			}
			seen[token.ID] = true
			e := token.Events[0]
			if e.URI == scimevent.CreateFull {
				told[token.Subject.ID]++
			}
			versions[token.Subject.ID] = append(versions[token.Subject.ID], e.Version)
		}
	}
	n := 0
	for range kills {
		daemon := u.serve(t)
		fetch() // what the last one has left
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for c := range clients {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					name := fmt.Sprintf("u%d-%d-%d", n, c, i)
					status, text := u.send("POST", "/Users", `{"userName":"`+name+`"}`)
					if status != 201 {
						return // it was killed
					}
					r, err := scim.ParseResource([]byte(text), scim.Limits{})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acked[name] = r.ID()
					mu.Unlock()
					u.send("PATCH", "/Users/"+r.ID(), `{"schemas":["`+scim.PatchOpURN+`"],"Operations":[{"op":"replace","path":"active","value":false}]}`)
				}
			}()
		}
		time.Sleep(400 * time.Millisecond)
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
		close(stop)
		wg.Wait()
		n++
	}
	daemon := u.serve(t)
	defer func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	}()
	fetch()
	if len(acked) < 100 {
		t.Fatalf("only %d were made", len(acked))
	}
	for name, id := range acked {
		if told[id] != 1 {
			t.Errorf("%s is told of %d times", name, told[id])
		}
	}
	for id, list := range versions {
		for i, v := range list {
			if v != fmt.Sprintf(`W/"%d"`, i+1) {
				t.Errorf("%s: versions %v", id, list)
				break
			}
		}
	}
	t.Logf("%d resources were acknowledged, %d tokens came", len(acked), len(seen))
}

// send sends a request and returns what came, 0 if nothing did.
func (u *upstream) send(method, path, body string) (int, string) {
	r, err := http.NewRequest(method, "http://"+u.addr+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	r.Header.Set("Authorization", "Bearer "+u.token)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(text)
}
