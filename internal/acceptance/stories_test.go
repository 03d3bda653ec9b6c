// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim/scimtest"
)

// TestStories plays joiners, movers, leavers and one who returns into a simulator of
// every app that speaks SCIM, each by its own profile. The simulators refuse what the
// apps' own documentation says that they refuse, and know nothing of the profiles.
func TestStories(t *testing.T) {
	t.Parallel()
	s := newStories(t, scimtest.Apps(), func(id string) string { return id })
	for _, d := range story() {
		s.day(d, 4) // who cannot be changed is set aside, see rigid, and who does not fit, see tooLong
		for _, id := range s.ids {
			s.as(id, d)
		}
		if again := s.apply(4); slices.ContainsFunc(s.ids, func(id string) bool { return again.Apps[id].Requests > 0 }) {
			t.Errorf("%s: once more something is sent: %+v", d.name, again.Apps)
		}
	}
	// Whoever looks finds everything as it was left.
	for _, id := range s.ids {
		s.apps[id].ResetCounts()
	}
	looked := s.apply(4, "--verify")
	for _, id := range s.ids {
		if n := s.apps[id].Counts(); looked.Apps[id].Drifted != 0 || n.Writes() != 0 || n.Total() == 0 {
			t.Errorf("%s: %d have drifted, and nobody has changed anything: %v", id, looked.Apps[id].Drifted, n)
		}
		for _, r := range s.apps[id].Refusals() {
			t.Errorf("%s: %s", id, r)
		}
	}
}

// TestStoriesByPlainSCIM is the control: by the profile of plain SCIM 2.0 instead of its
// own, the story fails at these apps, by a request that their own documentation says they
// refuse.
func TestStoriesByPlainSCIM(t *testing.T) {
	t.Parallel()
	ids := slices.DeleteFunc(scimtest.Apps(), func(id string) bool { return id == "generic-scim2" })
	s := newStories(t, ids, func(string) string { return "generic-scim2" })
	failed := map[string]bool{} // apps that were not as the day wants them, or where somebody was set aside
	for _, d := range append(story(), burial()) {
		r := s.day(d, 4)
		for _, id := range ids {
			a := r.Apps[id]
			failed[id] = failed[id] || a.Parked+a.Waiting > 0 || len(s.wrong(id, d)) > 0
		}
	}
	documented := 0
	for _, id := range ids {
		want, no := refusesPlainSCIM()[id], firstRefusals(s.apps[id])
		switch {
		case want == "" && len(no) > 0:
			t.Errorf("%s refuses something: %v", id, slices.Collect(maps.Values(no)))
		case want == "":
		case !failed[id]:
			t.Errorf("%s: nothing went wrong", id)
		default:
			r, ok := no[strings.TrimPrefix(want, assumed)]
			if !ok || r.Assumed != strings.HasPrefix(want, assumed) || !strings.HasPrefix(r.Reference, "https://") {
				t.Errorf("%s: it does not refuse %q, but %v", id, want, no)
			}
			t.Logf("%s: %s", id, r)
			if !r.Assumed {
				documented++
			}
		}
	}
	if documented < 15 {
		t.Errorf("the story fails by a documented refusal at %d apps, want 15", documented)
	}
}

// burial is the day on which accounts of who left are deleted, where somebody asks for it.
func burial() day {
	days := story()
	last := days[len(days)-1]
	last.name, last.date = "the accounts of two leavers are deleted", "2026-11-12"
	return last
}

// firstRefusals are the first request that was refused of each kind, by "GET /Users: rule".
func firstRefusals(f *fake) map[string]scimtest.Refusal {
	first := map[string]scimtest.Refusal{}
	for _, r := range f.Refusals() {
		path, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "?")
		path, _, _ = strings.Cut(path, "/")
		what := fmt.Sprintf("%s /%s%s: %s", r.Method, strings.ToUpper(path[:1]), path[1:], r.Rule)
		if _, ok := first[what]; !ok {
			first[what] = r
		}
	}
	return first
}

