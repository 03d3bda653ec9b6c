// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

const untried = "Not tried on a live tenant.**"

var (
	fenced     = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	pageRow    = regexp.MustCompile("(?m)^\\| \\[[^]]+\\]\\(([a-z0-9-]+)\\.md\\) \\| `([^`]+)` \\| [^|]+ \\| ([^|]+) \\|$")
	wrongRow   = regexp.MustCompile(`(?m)^\| [^|]+ \| ([^|]*) \| [^|]+ \|$`)
	pageLink   = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	ticked     = regexp.MustCompile("`([^`]+)`")
	pageURL    = regexp.MustCompile(`(?m)^    url: (\S+)$`)
	pageToken  = regexp.MustCompile(`(?m)^    token: secret:(\S+)$`)
	pageStore  = regexp.MustCompile(`(?m)^store: .*\nsecrets: .*\n`)
	holdOfPlan = regexp.MustCompile(`--release-hold ([0-9a-f]+)`)
)

// blocks are the fenced blocks of a page that are in a language; "" is what is printed.
func blocks(text, language string) (out []string) {
	for _, m := range fenced.FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	return out
}

// appPage is a page of docs/apps, and what it is held to.
type appPage struct {
	*testing.T
	id, text string // the page's name is the profile's
	head     string // of the configuration, from README.md
	people   string
	dir      string
	fake     *fake
	login    *pageLogin // nil: the app takes a token that stays

	mu  sync.Mutex
	say strings.Builder // all that Usher has said
}

func readPage(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{testenv.Root(t), "docs"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAppPages: each page of docs/apps is run as it stands, and each that there is has a
// row in README.md. What the pages quote is what Usher prints.
func TestAppPages(t *testing.T) {
	t.Parallel()
	readme := readPage(t, "apps", "README.md")
	files, err := filepath.Glob(filepath.Join(testenv.Root(t), "docs", "apps", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{"README.md": true}
	for _, name := range ownPages() {
		own[name+".md"] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leads(t, "apps/"+name+".md")
			p := &appPage{T: t, id: name, text: readPage(t, "apps", name+".md"), head: blocks(readme, "yaml")[0], people: blocks(readme, "csv")[0]}
			p.dir = p.TempDir()
			p.write("page.yaml", p.head+blocks(p.text, "yaml")[0])
			if code, out := p.main("check", "-c", filepath.Join(p.dir, "page.yaml")); code != 0 || !strings.Contains(out, "page.yaml is sound: 1 source, 1 team rule, 1 app") {
				t.Errorf("usher check ends with %d:\n%s", code, out)
			}
			p.playsOwn()
			if !strings.Contains(readme, "]("+name+".md)") {
				t.Error("README.md does not lead there")
			}
		})
	}
	pages := slices.DeleteFunc(files, func(f string) bool { return own[filepath.Base(f)] })
	rows := map[string]string{} // by page, who leaves
	for _, m := range pageRow.FindAllStringSubmatch(readme, -1) {
		if rows[m[1]] = m[3]; m[1] != m[2] {
			t.Errorf("the row of %s names the profile %s", m[1], m[2])
		}
	}
	if len(pages) != 12 || len(rows) != len(pages) {
		t.Fatalf("%d pages, %d rows", len(pages), len(rows))
	}
	for _, file := range append(pages, "README.md") {
		id := strings.TrimSuffix(filepath.Base(file), ".md")
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			leads(t, "apps/"+filepath.Base(file))
			p := &appPage{T: t, id: id, text: readPage(t, "apps", filepath.Base(file)), head: blocks(readme, "yaml")[0], people: blocks(readme, "csv")[0]}
			p.slips()
			if id != "README" {
				p.opens()
				p.leaver(rows[id])
				p.checks()
				p.plays()
			}
			p.quotes()
		})
	}
}

// ownPages are those of apps that are spoken to by an API of their own. Their commands are
// run, too; all else that they say is held by the tests that they name.
func ownPages() []string {
	return []string{"entra-graph", "github-teams", "google-workspace", "okta-users-api"}
}

// opens holds that a page says at once what it rests on.
func (p *appPage) opens() {
	p.Helper()
	p.begins(untried)
	for _, word := range []string{"read on 2026-", "## What you need", "## Address and token", "## In this order", "## Who leaves", "## Limits", "## What often goes wrong", "## What Usher does differently"} {
		if !strings.Contains(p.text, word) {
			p.Errorf("the page has no %q", word)
		}
	}
	if _, refused := refusesPlainSCIM()[p.id]; refused != strings.Contains(p.text, "By plain SCIM 2.0, without this profile, the first ") {
		p.Errorf("plain SCIM 2.0 is refused there: %t, and the page says otherwise", refused)
	}
}

