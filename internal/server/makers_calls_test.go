// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
)

// The secrets by which the calls of makers' systems are known: one, and the one that follows.
const (
	madeSecret = "the-secret-by-which-calls-are-known"
	madeSecond = "the-second-secret-by-which-they-are"
)

// calling is a maker's system that calls us.
type calling struct {
	madeKind

	// One of these it is.
	bamboo   *hrtest.BambooHR
	personio *hrtest.Personio
	bob      *hrtest.HiBob
}

// subscribes has the systems that call do so, by name.
var subscribes = map[string]func(*testing.T, calling){
	"bamboohr": func(t *testing.T, k calling) { k.bamboo.Subscribe(t, calledAt, madeSecret) },
	"personio": func(t *testing.T, k calling) { k.personio.Subscribe(t, calledAt, madeSecret) },
	"hibob": func(t *testing.T, k calling) {
		if !k.bob.Subscribe(t, calledAt, madeSecret) {
			t.Error("the address has not answered the test")
		}
	},
}

// newCalling starts a system that takes what the configuration of its kind has.
func newCalling(t *testing.T, name string) calling {
	t.Helper()
	k := calling{madeKind: madeKinds(t)[name]}
	switch name {
	case "bamboohr":
		k.bamboo = hrtest.NewBambooHR(t, "the-key")
		k.system = &k.bamboo.System
	case "personio":
		k.personio = hrtest.NewPersonio(t, "the-secret")
		k.system = &k.personio.System
	default:
		k.bob = hrtest.NewHiBob(t, "SERVICE-1", "the-token")
		k.system = &k.bob.System
	}
	return k
}

const calledAt = "https://usher.example/hooks/hr"

// called is a company whose people come from a maker's system, that reads everybody when it
// begins, and from then on does what calls have it do and nothing else, in a bubble's time.
type called struct {
	*testing.T

	name   string // of the maker
	system *hrtest.System
	built  *server.Built
	usher  *server.Usher
	app    *fakeApp
	calls  *server.Calls
	file   *madeTwins // beside a company that has the same people from a file
	// holds is what is to hold behind each of its days.
	holds func(now string)
	// answers says what becomes of calls on our side, in the place of just taking them; may be nil.
	answers func(take func(*http.Request) (*http.Response, error), r *http.Request) (*http.Response, error)
	reads   int // of everybody, because calls had it
}