// assumed stands before a refusal that the app's documentation, as far as it could be read,
// does not have.
const assumed = "assumed: "

// refusesPlainSCIM is what an app refuses of the story by the profile of plain SCIM
// 2.0, by app; who is not here takes it. What is documented is preferred.
func refusesPlainSCIM() map[string]string {
	const noQuery = "GET /Users: filter" // by externalId, for an account whose answer was lost
	return map[string]string{
		"atlassian":               "POST /Users: value", // no e-mail address is primary
		"aws-iam-identity-center": "POST /Users: value",
		"cloudflare":              assumed + noQuery,
		"databricks":              assumed + "PATCH /Users: state", // the userName stays
		"datadog":                 noQuery,
		"entra-scim-api":          "POST /Users: required attribute",
		"figma":                   "POST /Users: value", // a name of 104 characters
		"github-emu":              "POST /Users: required attribute",
		"github-org":              "PATCH /Users: patch", // a path with a filter
		"gitlab-saas":             "GET /Groups: operation",
		"gitlab-self-managed":     "GET /Groups: operation",
		"linear":                  assumed + noQuery,
		"notion":                  assumed + noQuery,
		"pagerduty":               "GET /Groups: operation",
		"salesforce":              "DELETE /Users: operation",
		"sentry":                  noQuery,
		"slack":                   "POST /Users: value",
		"snowflake":               "PATCH /Users: patch", // a path with a filter
		"vercel":                  assumed + noQuery,
		"zoom":                    "PATCH /Users: patch",
	}
}

// rigid are the apps in which something of an account stays as it was made. Those who
// change are set aside there, with words, and everybody else goes on.
var rigid = []string{
	"databricks",          // userName
	"gitlab-saas",         // everything but active
	"gitlab-self-managed", // everything but active
	"sentry",              // everything
}

// particular is what the mapping of an app needs beside what all have, as its page
// says, and by which groups are taken out.
var particular = map[string]string{
	"entra-scim-api": `      "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname": slug(person.name.givenName + person.id)`,
	"salesforce":     `      entitlements[type eq "profile"].value: '"00e000000000001"'`,
	"slack":          `      userName: person.userName.split("@")[0]`,
}

// without groups are apps whose groups wait for a switch that is off (GitLab: behind a
// feature flag).
var withoutGroups = []string{"gitlab-self-managed"}

// staff is a row of the HR file.
type staff struct{ id, given, family, mail, title, unit, end string }

// day is what the HR file says on a date.
type day struct {
	name, date string
	staff      []staff
}

func (d day) csv() []byte {
	b := bytes.NewBufferString("id,given,family,mail,title,unit,end\n")
	for _, p := range d.staff {
		fmt.Fprintln(b, strings.Join([]string{p.id, p.given, p.family, p.mail, p.title, p.unit, p.end}, ","))
	}
	return b.Bytes()
}

// in are those who are there on the date.
func (d day) in() (in []staff) {
	for _, p := range d.staff {
		if p.end == "" || p.end >= d.date {
			in = append(in, p)
		}
	}
	return in
}

// longName is somebody whose names are longer than what some apps take.
var longName = staff{
	"104", "Pablo Diego José Francisco de Paula Juan Nepomuceno María de los Remedios", "Cipriano de la Santísima Trinidad", "pablo.cipriano@acme.example",
	"Painter", "IT", "",
}

// tooLong are the apps that do not take longName, who is set aside there.
var tooLong = []string{"figma"} // 100 characters