// begins holds that the first paragraph of a page begins in bold with these words.
func (p *appPage) begins(words string) {
	p.Helper()
	if lines := strings.SplitN(p.text, "\n", 4); len(lines) < 3 || !strings.HasPrefix(lines[2], "**"+words) {
		p.Errorf("the page does not begin with %q", words)
	}
}

// leads holds that what a page refers to is there.
func leads(t *testing.T, page string) {
	t.Helper()
	for _, m := range pageLink.FindAllStringSubmatch(readPage(t, page), -1) {
		if _, err := os.Stat(filepath.Join(testenv.Root(t), "docs", filepath.Dir(page), m[1])); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
}

// main runs a command in this process.
func (p *appPage) main(args ...string) (code int, out string) {
	var b bytes.Buffer
	code = cli.Main(args, nil, &b, &b)
	p.heard(b.String())
	return code, b.String()
}

// heard keeps what Usher said, without the line ends that long words have.
func (p *appPage) heard(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say.WriteString(s)
}

// leaver holds that README.md says of leavers what the profile says.
func (p *appPage) leaver(row string) {
	p.Helper()
	_, out := p.main("profiles")
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, p.id+" ") && strings.HasSuffix(line, "  "+row+"\n") {
			return
		}
	}
	p.Errorf("README.md says that who leaves is %q, and usher profiles says\n%s", row, out)
}

// checks holds that usher check takes each block with the address that it has.
func (p *appPage) checks() {
	p.Helper()
	p.dir = p.TempDir()
	list := blocks(p.text, "yaml")
	if len(list) == 0 {
		p.Fatal("the page has no configuration")
	}
	for i, block := range list {
		name := fmt.Sprintf("block%d.yaml", i)
		p.write(name, p.head+block)
		code, out := p.main("check", "-c", filepath.Join(p.dir, name))
		if code != 0 || !strings.Contains(out, name+" is sound: 1 source, 1 team rule, 1 app") || !strings.Contains(block, "profile: "+p.id+"\n") {
			p.Errorf("usher check ends with %d:\n%s%s", code, out, block)
		}
	}
}

func (p *appPage) write(name, text string) {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

// there starts the page's app, and returns a block that leads to it.
func (p *appPage) there(block string) string {
	p.Helper()
	id := p.id
	if id == "README" {
		id = "aws-iam-identity-center"
	}
	quirks, ok := scimtest.QuirksOf(id)
	if !ok {
		p.Fatalf("there is no simulator of %s", id)
	}
	var door func(http.Handler) http.Handler
	p.login, door = p.logsIn(block)
	p.fake = newFake(p.T, scimtest.Config{Quirks: quirks}, door)
	block = pageURL.ReplaceAllString(block, "    url: "+p.fake.base+"\n    allow: [loopback, plain-http]")
	if p.login != nil {
		block = pageTokenURL.ReplaceAllString(block, "        token_url: "+p.login.url)
	}
	return block
}

// plays runs the page's commands, in its order, and has somebody leave while it serves.
func (p *appPage) plays() {
	p.Helper()
	block := p.there(blocks(p.text, "yaml")[0])
	p.write("usher.yaml", p.head+block+"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: \"off\"}\n")
	p.write("people.csv", p.people)
	p.write("token.txt", p.fake.token+"\n")
	if p.login != nil {
		p.write("client-secret.txt", pageSecret+"\n")
		p.write("private-key.pem", string(p.login.private))
	}
	if strings.Contains(block, "groups:") && p.id == "salesforce" { // whose groups are made by hand, as the page says
		for _, name := range []string{"Engineering", "Finance"} {
			g := scim.NewResource(scim.GroupURN)
			g.Set("displayName", scim.String(name))
			if _, err := p.fake.Add("Group", g); err != nil {
				p.Fatal(err)
			}
		}
	}
	var commands []string
	for _, b := range blocks(p.text, "sh") {
		if strings.HasPrefix(b, "usher secret key") {
			commands = strings.Split(strings.TrimSpace(b), "\n")
		}
	}
	if len(commands) != 7 || commands[6] != "usher serve" {
		p.Fatalf("the page's commands are %q", commands)
	}
	p.firstRun(commands[:6], func() int { return p.fake.Counts().Writes() })
	p.everybody()
	p.leave(commands[6])
	p.hides()
}

// firstRun runs the commands of a page up to its first run, with the hold that the plan
// names, and holds that nothing is written before it, nor once more behind it.
func (p *appPage) firstRun(commands []string, written func() int) {
	p.Helper()
	hold := ""
	for _, c := range commands {
		code := 0
		if c == "usher plan" {
			code = 3
		}
		writes := written()
		out := p.shell(code, strings.ReplaceAll(c, " ID", " "+hold))
		switch {
		case c == "usher plan":
			if m := holdOfPlan.FindStringSubmatch(out); m != nil && written() == 0 {
				hold = m[1]
				continue
			}
			p.Fatalf("plan names no hold, or has written %d times\n%s", written(), out)
		case c == "usher apply" && written() != writes:
			p.Errorf("once more something is written: %d times", written()-writes)
		}
	}
}

// shell runs a command as somebody would type it.
func (p *appPage) shell(code int, line string) string {
	p.Helper()
	cmd := p.command(p.Context(), line)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		p.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		p.Fatalf("%s ended with %d, want %d\n%s", line, got, code, out.String())
	}
	p.heard(out.String())
	return out.String()
}

