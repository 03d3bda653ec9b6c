// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/internal/testenv"
	tokens "github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// deep has BenchmarkProvider ask among a million people, too.
var deep = flag.Bool("deep", false, "BenchmarkProvider asks among 1,000,000 people, and nothing else")

const providerConfig = `store: %s
sources:
  upstream: {type: scim, strictness: rfc, rate_limit: 0}
server: {address: 127.0.0.1:0}
`

// provider is our own SCIM service provider on loopback, over a store on disk.
type provider struct {
	db     *sqlite.DB
	url    string
	secret string
	ids    []string // of people
	group  string   // everybody's
	client *http.Client
}

// open lets everybody go.
type open struct{}

func (open) Departures(context.Context, directory.Tx, directory.Cause, []string) (bool, error) {
	return true, nil
}

// newProvider starts one and fills its store.
func newProvider(b *testing.B, people, members int) *provider {
	b.Helper()
	w := newWorld(b, 0)
	if err := os.WriteFile(w.config(), fmt.Appendf(nil, providerConfig, w.store()), 0o600); err != nil {
		b.Fatal(err)
	}
	built := w.build(b, false)
	db, err := sqlite.Open(context.Background(), w.store(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	pushed := built.Pushed[0]
	dir := directory.New(directory.Config{
		Schemas: built.Schemas, Paths: append(pushed.Mapping.Paths(), scimin.EndDate), Teams: directory.Rules{}, Gate: open{}, Actor: "bench", Now: time.Now,
		Sources: []directory.SourceRules{{Name: pushed.Name, Teams: true}},
	})
	secret, t := tokens.New(pushed.Name, "bench", time.Now(), 0)
	t.Used = time.Now() // noted once a minute, and not measured here
	if err := db.Tokens().PutToken(context.Background(), t, audit.Event{At: time.Now(), Kind: "token.created", Actor: "bench"}); err != nil {
		b.Fatal(err)
	}
	store, err := scimin.New(scimin.Config{
		Source: pushed.Name, Store: db.Pushed(), Directory: dir, Schemas: built.Schemas, Mapping: pushed.Mapping,
		Cursors: scimserver.CursorKey("bench"), Changed: func() {}, Rejected: func(id string, err error) { b.Errorf("%s: %v", id, err) },
	})
	if err != nil {
		b.Fatal(err)
	}
	h, err := scimserver.New(scimserver.Config{
		Store: store, Base: "/scim/v2", Rules: pushed.Rules, Failed: func(_ context.Context, err error) { b.Error(err) },
		Authorize: func(r *http.Request) error { // as the endpoint of the daemon does
			_, presented, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			_, err := tokens.Find(r.Context(), db.Tokens(), presented, time.Now())
			return err
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(h)
	p := &provider{db: db, url: srv.URL + "/scim/v2", secret: secret, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}}
	b.Cleanup(func() {
		p.client.CloseIdleConnections()
		srv.Close()
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	p.fill(b, pushed.Name, people, members)
	return p
}

// fill puts people, and a group of some of them, straight into the store.
func (p *provider) fill(b *testing.B, name string, people, members int) {
	b.Helper()
	p.ids = make([]string, people)
	update := func(fn func(source.PushTx) error) {
		b.Helper()
		if err := p.db.Pushed().Update(context.Background(), fn); err != nil {
			b.Fatal(err)
		}
	}
	for from := 0; from < people; from += 10_000 {
		update(func(tx source.PushTx) error {
			for i := from; i < min(people, from+10_000); i++ {
				id := fmt.Sprintf("person%020d", i)
				p.ids[i] = id
				err := tx.PutPushed(context.Background(), &source.Pushed{
					Source: name, Type: "User", ID: id, Record: id, Name: userName(i), External: external(i), Version: 1,
					Created: tx.Now(), Modified: tx.Now(), Body: employee(i),
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if members == 0 {
		return
	}
	p.group = "everybody"
	update(func(tx source.PushTx) error {
		return tx.PutPushed(context.Background(), &source.Pushed{
			Source: name, Type: "Group", ID: p.group, Record: p.group, Name: p.group, Version: 1, Created: tx.Now(), Modified: tx.Now(), Members: members,
			Body: []byte(`{"schemas":["` + scim.GroupURN + `"],"displayName":"everybody"}`),
		})
	})
	for ids := range slices.Chunk(p.ids[:members], 10_000) {
		update(func(tx source.PushTx) error {
			list := make([]source.PushedMember, len(ids))
			for i, id := range ids {
				list[i] = source.PushedMember{ID: id, Body: []byte(`{"value":"` + id + `"}`)}
			}
			_, err := tx.AddMembers(context.Background(), name, p.group, list)
			return err
		})
	}
}

func userName(i int) string { return fmt.Sprintf("given%d.family%d@acme.example", i, i) }
func external(i int) string { return fmt.Sprintf("e-%d", i) }

// employee is a User of usual size.
func employee(i int) []byte {
	return fmt.Appendf(nil, `{"schemas":["%s","%s"],"userName":"%s","externalId":"%s","name":{"givenName":"Given%d","familyName":"Family%d"},`+
		`"displayName":"Given%d Family%d","title":"Engineer","active":true,"emails":[{"value":"%s","type":"work","primary":true}],`+
		`"phoneNumbers":[{"value":"+1 555 %07d","type":"work"}],"%s":{"employeeNumber":"%d","department":"Department %d"}}`,
		scim.UserURN, scim.EnterpriseUserURN, userName(i), external(i), i, i, i, i, userName(i), i, scim.EnterpriseUserURN, i, i%40)
}

// ask is a request: what is asked for the i-th time.
type ask struct {
	method string
	of     func(i int) (path, body string)
}

func get(of func(i int) string) ask {
	return ask{http.MethodGet, func(i int) (string, string) { return of(i), "" }}
}

func send(client *http.Client, secret, root string, a ask, i int) (status int, header http.Header, body []byte, err error) {
	path, text := a.of(i)
	r, err := http.NewRequestWithContext(context.Background(), a.method, root+path, strings.NewReader(text))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	if text != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	body, err = io.ReadAll(res.Body)
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %d %s", a.method, path, res.StatusCode, body)
	}
	return res.StatusCode, res.Header, body, err
}

// bare answers with the same bytes, those of the head included.
func bare(status int, header http.Header, body []byte) http.Handler {
	header = header.Clone()
	header.Del("Date") // net/http's own
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

// beside sends n requests over as many connections as the engine has, in turns to
// the provider and to a bare handler that answers with the same bytes.
func (p *provider) beside(b *testing.B, n int, a ask) (requests, ratio float64) {
	b.Helper()
	next := 0
	status, header, body, err := send(p.client, p.secret, p.url, a, next)
	if err != nil {
		b.Fatal(err)
	}
	next++
	floor := httptest.NewServer(bare(status, header, body))
	defer floor.Close()
	var ours, theirs pace
	for b.Loop() {
		for range 4 {
			from := next
			ours.add(loop(b, n/4, func(i int) error {
				_, _, _, err := send(p.client, p.secret, p.url, a, from+i)
				return err
			}))
			next += n / 4
			theirs.add(loop(b, n/4, func(i int) error {
				_, _, _, err := send(p.client, p.secret, floor.URL, a, from+i)
				return err
			}))
		}
	}
	b.ReportMetric(ours.rate(), "req/s")
	b.ReportMetric(theirs.rate(), "bare-req/s")
	b.ReportMetric(ours.rate()/theirs.rate(), "of-bare")
	return ours.rate(), ours.rate() / theirs.rate()
}

// asks are what a provider is measured by; n is how many people there are.
func (p *provider) asks(n int) map[string]ask {
	filter := func(of func(i int) string) ask {
		return get(func(i int) string { return "/Users?filter=" + url.QueryEscape(of(i*7919%n)) })
	}
	return map[string]ask{
		"get":         get(func(i int) string { return "/Users/" + p.ids[i*7919%n] }),
		"userName":    filter(func(i int) string { return `userName eq "` + userName(i) + `"` }),
		"externalId":  filter(func(i int) string { return `externalId eq "` + external(i) + `"` }),
		"first-page":  get(func(int) string { return "/Users?startIndex=1&count=100" }),
		"deep-page":   get(func(int) string { return fmt.Sprintf("/Users?startIndex=%d&count=100", n-n/10) }),
		"starts-with": filter(func(i int) string { return fmt.Sprintf(`userName sw "given%d." and active eq true`, i) }),
	}
}

// BenchmarkProvider measures our service provider beside a bare handler that
// answers with the same bytes, over loopback with 16 clients.
func BenchmarkProvider(b *testing.B) {
	sizes := []int{size(1_000, 100), size(100_000, 200)}
	if *deep {
		sizes = []int{size(1_000_000, 400)}
	}
	few := map[string]float64{}
	for _, n := range sizes {
		p := newProvider(b, n, min(n, size(100_000, 200)))
		for _, c := range []struct {
			name  string
			times int
		}{{"get", 20_000}, {"userName", 20_000}, {"externalId", 20_000}, {"first-page", 1_000}, {"deep-page", 1_000}, {"starts-with", 4_000}} {
			b.Run(fmt.Sprintf("%s/people=%d", c.name, n), func(b *testing.B) {
				rate, _ := p.beside(b, size(c.times, 40), p.asks(n)[c.name])
				if few[c.name] == 0 {
					few[c.name] = rate
				}
				b.ReportMetric(rate/few[c.name], "x-few-people")
			})
		}
		p.scan(b, n)
		p.groups(b, n)
		p.writes(b, n)
	}
}

// scan is a filter that no index helps: everybody is looked at, by the store, unless
// there are so many that the query takes too long. Then how long that took is told.
func (p *provider) scan(b *testing.B, n int) {
	b.Run(fmt.Sprintf("scan/people=%d", n), func(b *testing.B) {
		times, refused := 0, 0
		for b.Loop() {
			path := "/Users?count=10&filter=" + url.QueryEscape(`emails[type eq "work" and value co "family77@"] and title eq "engineer"`)
			_, _, body, err := send(p.client, p.secret, p.url, get(func(int) string { return path }), 0)
			switch {
			case err != nil && strings.Contains(string(body), scim.TooMany):
				refused++
			case err != nil:
				b.Fatal(err)
			}
			times++
		}
		b.ReportMetric(b.Elapsed().Seconds()*1000/float64(times), "ms/query")
		b.ReportMetric(100*float64(refused)/float64(times), "%-refused")
	})
}

// groups asks for everybody's group, and changes who is in it.
func (p *provider) groups(b *testing.B, n int) {
	for _, c := range []struct {
		name, path string
		times      int
	}{{"group", "", 4 * connections}, {"group-alone", "?excludedAttributes=members", size(10_000, 40)}} {
		b.Run(fmt.Sprintf("%s/people=%d", c.name, n), func(b *testing.B) {
			p.beside(b, c.times, get(func(int) string { return "/Groups/" + p.group + c.path }))
		})
	}
	b.Run(fmt.Sprintf("member/people=%d", n), func(b *testing.B) {
		var mu sync.Mutex
		var took []time.Duration
		joined := 0
		for b.Loop() {
			from := joined
			loop(b, size(2_000, 40), func(i int) error {
				a := ask{http.MethodPatch, func(i int) (string, string) {
					return "/Groups/" + p.group, patchOp(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"joined-%d"}]}`, from+i))
				}}
				start := time.Now()
				_, _, _, err := send(p.client, p.secret, p.url, a, i)
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
				return err
			})
			joined += size(2_000, 40)
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	})
}

func patchOp(op string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + op + `]}`
}

// writes creates people and changes them, each durable before it is answered, beside
// a grouped insert of one row into the same store.
func (p *provider) writes(b *testing.B, n int) {
	inserted := 0
	insert := func(b *testing.B, times int) (int, float64) {
		b.Helper()
		from := inserted
		inserted += times
		return loop(b, times, func(i int) error {
			return p.db.Pushed().Update(context.Background(), func(tx source.PushTx) error {
				return tx.PutMeta(context.Background(), fmt.Sprintf("floor-%d", from+i), []byte("one row"))
			})
		})
	}
	for _, c := range []struct {
		name string
		ask
	}{
		{"create", ask{http.MethodPost, func(i int) (string, string) { return "/Users", string(employee(n + i)) }}},
		{"patch", ask{http.MethodPatch, func(i int) (string, string) {
			return "/Users/" + p.ids[i*7919%n], patchOp(fmt.Sprintf(`{"op":"replace","path":"title","value":"Engineer %d"}`, i))
		}}},
	} {
		b.Run(fmt.Sprintf("%s/people=%d", c.name, n), func(b *testing.B) {
			var ours, floor pace
			from := 0
			for b.Loop() {
				for range 4 {
					times := size(2_000, 20)
					ours.add(loop(b, times, func(i int) error {
						_, _, _, err := send(p.client, p.secret, p.url, c.ask, from+i)
						return err
					}))
					from += times
					floor.add(insert(b, times))
				}
			}
			b.ReportMetric(ours.rate(), "req/s")
			b.ReportMetric(floor.rate(), "inserts/s")
			b.ReportMetric(ours.rate()/floor.rate(), "of-insert")
		})
	}
}

// BenchmarkProviderPeer asks a server that is not ours the same.
func BenchmarkProviderPeer(b *testing.B) {
	n := size(5_000, 50)
	p := newProvider(b, n, 0)
	peer := testenv.Scimmy(b, testenv.ScimmyOptions{})
	ids := make([]string, n)
	loop(b, n, func(i int) error {
		a := ask{http.MethodPost, func(int) (string, string) { return "/Users", string(employee(i)) }}
		_, _, body, err := send(p.client, peer.Token, peer.BaseURL, a, i)
		if err != nil {
			return err
		}
		made, err := scim.ParseResource(body, scim.Limits{})
		if err == nil {
			ids[i] = made.ID()
		}
		return err
	})
	theirs := &provider{ids: ids}
	for _, c := range []struct {
		name  string
		times int
	}{{"get", 2_000}, {"userName", 100}, {"first-page", 100}} {
		b.Run(c.name, func(b *testing.B) {
			var ours, other pace
			for b.Loop() {
				ours.add(loop(b, size(c.times, 20), func(i int) error {
					_, _, _, err := send(p.client, p.secret, p.url, p.asks(n)[c.name], i)
					return err
				}))
				other.add(loop(b, size(c.times, 20), func(i int) error {
					_, _, _, err := send(p.client, peer.Token, peer.BaseURL, theirs.asks(n)[c.name], i)
					return err
				}))
			}
			b.ReportMetric(ours.rate(), "req/s")
			b.ReportMetric(other.rate(), "peer-req/s")
			b.ReportMetric(ours.rate()/other.rate(), "x-peer")
		})
	}
}