// story is a company of 130, more than a page or a request takes at most apps, in which three move together, one marries, one is
// promoted, one leaves and comes back, and the married one moves.
func story() []day {
	people := []staff{
		{"100", "Ada", "Abel", "ada.abel@acme.example", "Engineer", "Sales", ""},
		{"101", "Ben", "Brown", "ben.brown@acme.example", "Engineer", "Sales", ""},
		{"102", "Cleo", "Clark", "cleo.clark@acme.example", "Engineer", "IT", ""},
		{"103", "Dan", "Dean", "dan.dean@acme.example", "Engineer", "IT", ""},
		longName,
	}
	for i := range 125 {
		people = append(people, staff{
			fmt.Sprint(200 + i), fmt.Sprint("Given", i), fmt.Sprint("Family", i), fmt.Sprintf("given%d.family%d@acme.example", i, i), "Operator", "Operations", "",
		})
	}
	then := func(name, date string, change func(map[string]*staff)) day {
		people = slices.Clone(people)
		by := map[string]*staff{}
		for i := range people {
			by[people[i].id] = &people[i]
		}
		change(by)
		return day{name, date, people}
	}
	first := day{"joiners", "2026-11-02", people}
	return []day{
		first,
		then("movers", "2026-11-03", func(by map[string]*staff) {
			by["101"].title, by["101"].unit = "Lead", "IT"
			for _, id := range []string{"200", "201", "202"} {
				by[id].unit = "Sales"
			}
		}),
		then("a new name", "2026-11-04", func(by map[string]*staff) {
			by["102"].family, by["102"].mail = "Kent", "cleo.kent@acme.example"
		}),
		then("a leaver", "2026-11-05", func(by map[string]*staff) { by["103"].end = "2026-11-04" }),
		then("who returns", "2026-11-06", func(by map[string]*staff) { by["103"].end = "" }),
		then("two leavers", "2026-11-09", func(by map[string]*staff) { by["103"].end, by["224"].end = "2026-11-08", "2026-11-08" }),
		then("a new name moves", "2026-11-10", func(by map[string]*staff) { by["102"].unit = "Sales" }), // out of IT where the account is rigid, too
	}
}

// stories are the simulators, and Usher with one file of people for all of them.
type stories struct {
	*testing.T
	ids  []string
	apps map[string]*fake
	dir  string
	now  string
}

const storiesConfig = `store: usher.db
calendar: {now: "${TODAY}"}
sources:
  hr:
    type: csv
    path: people.csv
    key: id
    columns: [id, given, family, mail, title, unit, end]
    person:
      userName: row.mail
      displayName: row.given + " " + row.family
      name.givenName: row.given
      name.familyName: row.family
      emails[type eq "work"].value: row.mail
      title: row.title
      enterprise.department: row.unit
      enterprise.employeeNumber: row.id
      usher.endDate: date(row.end, ["yyyy-MM-dd"])
teams:
  unit: {each: person.enterprise.department}
apps:
`

const storiesApp = `  %s:
    profile: %s
    url: %s
    token: ${APP_TOKEN}
    allow: [loopback, plain-http]
    requests_per_second: 10000
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      emails[type eq "work"].value: person.userName
      title: person.title
      enterprise.department: person.enterprise.department
      enterprise.employeeNumber: person.enterprise.employeeNumber
`

// newStories starts simulators, and has Usher speak to each by the profile that is named.
func newStories(t *testing.T, ids []string, profile func(id string) string) *stories {
	t.Helper()
	s := &stories{T: t, ids: ids, apps: map[string]*fake{}, dir: t.TempDir()}
	config := bytes.NewBufferString(storiesConfig)
	for _, id := range ids {
		quirks, ok := scimtest.QuirksOf(id)
		if !ok {
			t.Fatalf("there is no simulator of %s", id)
		}
		s.apps[id] = newFake(t, scimtest.Config{Quirks: quirks, Faults: scimtest.Rules(scimtest.Rule{
			Method: http.MethodPost, Type: "User", Times: 1, Fault: scimtest.Fault{Kind: scimtest.AnswerLost}, // and has to be looked up
		})}, nil)
		name := profile(id)
		p, err := app.ProfileOf(name)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(storiesApp, id, name, s.apps[id].base)
		if more := particular[id]; strings.HasPrefix(more, "      userName:") {
			text = strings.Replace(text, "      userName: person.userName", more, 1)
		} else if more != "" && (p.ID == id || len(p.Extensions) > 0 || !strings.Contains(more, `"urn:`)) { // plain SCIM has no such attribute
			text += more + "\n"
		}
		config.WriteString(text)
		control := name == "generic-scim2" && id != name
		if control {
			fmt.Fprintln(config, "    delete_after: 36h")
		}
		if p.HasGroups() && (control || !slices.Contains(withoutGroups, id)) {
			fmt.Fprintln(config, "    groups: {teams: [unit], display_name: team.value}")
		}
	}
	s.write("usher.yaml", config.Bytes())
	return s
}