func (p *appPage) command(ctx context.Context, line string) *exec.Cmd {
	p.Helper()
	line, input, _ := strings.Cut(line, " < ")
	words := strings.Fields(line)
	if words[0] != "usher" {
		p.Fatalf("%q is no command of ours", line)
	}
	cmd := exec.CommandContext(ctx, testenv.Binary(p.T), words[1:]...)
	cmd.Dir = p.dir
	if input != "" {
		text, err := os.ReadFile(filepath.Join(p.dir, input))
		if err != nil {
			p.Fatal(err)
		}
		cmd.Stdin = bytes.NewReader(text)
	}
	return cmd
}

// seats are who is active there, by family name, and who sits in which group.
func (p *appPage) seats() (active []string, groups map[string][]string) {
	names := map[string]string{}
	for _, u := range p.fake.Users() {
		v, _ := u.At(scim.MustPath("name.familyName"))
		name, _ := v.AsString()
		names[u.ID()] = name
		if is, stated := u.Active(); is || !stated {
			active = append(active, name)
		}
	}
	slices.Sort(active)
	groups = map[string][]string{}
	for _, g := range p.fake.Groups() {
		in := []string{}
		for _, m := range g.Members() {
			in = append(in, names[m])
		}
		slices.Sort(in)
		groups[g.DisplayName()] = in
	}
	return active, groups
}

// seated holds that these are active, and sit in the groups of their departments.
func (p *appPage) seated(names []string, groups map[string][]string) {
	p.Helper()
	if !strings.Contains(blocks(p.text, "yaml")[0], "groups:") {
		groups = map[string][]string{}
	}
	active, seats := p.seats()
	if !slices.Equal(active, names) || !maps.EqualFunc(seats, groups, slices.Equal) {
		p.Errorf("active are %v in %v, want %v in %v", active, seats, names, groups)
	}
	no := slices.DeleteFunc(p.fake.Refusals(), func(r scimtest.Refusal) bool { // serve asks for what not every app tells
		return r.Method == "GET" && (r.Path == "/ServiceProviderConfig" || r.Path == "/Schemas" || r.Path == "/ResourceTypes")
	})
	if len(no) > 0 {
		p.Errorf("the app refuses %v", no)
	}
}

func (p *appPage) everybody() {
	p.Helper()
	p.seated([]string{"Brandt", "López", "Meyer", "O'Malley"}, map[string][]string{"Engineering": {"Brandt", "Meyer"}, "Finance": {"López", "O'Malley"}})
}

// leave has one of them leave while usher serve runs: out, out of the groups, and not
// deleted, as each page says.
func (p *appPage) leave(serve string) {
	p.Helper()
	cmd := p.command(context.WithoutCancel(p.Context()), serve)
	log := &testenv.Output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	if p.login != nil {
		p.login.Revoke()
	}
	p.write("people.csv", strings.Replace(p.people, "2020-06-15,\n", "2020-06-15,2021-06-30\n", 1))
	out := func() bool {
		active, groups := p.seats()
		return !slices.Contains(active, "O'Malley") && !slices.Contains(groups["Finance"], "O'Malley")
	}
	for end := time.Now().Add(20 * time.Second); !out() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
		p.Errorf("%v\n%s", err, log)
	}
	p.seated([]string{"Brandt", "López", "Meyer"}, map[string][]string{"Engineering": {"Brandt", "Meyer"}, "Finance": {"López"}})
	profile, err := app.ProfileByID(p.id)
	if err != nil {
		p.Fatal(err)
	}
	did := p.fake.effects()
	if did[scimtest.Disabled+" User"] != 1 || did[scimtest.Deleted+" User"]+did[scimtest.Deleted+" Group"] > 0 || profile.DeactivateLeaves != app.LeavesDisabled {
		p.Errorf("the profile leaves %s, and done was %v", profile.DeactivateLeaves, did)
	}
	p.shell(0, "usher audit verify")
}