// inCalled plays in a company that a maker's system calls, in a bubble of its own. It begins
// on a day with some people; more are further keys of its webhook.
func inCalled(t *testing.T, name, now string, people []hrtest.Worker, subscribe func(*testing.T, calling), more string, play func(c *called, kind calling)) {
	t.Helper()
	kind, dir := newCalling(t, name), sqlitetest.Dir(t) // which run outside of it
	kind.system.Fault(closing)
	synctest.Test(t, func(t *testing.T) {
		app := newFakeApp()
		c := &called{T: t, name: name, system: kind.system, app: app}
		c.file = &madeTwins{T: t, called: c, kind: kind.madeKind, dir: dir, apps: [2]*fakeApp{newFakeApp(), app}, aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
		c.holds = c.byCalls
		c.system.Reach(c.way)
		conf := strings.NewReplacer("STORE", dir+"/called.db", "now: NOW, ", "", "SOURCE", strings.ReplaceAll(kind.source, "URL", kind.system.URL)+"\n    webhook: {secrets: ["+madeSecret+", "+madeSecond+"]"+more+"}").Replace(madeCompany)
		cfg, err := config.Parse("usher.yaml", []byte(conf), nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.built, err = server.Build(cfg); err != nil {
			t.Fatal(err)
		}
		c.built.Targets[0].App = app
		c.until(now)
		c.open()
		defer func() { _ = c.usher.Close() }()
		c.system.Set(now[:len("2026-11-26")], people)
		c.readAll()
		subscribe(t, kind)
		play(c, kind)
	})
}

// open opens the store, also once more behind a crash.
func (c *called) open() {
	c.Helper()
	var err error
	if c.usher != nil {
		err = c.usher.Close()
	}
	if err == nil {
		c.usher, err = c.built.Open(c.Context(), "test")
	}
	if err != nil {
		c.Fatal(err)
	}
	c.calls = c.usher.Calls("hr", slog.New(slog.DiscardHandler))
}

// closing has each answer end its connection: one that waits for the next request would hold
// the bubble's clock.
func closing(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Connection", "close")
	return false
}

// way is how calls come: straight to the handler.
func (c *called) way(r *http.Request) (*http.Response, error) {
	if c.answers != nil {
		return c.answers(c.take, r)
	}
	return c.take(r)
}

func (c *called) take(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.calls.ServeHTTP(w, r)
	return w.Result(), nil
}

// until lets time pass, for us and for the system.
func (c *called) until(now string) {
	c.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		c.Fatal(err)
	}
	if d := time.Until(at); d > 0 {
		if c.calls != nil {
			c.system.Passes(d)
		}
		time.Sleep(d)
	}
}

// at has HR know some people at a time, and does what calls have told then.
func (c *called) at(now string, people []hrtest.Worker) {
	c.Helper()
	c.until(now)
	c.system.Set(now[:len("2026-11-26")], people)
	c.work()
}

// work does what calls have told.
func (c *called) work() {
	c.Helper()
	c.system.Calm()
	reads, err := c.calls.Work(context.WithoutCancel(c.Context()))
	if err != nil {
		c.Fatal(err)
	}
	c.reads += reads
}

// readAll is what a timer does.
func (c *called) readAll() {
	c.Helper()
	if err := c.calls.ReadAll(c.Context()); err != nil {
		c.Fatal(err)
	}
	c.work()
}

// live are those who have accounts.
func (c *called) live() []string {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	return c.app.live()
}

// differ are those who are not as they are to be, with what they are instead.
func (c *called) differ(want []string) (out []string) {
	c.Helper()
	n := 0
	err := c.usher.List(c.Context(), "", func(l directory.Listing) {
		n++
		if one := asSeen(*l.Person); !slices.Contains(want, one) {
			out = append(out, one)
		}
	})
	if err != nil || n != len(want) {
		c.Errorf("%d are known, and %d are to be: %v", n, len(want), err)
	}
	return out
}

// asSeen is what is compared of somebody. Whoever is on leave is in: not all are told when
// one begins.
func asSeen(p directory.Person) string {
	text := func(name string) string { return fmt.Sprint(p.User.Get(name)) }
	if p.State == directory.OnLeave {
		p.State = directory.Active
	}
	return fmt.Sprint(p.UserName(), " ", p.State, " ", text("displayName"), " ", text("title"))
}

// seen are the people of the company that has them from a file, after a cycle.
func (w *madeTwins) seen(now string) (all []string) {
	w.Helper()
	text := strings.NewReplacer("STORE", filepath.Join(w.dir, "file.db"), "NOW", now, "SOURCE", strings.Replace(madeFile, "FILE", filepath.Join(w.dir, "hr.csv"), 1)).Replace(madeCompany)
	ended(w.T, text, w.apps[0], func(p directory.Person) { all = append(all, asSeen(p)) })
	return all
}

// untold is what a maker tells nobody of, and which the next read of everybody shows: who is
// not as they should be, by maker and time. Personio tells that a job ends on its last day,
// when it is still going on, and not that it does not any more.
var untold = map[string]map[string]string{"personio": {"2026-03-05T00:30:00Z": "between@acme.example active"}}

// byCalls holds that calls alone have led to where a file does, but for what is untold.
func (c *called) byCalls(now string) {
	c.Helper()
	c.work()
	want := c.file.seen(now)
	wrong := c.differ(want)
	if who := untold[c.name][now]; who != "" {
		if len(wrong) != 1 || !strings.HasPrefix(wrong[0], who) {
			c.Errorf("%s: wrong are %q, want %s and nobody else", now, wrong, who)
		}
		c.readAll()
		wrong = c.differ(want)
	}
	if len(wrong) > 0 {
		c.Errorf("%s: %q, which is not so", now, wrong)
	}
}

// TestMakersByCalls walks the makers' systems that call us through what is awkward in HR. We
// read everybody once, at the beginning; what a file leads to, their own calls lead to.
func TestMakersByCalls(t *testing.T) {
	t.Parallel()
	for name, subscribe := range subscribes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inCalled(t, name, "2026-02-28T09:00:00Z", nil, subscribe, "", func(c *called, _ calling) {
				c.file.story()
				// Whom we are told to be deleted is not found by their id, and looked for among all: on
				// three days, and once more by the next one at Bob, who may answer late.
				want := map[string]int{"bamboohr": 3, "personio": 3, "hibob": 5}[name]
				if c.reads != want {
					c.Errorf("everybody was read %d times because of a call, want %d", c.reads, want)
				}
			})
		})
	}
}

