// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Workday is a tenant, by Human_Resources of its SOAP. Facts:
// https://learn.microsoft.com/entra/identity/app-provisioning/workday-integration-reference
// and workday-attribute-reference beside it; the faults from
// https://www.netiq.com/documentation/identity-manager-48-drivers/workday/data/t4fjkckx5vsq.html
// and public code; November 2026. It calls nobody: there are no webhooks in its SOAP.
type Workday struct {
	System

	// Hidden are whom the user's security group does not let it see, by id.
	Hidden map[string]bool
	// HidesGone says that it does not let it see who is terminated, as one of an organisation
	// does, to which they do not belong any more.
	HidesGone bool
	// Former are employments before the present one, by id; of whoever is hired again.
	Former map[string]Job
	// LastDays are last days of work that differ from the end, by id.
	LastDays map[string]string
	// Rescinded are whose hire was taken back, and who are still told of.
	Rescinded map[string]bool
	// Universal are ids of humans, which all their workers have, by the workers' ids.
	Universal map[string]string
	// Leaves says that the user may see leaves.
	Leaves bool
	// LeaveEnds are estimated ends of leaves that differ from what comes, by id; "-" if the
	// user may not see its days.
	LeaveEnds map[string]string

	user, password string
	groups         []string // that were asked for last, of those that are true
	days           []string // that were asked for
	entries        map[string]bool
}

// WorkdayService is where the service is, behind URL.
const WorkdayService = "/ccx/service/acme/Human_Resources/v45.0"

// NewWorkday starts a tenant with an integration system user, which is NAME@TENANT.
func NewWorkday(t testing.TB, user, password string) *Workday {
	t.Helper()
	w := &Workday{user: user, password: password, entries: map[string]bool{}}
	w.start(t, w.serve)
	return w
}

// Lock has what is asked wait, while fields are changed. It returns what ends that.
func (s *Workday) Lock() func() { s.mu.Lock(); return s.mu.Unlock }

// Groups are the parts of a worker that were asked for last.
func (s *Workday) Groups() []string { defer s.Lock()(); return slices.Clone(s.groups) }

// Days are the days as of which was asked, and how many times of entry there were, since
// the last call.
func (s *Workday) Days() (days []string, entries int) {
	defer s.Lock()()
	days, entries = slices.Compact(slices.Sorted(slices.Values(s.days))), len(s.entries)
	s.days, s.entries = nil, map[string]bool{}
	return days, entries
}

// node is an element, read without knowing any.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []node     `xml:",any"`
}

// at is the first element below some names; it has nothing if there is none.
func (n node) at(names ...string) node {
	for _, name := range names {
		i := slices.IndexFunc(n.Nodes, func(c node) bool { return c.XMLName.Local == name })
		if i < 0 {
			return node{}
		}
		n = n.Nodes[i]
	}
	return n
}

func (n node) attr(space, name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name && a.Name.Space == space {
			return a.Value
		}
	}
	return ""
}

const (
	bsvc     = "urn:com.workday/bsvc"
	envelope = "http://schemas.xmlsoap.org/soap/envelope/"
	wsse     = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)

