// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// Sum counts results by verdict.
func (r Report) Sum() map[Verdict]int {
	out := map[Verdict]int{}
	for _, l := range r.Results {
		out[l.Result]++
	}
	return out
}

// Verdict is the whole in one line.
func (r Report) Verdict() string {
	n := r.Sum()
	says := r.leftovers() + fmt.Sprintf("%d requirements checked: %d pass, %d fail (%d of them without a choice), %d by decision, %d not applicable",
		len(r.Results), n[Pass], n[Fail], r.Failed, n[Decision], n[NA])
	if r.Failed == 0 {
		return says + ": it conforms as far as this can see"
	}
	return says + ": it does not conform"
}

// leftovers says what somebody has to remove by hand.
func (r Report) leftovers() string {
	if len(r.Left) == 0 {
		return ""
	}
	return fmt.Sprintf("%d resources that this made could not be removed: %s. ", len(r.Left), strings.Join(r.Left, ", "))
}

// WriteJSON writes the report as one document.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// section is the results of one section.
type section struct {
	Name    string
	Sum     map[Verdict]int
	Results []Line
}

// Anchor names the section within a page, Count the results of a verdict; both are for
// the template.
func (s *section) Anchor() string { return strings.ReplaceAll(s.Name, " ", "-") }

func (r Report) sections() []*section {
	var out []*section
	for _, l := range r.Results {
		if len(out) == 0 || out[len(out)-1].Name != l.Section {
			out = append(out, &section{Name: l.Section, Sum: map[Verdict]int{}})
		}
		s := out[len(out)-1]
		s.Sum[l.Result]++
		s.Results = append(s.Results, l)
	}
	return out
}

// WriteTable writes the report for a terminal: a line for each section, then what is
// wrong, with the requests and answers that show it.
func (r Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	wide := len("RFC, SECTION")
	for _, s := range r.sections() {
		wide = max(wide, len(s.Name))
	}
	fmt.Fprintf(&b, "%-*s %5s %5s %9s %5s\n", wide, "RFC, SECTION", "PASS", "FAIL", "DECISION", "N/A")
	for _, s := range r.sections() {
		fmt.Fprintf(&b, "%-*s %5d %5d %9d %5d\n", wide, s.Name, s.Sum[Pass], s.Sum[Fail], s.Sum[Decision], s.Sum[NA])
	}
	for _, s := range r.sections() {
		for _, l := range s.Results {
			switch l.Result {
			case Fail:
				fmt.Fprintf(&b, "\nFAIL %s (%s): %s\n  %s\n", l.ID, l.Level, l.Title, l.Detail)
			case Decision:
				fmt.Fprintf(&b, "\nby decision %s (%s): %s\n  %s\n", l.ID, l.Level, l.Title, l.Detail)
			}
		}
	}
	fmt.Fprintf(&b, "\n%s, profile %s\n%s\n", r.Base, r.Profile, r.Verdict())
	_, err := io.WriteString(w, visible(b.String()))
	return err
}

// visible keeps what an endpoint has answered from speaking to a terminal.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '·'
		}
		return c
	}, s)
}

// WriteHTML writes the report as one page that needs nothing else.
func (r Report) WriteHTML(w io.Writer) error {
	return page.Execute(w, struct {
		Report
		Verdict  string
		Verdicts []Verdict
		Sections []*section
	}{r, r.Verdict(), []Verdict{Pass, Fail, Decision, NA}, r.sections()})
}

var page = template.Must(template.New("report").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SCIM conformance of {{.Base}}</title>
<style>
:root { color-scheme: light dark; --line: #8884; --pass: #1a7f37; --fail: #cf222e; --decision: #9a6700; --na: #6e7781 }
@media (prefers-color-scheme: dark) { :root { --pass: #3fb950; --fail: #f85149; --decision: #d29922; --na: #8b949e } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.n, th.n { text-align: right } td.id { white-space: nowrap; font-family: ui-monospace, monospace; font-size: .9em }
.pass { color: var(--pass) } .fail { color: var(--fail) } .decision { color: var(--decision) } .na { color: var(--na) }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85em; margin: .25rem 0 }
</style>
<h1>SCIM conformance</h1>
<p>{{.Base}}, profile {{.Profile}}</p>
<p>{{.Verdict}}</p>
<table>
<tr><th>RFC, section</th><th class="n">pass</th><th class="n">fail</th><th class="n">decision</th><th class="n">n/a</th></tr>
{{range .Sections}}<tr><td><a href="#{{.Anchor}}">{{.Name}}</a></td>
{{$s := .}}{{range $v := $.Verdicts}}{{with index $s.Sum $v}}<td class="n {{$v}}">{{.}}</td>{{else}}<td class="n na">0</td>{{end}}{{end}}</tr>
{{end}}</table>
{{range .Sections}}<h2 id="{{.Anchor}}">{{.Name}}</h2>
<table>
{{range .Results}}<tr><td class="id">{{.ID}}</td><td>{{.Level}}</td><td class="{{.Result}}">{{.Result}}</td>
<td>{{.Title}}{{if .Detail}}<pre>{{.Detail}}</pre>{{end}}</td></tr>
{{end}}</table>
{{end}}</html>
`))