func (s *stories) write(name string, text []byte) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
		s.Fatal(err)
	}
}

// day lets the HR file of a day take effect.
func (s *stories) day(d day, code int) report {
	s.Helper()
	s.write("people.csv", d.csv())
	s.now = d.date + "T12:00:00Z"
	return s.apply(code)
}

func (s *stories) apply(code int, flags ...string) (r report) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), testenv.Binary(s.T), append([]string{"apply", "-c", "usher.yaml", "--json"}, flags...)...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "TODAY="+s.now, "APP_TOKEN=a-token-of-the-fake")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code && code >= 0 {
		s.Errorf("%s: apply ended with %d, want %d\n%s", s.now, got, code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		s.Fatalf("apply --json is not one document: %v\n%.1000s\n%s", err, out.Bytes(), errs.String())
	}
	return r
}

// as holds an app to what the day's file says: who is in has an active account with
// the day's name and mail and sits in the unit's group; nobody else is active.
func (s *stories) as(id string, d day) {
	s.Helper()
	for _, what := range s.wrong(id, d) {
		s.Errorf("%s, %s: %s", id, d.name, what)
	}
}

// wrong is what is not as the day's file says.
func (s *stories) wrong(id string, d day) (wrong []string) {
	s.Helper()
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	want, seats := map[string]string{}, map[string][]string{}
	for _, p := range d.in() {
		if p.id == longName.id && slices.Contains(tooLong, id) {
			continue
		}
		name, display := p.mail, p.given+" "+p.family
		if p.id == "102" && slices.Contains(rigid, id) {
			name, display = "cleo.clark@acme.example", ""
		}
		if id == "slack" {
			name, _, _ = strings.Cut(name, "@")
		}
		want[name] = display
		seats[p.unit] = append(seats[p.unit], name)
	}
	names := map[string]string{} // by id
	for _, u := range s.apps[id].Users() {
		active, stated := u.Active()
		if stated && !active {
			continue
		}
		name := strings.ToLower(u.UserName())
		names[u.ID()] = name
		display, there := want[name]
		if !there {
			say("%s is active", u.UserName())
		}
		if got := u.DisplayName(); there && got != "" && display != "" && got != display {
			say("%s is called %q, want %q", u.UserName(), got, display)
		}
		delete(want, name)
	}
	if missing := slices.Sorted(maps.Keys(want)); len(missing) > 0 {
		say("%d have no active account, such as %s", len(missing), missing[0])
	}
	groups := s.apps[id].Groups()
	if p, err := app.ProfileByID(id); err != nil || !p.HasGroups() || slices.Contains(withoutGroups, id) {
		if len(groups) > 0 {
			say("there are groups")
		}
		return wrong
	}
	for _, g := range groups {
		var in []string
		for _, m := range g.Members() {
			in = append(in, names[m])
		}
		slices.Sort(in)
		slices.Sort(seats[g.DisplayName()])
		if !slices.Equal(in, seats[g.DisplayName()]) {
			say("in %s are %v, want %v", g.DisplayName(), in, seats[g.DisplayName()])
		}
		delete(seats, g.DisplayName())
	}
	for unit := range seats {
		say("there is no group %s", unit)
	}
	return wrong
}