// asks counts what is asked for, by the path that holds a text, from now on.
func (c *called) asks(path string) (count func() int) {
	var n atomic.Int64
	c.system.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, path) {
			n.Add(1)
		}
		return closing(w, r)
	})
	return func() int { return int(n.Swap(0)) }
}

// TestBambooHRFieldBased: calls of the other form hold several people each. By the path that
// the page says, they are read by their ids; without it, everybody is.
func TestBambooHRFieldBased(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "hr", "bamboohr.md"))
	if err != nil {
		t.Fatal(err)
	}
	const path = `person: "employees[*].id"`
	if !strings.Contains(string(page), path) {
		t.Error("the page does not say so")
	}
	for more, reports := range map[string]int{"": 1, ", " + path: 0} {
		t.Run(more, func(t *testing.T) {
			t.Parallel()
			staff := bambooStaff(16)
			inCalled(t, "bamboohr", "2026-03-01T09:00:00Z", staff, func(t *testing.T, k calling) { k.bamboo.SubscribeFields(t, calledAt, madeSecret) }, more, func(c *called, kind calling) {
				count := c.asks("reports/custom")
				staff[1].Jobs[0].End, staff[3].Jobs[0].End = "2026-01-31", "2026-01-31"
				c.at("2026-03-01T10:00:00Z", staff)
				if live := c.live(); len(live) != 14 || slices.Contains(live, "p2") || slices.Contains(live, "p4") {
					c.Errorf("%v have accounts", live)
				}
				if n := count(); n != reports {
					c.Errorf("everybody was asked for %d times, want %d", n, reports)
				}
				if went := c.system.Deliveries(); len(went) != 1 || went[0].Status != http.StatusNoContent {
					c.Errorf("%v went out", went)
				}
			})
		})
	}
}

// TestUntoldIsRead: of what a maker tells nobody, the next read of everybody tells. Whoever's
// end is taken back so is out on its day if nobody has read them until then, and in again by
// the read.
func TestUntoldIsRead(t *testing.T) {
	t.Parallel()
	takenBack := func(w *hrtest.Worker) { w.Jobs[0].End = "" }
	for _, c := range []struct {
		name, what string
		change     func(*hrtest.Worker)
		out        bool // on 2026-03-11
	}{
		{"bamboohr", "an end ahead is taken back", takenBack, true},
		{"hibob", "the entry of an end is deleted", takenBack, true},
		{"personio", "another job", func(w *hrtest.Worker) { w.Jobs[0].Title = "Head" }, false},
	} {
		for _, soon := range []bool{true, false} {
			t.Run(fmt.Sprint(c.name, ", ", c.what, ", ", soon), func(t *testing.T) {
				t.Parallel()
				staff := bambooStaff(16)
				if c.out {
					staff[4].Jobs[0].End = "2026-03-10"
				}
				inCalled(t, c.name, "2026-03-01T09:00:00Z", staff, subscribes[c.name], "", func(cc *called, _ calling) {
					cc.system.Deliveries()
					c.change(&staff[4])
					cc.at("2026-03-05T10:00:00Z", staff)
					if went := cc.system.Deliveries(); len(went) > 0 {
						cc.Errorf("it was told: %v", went)
					}
					want := cc.as(staff[4])
					if soon {
						cc.readAll()
						cc.is(want)
					}
					cc.at("2026-03-11T10:00:00Z", staff)
					if out := !slices.Contains(cc.live(), "p5"); out != (c.out && !soon) {
						cc.Errorf("out: %t", out)
					}
					cc.readAll()
					cc.is(want)
					if live := cc.live(); len(live) != 16 {
						cc.Errorf("%v have accounts", live)
					}
				})
			})
		}
	}
}

// as is somebody as they are to be seen who is in.
func (c *called) as(w hrtest.Worker) string {
	return fmt.Sprintf("%s@acme.example active %q true %q true", w.First, w.First+" "+w.Last, w.Jobs[0].Title)
}

// is holds that somebody is seen so.
func (c *called) is(want string) {
	c.Helper()
	found := false
	err := c.usher.List(c.Context(), "", func(l directory.Listing) { found = found || asSeen(*l.Person) == want })
	if err != nil || !found {
		c.Errorf("nobody is %s: %v", want, err)
	}
}

// states are what people are, by the beginning of their user names.
func (c *called) states() map[string]directory.State {
	c.Helper()
	out := map[string]directory.State{}
	err := c.usher.List(c.Context(), "", func(l directory.Listing) {
		name, _, _ := strings.Cut(l.Person.UserName(), "@")
		out[name] = l.Person.State
	})
	if err != nil {
		c.Fatal(err)
	}
	return out
}

