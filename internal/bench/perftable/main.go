// SPDX-License-Identifier: Apache-2.0

// Command perftable passes on what `go test -bench` prints and writes it as
// tables into a Markdown file, each between two markers of its own:
//
//	go test -run '^$' -bench . ./internal/bench | go run ./internal/bench/perftable docs/performance.md
//
// What stands in a table was measured together: a run that failed writes nothing,
// and one that left a figure out does not write its table. It starts no goroutine.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table is what is measured together.
type table struct {
	target string // of make, in the markers
	flags  string // of the benchmarks
	rows   []row
}

const end = "<!-- to here -->"

func (t table) begin() string { return "<!-- make " + t.target + " writes from here -->" }

func tables() []table {
	return []table{
		{"bench", "", rows()},
		{"bench BENCH=Provider", "", slices.Concat(asked(1_000), asked(100_000), changed(1_000), changed(100_000), peer())},
		{"bench BENCH=Tenant", "", slices.Concat(tenant(1_000), tenant(100_000))},
		{"bench-deep", " -deep", slices.Concat(asked(1_000_000), changed(1_000_000))},
	}
}

// asked are the rows of what our service provider is asked among so many people.
func asked(people int) []row {
	of := func(what, name, budget, says string) row {
		return row{fmt.Sprintf("SCIM service provider, %d people: %s", people, what), fmt.Sprintf("Provider/%s/people=%d", name, people), budget, says}
	}
	const half, says = "≥ 0.50 of a bare handler that returns the same bytes", "{req/s} requests/s: {of-bare} of {bare-req/s}"
	return []row{
		of("GET by id", "get", half, says),
		of("filter by userName", "userName", half, says),
		of("filter by externalId", "externalId", half, says),
		of("first page of 100", "first-page", "none", says),
		of("page of 100 at 90 %", "deep-page", "none", says),
		of("filter by the beginning of userName", "starts-with", "none", says),
		of("filter that no index helps", "scan", "none", "{ms/query} ms; {%-refused} % refused, as it took longer than 10 s"),
		of("GET of a group of everybody, up to 100,000", "group", "none", says),
		of("the same without its members", "group-alone", "none", says),
	}
}

func changed(people int) []row {
	of := func(what, name, budget, says string) row {
		return row{fmt.Sprintf("SCIM service provider, %d people: %s", people, what), fmt.Sprintf("Provider/%s/people=%d", name, people), budget, says}
	}
	const says = "{req/s} requests/s: {of-insert} of {inserts/s} grouped inserts of one row"
	return []row{
		of("create, durable", "create", "≥ 5,000/s", says),
		of("PATCH of one attribute, durable", "patch", "none", says),
		of("one member into a group of everybody, up to 100,000", "member", "p99 < 10 ms", "p50 {p50-ms} ms, p99 {p99-ms} ms"),
	}
}

// tenant are the rows of a tenant of Auth0 that has so many users.
func tenant(people int) []row {
	of := func(what, name, budget, says string) row {
		return row{fmt.Sprintf("Auth0 tenant of %d users: %s", people, what), fmt.Sprintf("Tenant/%s/people=%d", name, people), budget, says}
	}
	const asked = ", {tenant-requests} requests to the tenant"
	return []row{
		of("first read of everybody, and the first load of an app that answers at once", "first", "none", "{s/cycle} s"+asked),
		of("everybody is read, nothing has changed", "quiet", "0 requests to the app", "{s/cycle} s, of which an export by the same client alone takes {s/export-alone}"+asked),
		of("everybody is read, one has changed", "one-changed", "1 request to the app", "{s/cycle} s; an export alone {s/export-alone}"+asked),
		of("one change told by the stream, until the app is sent it", "told", "event to request < 50 ms, the same among many, within 20 %", "{ms/change} ms: {x-few-people} × that among few"+asked),
	}
}

func peer() []row {
	of := func(what, name string) row {
		return row{"SCIM service provider beside scimmy, 5,000 people: " + what, "ProviderPeer/" + name, "none", "{req/s} requests/s: {x-peer} × scimmy's {peer-req/s}"}
	}
	return []row{of("GET by id", "get"), of("filter by userName", "userName"), of("first page of 100", "first-page")}
}

// row is one line of the table: what a benchmark's metrics mean in words.
type row struct {
	what, benchmark, budget string
	says                    string // {metric} is replaced by its value
}