var (
	isDay   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	isEntry = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$`)
)

// Fault answers with one of SOAP.
func (s *Workday) fault(w http.ResponseWriter, code, text string) {
	w.Header().Set("Content-Type", "text/xml;charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, WorkdayFault(code, text))
}

// WorkdayFault is the text of a fault, whose text is no markup.
func WorkdayFault(code, text string) string {
	return `<?xml version="1.0" encoding="utf-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="` + envelope + `"><SOAP-ENV:Body><SOAP-ENV:Fault xmlns:SOAP-ENV="` + envelope + `" xmlns:wd="` + bsvc +
		`"><faultcode>SOAP-ENV:` + code + `</faultcode><faultstring>` + text + `</faultstring></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

func (s *Workday) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var q node
	switch {
	case r.URL.Path != WorkdayService || r.Method != http.MethodPost:
		w.WriteHeader(http.StatusNotFound)
		return
	case err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") || xml.Unmarshal(body, &q) != nil || q.XMLName != (xml.Name{Space: envelope, Local: "Envelope"}):
		s.fault(w, "Client", "The message is no envelope")
		return
	}
	head := q.at("Header", "Security")
	pass := head.at("UsernameToken", "Password")
	if head.XMLName.Space != wsse || head.at("UsernameToken", "Username").Text != s.user || pass.Text != s.password || !strings.HasSuffix(pass.attr("", "Type"), "#PasswordText") || r.Header.Get("Authorization") != "" {
		s.fault(w, "Client.authenticationError", "invalid username or password")
		return
	}
	req := q.at("Body", "Get_Workers_Request")
	filter := req.at("Response_Filter")
	day, entry := filter.at("As_Of_Effective_Date").Text, filter.at("As_Of_Entry_DateTime").Text
	page, count := 0, 0
	_, _ = fmt.Sscan(filter.at("Page").Text, &page)
	_, _ = fmt.Sscan(filter.at("Count").Text, &count)
	if req.XMLName.Space != bsvc || req.attr(bsvc, "version") != "v45.0" || filter.XMLName.Space != bsvc || !isDay.MatchString(day) || !isEntry.MatchString(entry) || page < 1 || count < 1 || count > 999 {
		s.fault(w, "Client.validationError", "Validation error occurred. Element Content &apos;"+day+"&apos; is not valid")
		return
	}
	s.days, s.entries[entry], s.groups = append(s.days, day), true, nil
	for _, g := range req.at("Response_Group").Nodes {
		if g.Text == "true" {
			s.groups = append(s.groups, g.XMLName.Local)
		}
	}
	w.Header().Set("Content-Type", "text/xml;charset=utf-8")
	_, _ = io.WriteString(w, s.answerOf(req, day, page, count))
}

// answerOf is what is told of a page of everybody, or of those with a reference.
func (s *Workday) answerOf(req node, day string, page, count int) string {
	var all []Worker
	refs := req.at("Request_References")
	for _, p := range s.workers {
		named := slices.ContainsFunc(refs.Nodes, func(n node) bool {
			id := n.at("ID")
			return id.Text == p.ID && id.attr(bsvc, "type") == idType(p)
		})
		switch {
		case s.Hidden[p.ID], s.HidesGone && p.End() != "" && p.End() < day, len(refs.Nodes) > 0 && !named, p.Start() > day && s.Former[p.ID].Start == "" && !s.Rescinded[p.ID]:
		default:
			all = append(all, p)
		}
	}
	from := min((page-1)*count, len(all))
	here := all[from:min(from+count, len(all))]
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-8"?><env:Envelope xmlns:env="%s"><env:Body><wd:Get_Workers_Response xmlns:wd="%s" wd:version="v45.0">`, envelope, bsvc)
	fmt.Fprintf(&b, `<wd:Response_Results><wd:Total_Results>%d</wd:Total_Results><wd:Total_Pages>%d</wd:Total_Pages><wd:Page_Results>%d</wd:Page_Results><wd:Page>%d</wd:Page></wd:Response_Results>`,
		len(all), (len(all)+count-1)/count, len(here), page)
	if len(here) > 0 {
		b.WriteString(`<wd:Response_Data>`)
		for _, p := range here {
			s.worker(&b, p, day)
		}
		b.WriteString(`</wd:Response_Data>`)
	}
	b.WriteString(`</wd:Get_Workers_Response></env:Body></env:Envelope>`)
	return b.String()
}

// idType is Employee_ID unless all that somebody is is a contractor.
func idType(p Worker) string {
	if p.Jobs[0].Kind == "Contingent" {
		return "Contingent_Worker_ID"
	}
	return "Employee_ID"
}