// TestLeaveByCalls: a leave begins and ends with the call that a maker makes of it; where it
// makes none, with the next read of everybody. Nobody has an account less for it.
func TestLeaveByCalls(t *testing.T) {
	t.Parallel()
	for name, tells := range map[string]struct{ begin, end []string }{
		"bamboohr": {[]string{"employee.updated"}, []string{"employee.updated"}},
		"hibob":    {[]string{"employee.temporaryLeave", "employee.inactivated"}, []string{"employee.activated"}},
		"personio": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			staff := bambooStaff(16)
			staff[3].LeaveFrom, staff[3].LeaveTo = "2026-03-03", "2026-03-10"
			inCalled(t, name, "2026-03-01T09:00:00Z", staff, subscribes[name], "", func(c *called, kind calling) {
				c.system.Deliveries()
				day := func(now string, tells []string, want directory.State) {
					before := c.states()["p4"]
					c.at(now, staff)
					var types []string
					for _, d := range c.system.Deliveries() {
						types = append(types, d.Type)
					}
					if !slices.Equal(types, tells) {
						c.Errorf("%s: %q is told, want %q", now, types, tells)
					}
					if before != want && len(tells) == 0 {
						if is := c.states()["p4"]; is != before {
							c.Errorf("%s: %s, and nobody has told it", now, is)
						}
						c.readAll()
					} else if c.reads > 0 {
						c.Errorf("%s: everybody was read", now)
					}
					if is := c.states()["p4"]; is != want || len(c.live()) != 16 {
						c.Errorf("%s: %s, want %s; %v have accounts", now, is, want, c.live())
					}
				}
				day("2026-03-02T09:00:00Z", nil, directory.Active)
				day("2026-03-03T09:00:00Z", tells.begin, directory.OnLeave)
				day("2026-03-10T09:00:00Z", nil, directory.OnLeave)
				day("2026-03-11T09:00:00Z", tells.end, directory.Active)
				if kind.bob == nil {
					return
				}
				count := c.asks("/v1/people/search")
				kind.bob.SetStatus(staff[5].ID, "garden leave") // which is told as an end, and is none before its day
				c.work()
				if is := c.states()["p6"]; is != directory.Active || len(c.live()) != 16 || count() == 0 {
					c.Errorf("on garden leave: %s, %v have accounts", is, c.live())
				}
			})
		})
	}
}

// TestHiddenFromTheList: a call about somebody whom the list hides, or whom nobody knows, has
// them asked for and everybody read, and changes nothing; many in a row have nobody out.
func TestHiddenFromTheList(t *testing.T) {
	t.Parallel()
	for name, subscribe := range subscribes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			staff := bambooStaff(16)
			inCalled(t, name, "2026-03-01T09:00:00Z", staff, subscribe, "", func(c *called, _ calling) {
				before := c.seen()
				for range 5 {
					for _, kind := range []string{"employee.updated", "person.updated", "employee.deleted", "of.a.type.that.nobody.knows"} {
						c.system.Send(kind, "999")
					}
					c.work()
				}
				for _, d := range c.system.Deliveries() {
					if d.Status != http.StatusNoContent {
						c.Errorf("%s was answered with %d", d.Type, d.Status)
					}
				}
				if after := c.seen(); !slices.Equal(before, after) || len(c.live()) != 16 {
					c.Errorf("%q, and it was %q", after, before)
				}
				if c.reads != 5 {
					c.Errorf("everybody was read %d times", c.reads)
				}
			})
		})
	}
}