func rows() []row {
	return []row{
		{
			"first load, app without delay", "FirstLoad/delay=0s", "≥ 0.80 of a bare loop over the same client",
			"{req/s} requests/s: {of-client} of the client's {client-req/s}, {of-http} of net/http's {http-req/s}",
		},
		{
			"first load into scimmy, a server in Node.js that is not ours, without delay", "FirstLoad/scimmy", "≥ 0.80 of a bare loop over the same client",
			"{req/s} requests/s: {of-client} of the client's {client-req/s}, {of-http} of net/http's {http-req/s}",
		},
		{
			"first load: 5,000 people, 100 groups, 20,000 memberships, an app that answers in 20 ms, 16 connections",
			"FirstLoad/delay=20ms", "≤ 1.2 × requests ÷ (16 ÷ 20 ms), < 10 s",
			"{s/load} s for {requests} requests: {x-ideal} × the ideal, {x-client} × the client's bare loop, {x-http} × net/http's",
		},
		{
			"cycle without a change, 100,000 people, 30 apps", "QuietCycle", "0 requests, < 5 s",
			"{apps} apps: {requests} requests, {s/cycle} s, of which reading the file takes {s/read-alone} s",
		},
		{
			"one change among 1,000 people", "OneChange/people=1000", "the same among many, within 20 %",
			"{engine-ms} ms from the directory to the answer; the whole cycle {s/cycle} s",
		},
		{
			"one change among 100,000 people", "OneChange/people=100000", "≤ 1.2 × that among 1,000",
			"{engine-ms} ms: {x-few-people} × that among few; the whole cycle, which reads the file, {s/cycle} s",
		},
		{
			"plan of 100,000 people × 30 apps, everything evaluated anew", "Plan", "< 6 s on two cores",
			"{s/plan} s, {accounts/s} accounts/s",
		},
		{
			"memory, quiet cycle of the binary, 100,000 people", "Memory/quiet", "< 150 MB",
			"peak {peak-MB} MB",
		},
		{
			"memory, first load by the binary, 100,000 people", "Memory/first-load", "< 150 MB",
			"peak {peak-MB} MB",
		},
		{
			"start of the binary to its first line, 100,000 people in the store", "Memory/people", "< 1 s",
			"{s/run} s",
		},
	}
}

// run is what one `go test -bench` printed.
type run struct {
	cpu     string
	failed  bool
	procs   string
	figures map[string]map[string]string // benchmark → metric → value
}

var benchLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-(\d+))?\s+\d+\s+(.*)$`)

// read takes the figures and passes every line on.
func read(in io.Reader, out io.Writer) (*run, error) {
	r := &run{figures: map[string]map[string]string{}, procs: "1"}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		fmt.Fprintln(out, line)
		r.failed = r.failed || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL")
		if cpu, ok := strings.CutPrefix(line, "cpu: "); ok {
			r.cpu = strings.TrimSpace(cpu)
		}
		m := benchLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if m[2] != "" {
			r.procs = m[2]
		}
		metrics, fields := map[string]string{}, strings.Fields(m[3])
		for i := 0; i+1 < len(fields); i += 2 {
			metrics[fields[i+1]] = fields[i]
		}
		r.figures[m[1]] = metrics
	}
	return r, lines.Err()
}

// missing are the benchmarks of a table that this run left out.
func (r *run) missing(t table) []string {
	var names []string
	for _, row := range t.rows {
		if r.figures[row.benchmark] == nil {
			names = append(names, row.benchmark)
		}
	}
	return names
}

var metricName = regexp.MustCompile(`\{[^}]+\}`)

func (r *run) table(t table, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, %s cores (%s), %s, %s/%s.\n\n", now.Format("2 January 2006"), r.procs, r.cpu, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	b.WriteString("| what | budget | measured | command |\n|---|---|---|---|\n")
	for _, row := range t.rows {
		metrics := r.figures[row.benchmark]
		says := metricName.ReplaceAllStringFunc(row.says, func(name string) string {
			return figure(metrics[strings.Trim(name, "{}")])
		})
		fmt.Fprintf(&b, "| %s | %s | %s | `go test -run '^$' -bench '%s$' ./internal/bench%s` |\n", row.what, row.budget, says, row.benchmark, t.flags)
	}
	return b.String()
}

// figure rounds to three digits, as more would say more than was measured.
func figure(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil:
		return "?"
	case f >= 100 || f == 0:
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// replace puts a table between its markers.
func replace(text string, t table, content string) (string, error) {
	head, rest, ok := strings.Cut(text, t.begin())
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("the file has no %s … %s", t.begin(), end)
	}
	return head + t.begin() + "\n" + content + end + tail, nil
}

func main() {
	if err := write(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "perftable:", err)
		os.Exit(1)
	}
}

func write(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: perftable FILE < output of go test -bench")
	}
	r, err := read(in, out)
	if err != nil {
		return err
	}
	if r.failed {
		return fmt.Errorf("a benchmark failed; %s is as it was", args[0])
	}
	file, err := os.ReadFile(args[0]) //nolint:gosec // whoever runs it names the file
	if err != nil {
		return err
	}
	text := string(file)
	for _, t := range tables() {
		if names := r.missing(t); len(names) == len(t.rows) {
			continue // nothing of it was asked for
		} else if len(names) > 0 {
			fmt.Fprintf(out, "the table of make %s is as it was: this run left out %s\n", t.target, strings.Join(names, ", "))
			continue
		}
		if text, err = replace(text, t, r.table(t, time.Now())); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
	}
	if text == string(file) {
		return nil
	}
	return os.WriteFile(args[0], []byte(text), 0o644) //nolint:gosec // a document that everybody reads
}