// worker tells of somebody as of a day.
func (s *Workday) worker(b *strings.Builder, p Worker, day string) {
	text := func(t string) string {
		var e strings.Builder
		_ = xml.EscapeText(&e, []byte(t))
		return e.String()
	}
	tag := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "<wd:%s>%s</wd:%s>", name, text(value), name)
		}
	}
	date := func(name, value string) {
		if value != "" {
			tag(name, value+"-08:00")
		}
	}
	job, end, last := p.Jobs[0], p.End(), s.LastDays[p.ID]
	start := p.Start()
	if former := s.Former[p.ID]; former.Start != "" && start > day { // as yet
		start, end, last = former.Start, former.End, ""
	}
	fmt.Fprintf(b, `<wd:Worker><wd:Worker_Reference wd:Descriptor="%s"><wd:ID wd:type="WID">wid-%s-%s</wd:ID><wd:ID wd:type="%s">%s</wd:ID></wd:Worker_Reference><wd:Worker_Data>`,
		text(p.First+" "+p.Last), text(p.ID), text(start), idType(p), text(p.ID))
	tag("Worker_ID", p.ID)
	tag("Universal_ID", s.Universal[p.ID])
	name := func(kind, first string) {
		fmt.Fprintf(b, `<wd:%s><wd:Name_Detail_Data wd:Formatted_Name="%s">`, kind, text(first+" "+p.Last))
		tag("First_Name", first)
		tag("Last_Name", p.Last)
		fmt.Fprintf(b, `</wd:Name_Detail_Data></wd:%s>`, kind)
	}
	if slices.Contains(s.groups, "Include_Personal_Information") {
		b.WriteString(`<wd:Personal_Data><wd:Name_Data>`)
		name("Legal_Name_Data", p.First)
		if p.Preferred != "" {
			name("Preferred_Name_Data", p.Preferred)
		}
		b.WriteString(`</wd:Name_Data><wd:Birth_Date>1990-01-01-08:00</wd:Birth_Date></wd:Personal_Data>`)
	}
	gone := end != "" && end < day
	flag := map[bool]string{true: "1", false: "0"}
	b.WriteString(`<wd:Employment_Data><wd:Worker_Job_Data wd:Primary_Job="1"><wd:Position_Data>`)
	tag("Business_Title", job.Title)
	b.WriteString(`</wd:Position_Data></wd:Worker_Job_Data><wd:Worker_Status_Data>`)
	tag("Active", flag[!gone && start <= day && !s.Rescinded[p.ID]])
	date("Hire_Date", start)
	if s.Rescinded[p.ID] {
		tag("Hire_Rescinded", "1")
	}
	tag("Terminated", flag[gone])
	if former := s.Former[p.ID]; gone { // of terminations the last one
		date("Termination_Date", end)
		if last == "" {
			last = end
		}
		date("Termination_Last_Day_of_Work", last)
	} else if former.Start != "" {
		date("Termination_Date", former.End)
		date("Termination_Last_Day_of_Work", former.End)
	}
	if away := p.Away(day); s.Leaves {
		b.WriteString(`<wd:Leave_Status_Data>`)
		tag("On_Leave", flag[away])
		if end := cmp.Or(s.LeaveEnds[p.ID], p.LeaveTo); away && end != "-" {
			date("Leave_Start_Date", p.LeaveFrom)
			date("Estimated_Leave_End_Date", end)
		}
		b.WriteString(`</wd:Leave_Status_Data>`)
	}
	b.WriteString(`</wd:Worker_Status_Data></wd:Employment_Data>`)
	if slices.Contains(s.groups, "Include_Organizations") && !slices.Contains(s.groups, "Exclude_Supervisory_Organizations") {
		b.WriteString(`<wd:Organization_Data><wd:Worker_Organization_Data><wd:Organization_Data>`)
		tag("Organization_Name", job.Department)
		b.WriteString(`<wd:Organization_Type_Reference><wd:ID wd:type="WID">w1</wd:ID><wd:ID wd:type="Organization_Type_ID">SUPERVISORY</wd:ID></wd:Organization_Type_Reference></wd:Organization_Data></wd:Worker_Organization_Data></wd:Organization_Data>`)
	}
	b.WriteString(`</wd:Worker_Data></wd:Worker>`)
}