// seen is everybody, in order.
func (c *called) seen() (out []string) {
	c.Helper()
	if err := c.usher.List(c.Context(), "", func(l directory.Listing) { out = append(out, asSeen(*l.Person)) }); err != nil {
		c.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// TestSecretRotatesInFlight: a call that was signed before its secret was exchanged, and
// arrives behind that, is taken, and so is what is signed by the new one; what is signed by
// the one before is not any more once another has followed.
func TestSecretRotatesInFlight(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(6)
	s, hr := bamboo(t, staff)
	s.conf = strings.Replace(s.conf, "["+bambooKey+"]", `["secret:calls"]`, 1) + "secrets: {key: DIR/usher.key}\n"
	s.conf = strings.Replace(s.conf, "since: {every: 10s}", "since: {every: 1h}", 1)
	b := built(t, keyed(t, s.dir), s.conf)
	u := opened(t, b)
	put(t, u, "calls", "canary-of-calls-number-1", false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(6) })
	hr.Subscribe(t, s.url+"/hooks/hr", "canary-of-calls-number-1")
	secrets := 1
	for i, c := range []struct {
		follow int // secrets that follow while a call is in flight
		status int
	}{{1, http.StatusNoContent}, {0, http.StatusNoContent}, {2, http.StatusUnauthorized}} {
		signed, arrive := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(arrive) })
		t.Cleanup(release) // else what is on its way would be waited for
		hr.Sending(func(hrtest.Event) { close(signed); <-arrive })
		staff[i].Jobs[0].End = "2026-01-31"
		hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
		<-signed
		for range c.follow {
			secrets++
			next := fmt.Sprint("canary-of-calls-number-", secrets)
			if notes, err := ask(t, b, "calls", next, true); err != nil || len(notes) > 0 {
				t.Fatalf("%v %v", notes, err)
			}
			hr.Rotate(next)
		}
		release()
		s.answered(t, &hr.System, fmt.Sprint("call ", i), c.status)
		hr.Sending(nil)
	}
	until(t, "two are out by calls", func() bool { return slices.Equal(s.live(), []string{"p3", "p4", "p5", "p6"}) })
	hr.Send("employee.updated", staff[2].ID)
	s.answered(t, &hr.System, "by the newest", http.StatusNoContent)
	until(t, "the third is, too", func() bool { return s.has(3) })
	s.end(t)
	s.nowhere(t, "canary-of-calls")
}

// TestBobAnswersLate: Bob calls at once, and says for some seconds what was before. Whoever has
// changed is read again behind that, by one call alone and although we were down meanwhile, also
// if they change once more, and then no more.
func TestBobAnswersLate(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(16)
	inCalled(t, "hibob", "2026-03-01T09:00:00Z", staff, subscribes["hibob"], "", func(c *called, kind calling) {
		kind.bob.Lag(20 * time.Second)
		c.until("2026-03-01T09:01:00Z")
		count := c.asks("/v1/people/search")
		was := c.as(staff[4])
		staff[4].Last = "Renamed"
		c.system.Deliveries()
		c.at("2026-03-01T09:30:00Z", staff)
		if went := c.system.Deliveries(); len(went) != 1 {
			c.Errorf("%v went out, and one call was to", went)
		}
		c.is(was)
		c.open()
		for _, now := range []string{"2026-03-01T09:30:10Z", "2026-03-01T09:30:20Z"} {
			c.until(now)
			c.work()
		}
		c.is(c.as(staff[4]))
		if n := count(); n != 2 {
			c.Errorf("searched for %d times", n)
		}
		staff[1].Jobs[0].End = "2026-01-31"
		c.at("2026-03-01T10:00:00Z", staff)
		if n := len(c.live()); n != 16 {
			c.Errorf("%d have accounts, as if Bob had said something new", n)
		}
		c.until("2026-03-01T10:00:15Z")
		staff[2].Jobs[0].End, staff[1].Last = "2026-01-31", "Renamed" // and that of the other is late again
		c.at("2026-03-01T10:00:15Z", staff)
		for _, now := range []string{"2026-03-01T10:00:20Z", "2026-03-01T10:00:35Z", "2026-03-01T10:00:55Z"} {
			c.until(now)
			c.work()
		}
		if live := c.live(); len(live) != 14 || slices.Contains(live, "p2") || slices.Contains(live, "p3") {
			c.Errorf("%v have accounts", live)
		}
		c.is(`p2@acme.example leaver "p2 Renamed" true "Engineer" true`)
		count()
		c.until("2026-03-01T11:00:00Z")
		if c.work(); count() > 0 || c.reads > 0 {
			c.Error("they are searched for again and again")
		}
	})
}

// TestBobHidesWhoIsNew: whoever is hired is not found for a while, neither by their id nor among
// all, which is not that they are nobody.
func TestBobHidesWhoIsNew(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(17)
	inCalled(t, "hibob", "2026-03-01T09:00:00Z", staff[:16], subscribes["hibob"], "", func(c *called, kind calling) {
		kind.bob.Lag(20 * time.Second)
		c.at("2026-03-01T10:00:00Z", staff)
		if live := c.live(); len(live) != 16 || c.reads != 1 {
			c.Errorf("%v have accounts, and everybody was read %d times", live, c.reads)
		}
		c.until("2026-03-01T10:00:21Z") // the searches have taken a little
		c.work()
		if live := c.live(); len(live) != 17 || c.reads != 1 {
			c.Errorf("%v have accounts, and everybody was read %d times", live, c.reads)
		}
	})
}
