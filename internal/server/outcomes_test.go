// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/scim/scimtest"
)

// wired is a company with a real connection to an app that goes wrong as told.
type wired struct {
	*testing.T
	app   *scimtest.App
	dir   string
	conf  string
	staff []worker
	aged  time.Time
}

func wire(t *testing.T) *wired {
	t.Helper()
	app, err := scimtest.New(scimtest.Config{Token: "xyz", Quirks: scimtest.Quirks{AllowDuplicates: true}})
	if err != nil {
		t.Fatal(err)
	}
	base, stop, err := scimtest.Listen(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &wired{T: t, app: app, dir: sqlitetest.Dir(t), staff: staff(5), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	w.conf = strings.ReplaceAll(company, "https://app.example/scim", base)
	w.conf = strings.Replace(w.conf, "    first_run: go\n", "    first_run: go\n    allow: [loopback, plain-http]\n    delete_after: 1d\n", 1)
	w.staff = append(w.staff, worker{id: "90", first: "zed", dept: "A", start: "2020-01-01"})
	return w
}

// apply runs one cycle on a day.
func (w *wired) apply(today string) *server.Document {
	w.Helper()
	var b strings.Builder
	b.WriteString("id,first,dept,start,end,leave,back\n")
	for _, r := range w.staff {
		b.WriteString(strings.Join([]string{r.id, r.first, r.dept, r.start, r.end, r.leave, r.back}, ",") + "\n")
	}
	path, file := filepath.Join(w.dir, "hr.csv"), filepath.Join(w.dir, "usher.yaml")
	conf := strings.ReplaceAll(strings.Replace(w.conf, "now: 2026-03-01", "now: "+today, 1), "DIR", w.dir)
	for name, text := range map[string]string{path: b.String(), file: conf} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	w.aged = w.aged.Add(time.Minute)
	if err := os.Chtimes(path, w.aged, w.aged); err != nil {
		w.Fatal(err)
	}
	cfg, err := config.Load(w.Context(), file, func(string) (string, bool) { return "", false })
	if err != nil {
		w.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		w.Fatal(err)
	}
	u, err := built.Open(w.Context(), "test")
	if err != nil {
		w.Fatal(err)
	}
	defer func() {
		if err := u.Close(); err != nil {
			w.Error(err)
		}
	}()
	doc, err := u.Apply(w.Context(), server.Options{Wait: time.Minute, Actor: "test"})
	if err != nil {
		w.Fatal(err)
	}
	return doc
}

// right compares the app with the staff, and returns who is not as they must be.
func (w *wired) right(today string) (wrong []string) {
	w.Helper()
	seen := map[string]int{}
	ids := map[string]string{}
	active := map[string]bool{}
	for _, u := range w.app.Users() {
		seen[u.UserName()]++
		ids[u.ID()] = u.UserName()
		active[u.UserName()], _ = u.Active()
	}
	teams := map[string][]string{}
	for _, g := range w.app.Groups() {
		for _, id := range g.Members() {
			teams[ids[id]] = append(teams[ids[id]], g.DisplayName())
		}
	}
	for _, r := range w.staff {
		name, in := r.first+"@acme.example", r.end == "" || r.end > today
		want := []string{r.dept}
		if !in {
			want = nil
		}
		if seen[name] > 1 || in && !active[name] || !in && active[name] || !slices.Equal(teams[name], want) {
			wrong = append(wrong, r.first)
		}
	}
	return wrong
}

// operation is something that HR does, and the request that follows.
type operation struct {
	first  bool // the first day brings it
	change func(w *wired)
	later  string // the day on which it happens
	rule   scimtest.Rule
}

var operations = map[string]operation{
	"create":        {first: true, rule: scimtest.Rule{Method: "POST", Type: "User", Identity: "zed@acme.example"}},
	"group create":  {first: true, rule: scimtest.Rule{Method: "POST", Type: "Group", Identity: "A"}},
	"member add":    {first: true, rule: scimtest.Rule{Method: "PATCH", Type: "Group", Identity: "A"}},
	"update":        {change: func(w *wired) { w.staff[5].end = "2027-01-01"; w.rename() }, rule: scimtest.Rule{Method: "PATCH", Type: "User", Identity: "zed@acme.example"}},
	"disable":       {change: func(w *wired) { w.staff[5].end = "2026-02-28" }, rule: scimtest.Rule{Method: "PATCH", Type: "User", Identity: "zed@acme.example"}},
	"member remove": {change: func(w *wired) { w.staff[5].dept = "B" }, rule: scimtest.Rule{Method: "PATCH", Type: "Group", Identity: "A"}},
	"delete":        {change: func(w *wired) { w.staff[5].end = "2026-02-28" }, later: "2026-03-03", rule: scimtest.Rule{Method: "DELETE", Type: "User", Identity: "zed@acme.example"}},
}

// What a fault must lead to.
const (
	converges = "converges" // within the cycle
	setAside  = "is set aside"
	pauses    = "pauses the app"
)

// ends says what a fault leads to, "" if the app's word is all there is.
func ends(op string, kind scimtest.Kind) string {
	switch kind {
	case scimtest.Unauthorized:
		return pauses
	case scimtest.NoEffect:
		if op == "disable" { // read back
			return setAside
		}
		return ""
	case scimtest.NotFound:
		switch op {
		case "create", "group create":
			return setAside
		case "delete":
			return "" // gone is what was wanted
		}
		return converges
	case scimtest.Forbidden, scimtest.BadRequest, scimtest.TooLarge, scimtest.Conflict:
		if op == "member add" { // refused once as a whole, taken in halves
			return converges
		}
		return setAside
	}
	return converges
}

// Every fault at every operation, through a real connection: nobody else is
// held up, nobody is there twice, each effect is told once, and a cycle after
// the last sends nothing.
func TestEveryOutcome(t *testing.T) {
	t.Parallel()
	kinds := []scimtest.Kind{scimtest.TooManySeconds, scimtest.AnswerLost, scimtest.Forbidden} // of each sort one
	if !testing.Short() {
		kinds = everyKind
	}
	for _, kind := range kinds {
		for op := range operations {
			if end := ends(op, kind); end != "" {
				t.Run(fmt.Sprintf("%s, %s", op, kind), func(t *testing.T) {
					t.Parallel()
					outcome(wire(t), op, kind, end)
				})
			}
		}
	}
}

var everyKind = []scimtest.Kind{
	scimtest.TooManySeconds, scimtest.TooManyDate, scimtest.TooMany, scimtest.UnavailableLater, scimtest.Unavailable, scimtest.ServerError,
	scimtest.BadGateway, scimtest.TimeOut, scimtest.Reset, scimtest.Unauthorized, scimtest.Forbidden, scimtest.NotFound, scimtest.Conflict,
	scimtest.Precondition, scimtest.TooLarge, scimtest.BadRequest, scimtest.AnswerLost, scimtest.AnswerHangs, scimtest.ErrorAfter,
	scimtest.NoEffect, scimtest.Truncated, scimtest.Garbage, scimtest.Empty, scimtest.Slow,
}

func outcome(w *wired, op string, kind scimtest.Kind, end string) {
	o, today := operations[op], "2026-03-01"
	if !o.first {
		w.apply(today)
		o.change(w)
	}
	if o.later != "" {
		w.apply(today)
		today = o.later
	}
	o.rule.Times, o.rule.Fault = 1, scimtest.Fault{Kind: kind, Hold: 50 * time.Millisecond}
	faults := scimtest.Rules(o.rule)
	w.app.SetFaults(faults)
	rep := w.apply(today).Apps["app"]
	if faults.Done()[kind] != 1 {
		w.Fatalf("the fault never came: %v, %v", faults.Done(), w.app.Counts())
	}
	wrong := w.right(today)
	switch end {
	case converges:
		if len(wrong) > 0 || rep.Parked > 0 || rep.Paused != "" || rep.Waiting > 0 {
			w.Errorf("wrong: %v, %+v", wrong, rep)
		}
	case setAside:
		if rep.Parked == 0 || rep.Paused != "" || len(wrong) > 0 && !about(op, wrong) {
			w.Errorf("wrong: %v, %+v", wrong, rep)
		}
		w.app.SetFaults(nil)
		w.conf = strings.Replace(w.conf, "displayName: person.displayName", "displayName: person.displayName + ''", 1) // somebody looks at it
		if rep := w.apply(today).Apps["app"]; rep.Parked > 0 {
			w.Errorf("still set aside: %+v", rep)
		}
	case pauses:
		if rep.Paused == "" || rep.Parked > 0 {
			w.Errorf("%+v", rep)
		}
		w.app.SetFaults(nil)
		w.apply(today)
	}
	if wrong := w.right(today); len(wrong) > 0 {
		w.Errorf("wrong at the end: %v", wrong)
	}
	w.app.ResetCounts()
	if rep := w.apply(today).Apps["app"]; w.app.Counts().Total() != 0 || rep.Writes() != 0 {
		w.Errorf("not quiet: %v, %+v", w.app.Counts(), rep)
	}
	w.told()
}

// rename gives somebody another display name, and leaves their user name.
func (w *wired) rename() {
	w.conf = strings.Replace(w.conf, "displayName: row.first\n", `displayName: 'row.first + (row.end > "2026-06" ? "!" : "")'`+"\n", 1)
}

// about says that only those are wrong whom the operation is about.
func about(op string, wrong []string) bool {
	return op == "group create" || slices.Equal(wrong, []string{"zed"})
}

// told compares the ledger with what really happened at the app.
func (w *wired) told() {
	w.Helper()
	did := map[string]int{}
	for _, e := range w.app.Ledger() {
		did[e.Op+" "+e.Type]++
	}
	for kind, n := range map[string]int{
		"account.created": did["create User"], "account.disabled": did["disable User"], "account.deleted": did["delete User"],
		"group.created": did["create Group"], "member.added": did["member_add Group"],
	} {
		if got := w.events(kind); got != n {
			w.Errorf("%d events %s, and it happened %d times", got, kind, n)
		}
	}
}

func (w *wired) events(kind string) (n int) {
	w.Helper()
	db, err := store.OpenRead(w.Context(), filepath.Join(w.dir, "usher.db"))
	if err != nil {
		w.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			w.Error(err)
		}
	}()
	for seq := int64(0); ; {
		entries, err := db.Ledger().Chained(w.Context(), seq, 1000)
		if err != nil {
			w.Fatal(err)
		}
		for _, e := range entries {
			seq = e.Seq
			if e.Kind == kind {
				n++
			}
		}
		if len(entries) == 0 {
			return n
		}
	}
}