// quotes holds that what the page says in Usher's words are Usher's words: blocks
// that show a profile, blocks that show what is printed, and the table of what goes
// wrong.
func (p *appPage) quotes() {
	p.Helper()
	told := ""
	if p.id != "README" {
		_, told = p.main("profiles", p.id)
	}
	var of []string
	for _, b := range blocks(p.text, "") {
		if label := b[:min(len(b), 14)]; strings.Contains(told, "\n"+label) && label[13] == ' ' {
			of = append(of, b)
			p.follows(b, told)
		} else if !strings.Contains(p.say.String(), b) {
			p.Errorf("nobody has said\n%s", b)
		}
	}
	if from, to := strings.Index(told, "\nWho leaves"), strings.Index(told, "\nAddress"); p.id != "README" && (len(of) != 2 || strings.TrimSpace(of[0]) != strings.TrimSpace(told[from:to])) {
		p.Errorf("of leavers the page does not say all of\n%s", told[from+1:to])
	}
	_, table, _ := strings.Cut(p.text, "## What often goes wrong\n")
	if p.id == "README" {
		_, table, _ = strings.Cut(p.text, "## What goes wrong anywhere\n")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	n := 0
	for _, row := range wrongRow.FindAllStringSubmatch(table, -1) {
		for _, words := range ticked.FindAllStringSubmatch(row[1], -1) {
			if strings.HasPrefix(words[1], "usher ") || words[1] == "mailNickname" {
				continue
			}
			if n++; !strings.Contains(p.say.String(), words[1]) {
				p.Errorf("nobody has said %q", words[1])
			}
		}
	}
	if n < 2 {
		p.Errorf("%d of what goes wrong is in Usher's words", n)
	}
}

// follows holds that each line is among those that are told, in their order.
func (p *appPage) follows(block, told string) {
	p.Helper()
	lines := strings.Split(told, "\n")
	for line := range strings.Lines(block) {
		i := slices.Index(lines, strings.TrimSuffix(line, "\n"))
		if i < 0 {
			p.Errorf("usher profiles %s does not say, or not here: %s", p.id, line)
			return
		}
		lines = lines[i+1:]
	}
}

// slip is something that goes wrong: an edit of the page's configuration, or of the
// people, before the first run or after it.
type slip struct {
	page      string
	old, with string // of the configuration below the head, or of the people
	later     bool
	token     string // another than the app's
	url       string // another than the app's, or what is put behind it
}

func pageSlips() []slip {
	const (
		name = "name.givenName: person.name.givenName\n"
		mail = "      emails: person.emails\n"
		run  = "first_run: go\n"
		bad  = "a-token-of-nobody"
		aws  = "aws-iam-identity-center"
	)
	list := []slip{
		{page: aws, old: "Zoë", with: "<Zoë"},
		{page: aws, old: "      displayName: person.displayName\n"},
		{page: aws, url: "/of/which/a/part/lacks"},
		{page: "github-emu", old: mail},
		{page: "github-emu", old: run, with: run + "    delete_after: 30d\n"},
		{page: "atlassian", old: "display_name: team.value", with: `display_name: 'team.value + "s"'`, later: true},
		{page: "okta-inbound-scim", old: "profile: okta-inbound-scim", with: "profile: okta-users-api"},
		{page: "slack", old: "value: cut(cut(slug(person.name.givenName), 1) + slug(person.name.familyName), 17)", with: "value: person.userName"},
		{page: "slack", old: "displayName: person.displayName", with: "displayName: person.userName"},
		{page: "gitlab-saas", old: "Paul,Meyer", with: "Paul,Meier", later: true},
		{page: "gitlab-saas", old: run, with: run + "    groups: {teams: [department]}\n"},
		{page: "google-cloud-identity-scim", old: "profile: google-cloud-identity-scim", with: "profile: google-workspace"},
		{page: "entra-scim-api", old: `      "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname": person.userName.split("@")[0]` + "\n"},
		{page: "entra-scim-api", old: "profile: entra-scim-api", with: "profile: entra-graph"},
		{page: "salesforce", old: `      entitlements[type eq "profile"].value: '"00e000000000001AAA"'` + "\n"},
		{page: "salesforce", old: run, with: run + "    delete_after: 30d\n"},
		{page: "zoom", old: "Zoë", with: ""},
		{page: "snowflake", old: mail},
		{page: "datadog", old: mail},
		{page: "README", url: "/of/which/a/part/lacks"},
		{page: "README", url: "http://127.0.0.1:1/scim/v2"},
	}
	for _, page := range []string{"github-emu", "atlassian", "okta-inbound-scim", "slack", "google-cloud-identity-scim", "entra-scim-api", "salesforce", "zoom", "snowflake", "datadog", "README"} {
		list = append(list, slip{page: page, token: bad})
	}
	return list
}

// slips makes the mistakes of this page, each with an app and a store of its own.
func (p *appPage) slips() {
	p.Helper()
	page := p.text
	if p.id == "README" {
		page = readPage(p.T, "apps", "aws-iam-identity-center.md")
		p.sealed(page)
		p.taken(page)
	}
	for _, s := range pageSlips() {
		if s.page != p.id {
			continue
		}
		right := p.loose(page)
		wrong, people := right, p.people
		switch {
		case s.old == "":
		case strings.Count(right, s.old) == 1:
			wrong = strings.Replace(right, s.old, s.with, 1)
		case strings.Contains(people, s.old):
			people = strings.ReplaceAll(people, s.old, s.with)
		default:
			p.Fatalf("%q is not once in\n%s", s.old, right)
		}
		switch {
		case s.token == "":
		case p.login == nil:
			wrong = strings.Replace(wrong, p.fake.token, s.token, 1)
		default:
			wrong = strings.Replace(wrong, pageSecret, s.token, 1)
			p.login.Disown()
		}
		if at := p.fake.base; strings.HasPrefix(s.url, "/") {
			wrong = strings.Replace(wrong, at, at+s.url, 1)
		} else if s.url != "" {
			wrong = strings.Replace(wrong, at, s.url, 1)
		}
		if s.later {
			p.write("usher.yaml", right)
			p.write("people.csv", p.people)
			if code, out := p.apply(); code != 0 {
				p.Fatalf("apply ends with %d\n%s", code, out)
			}
		}
		p.write("usher.yaml", wrong)
		p.write("people.csv", people)
		if code, out := p.apply(); code == 0 && s.page != "github-emu" {
			p.Errorf("%q is no mistake:\n%s", s.old, out)
		}
	}
}

// loose is the whole configuration in a new folder: with a token that is not sealed, and without a wait.
func (p *appPage) loose(page string) string {
	p.Helper()
	p.dir = p.TempDir()
	block := p.there(blocks(page, "yaml")[0])
	if p.login != nil {
		p.write("private-key.pem", string(p.login.private))
		block = pageSealed.ReplaceAllString(block, "client_secret: "+pageSecret)
		block = pageSealedKey.ReplaceAllString(block, "private_key: "+filepath.Join(p.dir, "private-key.pem"))
		block = strings.Replace(block, "    user:\n", "    first_run: go\n    user:\n", 1)
	}
	block = pageToken.ReplaceAllString(block, "    token: "+p.fake.token+"\n    first_run: go")
	head := pageStore.ReplaceAllString(p.head, "store: "+filepath.Join(p.dir, "usher.db")+"\n")
	return strings.Replace(head, "path: people.csv", "path: "+filepath.Join(p.dir, "people.csv"), 1) + block
}

func (p *appPage) apply() (code int, out string) {
	return p.main("apply", "-c", filepath.Join(p.dir, "usher.yaml"))
}

// sealed: a token that was not set, and one that was set for another address.
func (p *appPage) sealed(page string) {
	p.Helper()
	p.dir = p.TempDir()
	block := blocks(page, "yaml")[0]
	p.write("usher.yaml", p.head+block)
	p.write("people.csv", p.people)
	p.write("token.txt", "a-token")
	p.shell(0, "usher secret key --new usher.key")
	p.shell(0, "usher check")
	p.shell(2, "usher plan")
	p.shell(0, "usher secret set aws < token.txt")
	p.write("usher.yaml", p.head+pageURL.ReplaceAllString(block, "    url: https://elsewhere.example/scim/v2"))
	p.shell(2, "usher plan")
	p.write("token.txt", "")
	p.shell(2, "usher secret set aws < token.txt")
}

// taken: the user name is somebody else's.
func (p *appPage) taken(page string) {
	p.Helper()
	text := p.loose(page)
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String("zoe.omalley@acme.example"))
	u.SetExternalID("their-17")
	if _, err := p.fake.Add("User", u); err != nil {
		p.Fatal(err)
	}
	p.write("usher.yaml", text)
	p.write("people.csv", p.people)
	if code, out := p.apply(); code != 4 {
		p.Errorf("apply ends with %d\n%s", code, out)
	}
}

func (p *appPage) read(name string) string {
	p.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.Fatal(err)
	}
	return string(text)
}
