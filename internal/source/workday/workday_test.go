// SPDX-License-Identifier: Apache-2.0

package workday

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source/hrtest"
)

const (
	hostile = `<&>"'</wsse:Password> ]]> <!ENTITY x "y">`
	where   = "https://wd3.example/ccx/service/acme/Human_Resources/v45.0"
)

func feed(t *testing.T, pageSize int, paths ...string) *Feed {
	t.Helper()
	f, err := New(Config{
		URL: where, PageSize: pageSize, Ahead: 30 * 24 * time.Hour, Paths: paths,
		User: func() (string, error) { return hostile + "@acme", nil }, Password: func() (string, error) { return hostile, nil },
		Now: func() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAddresses: of the service, with a version, and of no other.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"https://wd3.example", "https://wd3.example/ccx/service/acme/Human_Resources", "https://wd3.example/ccx/service/acme/Staffing/v45.0",
		where + "/", "https://wd3.example/ccx/service/a/b/Human_Resources/v45.0", "https://wd3.example/ccx/service/customreport2/acme/a/b",
	} {
		c := feed(t, 1).c
		if c.URL = u; u == where {
			continue
		}
		if _, err := New(c); !errors.Is(err, errAddress) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// TestQuestion: what is sent says what was meant, whatever stands in it.
func TestQuestion(t *testing.T) {
	t.Parallel()
	f := feed(t, 50, "worker_id", "first_name", "organizations.COST_CENTER.code")
	text, err := f.question(asOf{"2026-03-02", time.Date(2026, 3, 2, 9, 0, 0, 5e6, time.UTC)}, 3, []ref{{refID{employee, hostile}}})
	if err != nil {
		t.Fatal(err)
	}
	var q struct {
		User     string `xml:"Header>Security>UsernameToken>Username"`
		Password string `xml:"Header>Security>UsernameToken>Password"`
		ID       struct {
			Type  string `xml:"urn:com.workday/bsvc type,attr"`
			Value string `xml:",chardata"`
		} `xml:"Body>Get_Workers_Request>Request_References>Worker_Reference>ID"`
		Filter struct {
			Inner string `xml:",innerxml"`
		} `xml:"Body>Get_Workers_Request>Response_Filter"`
	}
	if err := xml.Unmarshal(text, &q); err != nil {
		t.Fatal(err)
	}
	if q.User != hostile+"@acme" || q.Password != hostile || q.ID.Value != hostile || q.ID.Type != employee {
		t.Errorf("%+v", q)
	}
	const want = "<As_Of_Effective_Date>2026-03-02</As_Of_Effective_Date><As_Of_Entry_DateTime>2026-03-02T09:00:00.005Z</As_Of_Entry_DateTime><Page>3</Page><Count>50</Count>"
	if q.Filter.Inner != want {
		t.Error(q.Filter.Inner)
	}
	for _, want := range []string{"<Exclude_Supervisory_Organizations>true<", "<Exclude_Cost_Centers>false<", "<Exclude_Custom_Organizations>true<", "<Include_Management_Chain_Data>false<"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it lacks %s", want)
		}
	}
	f.c.User = func() (string, error) { return "isu", nil }
	if _, err := f.question(asOf{}, 1, nil); !errors.Is(err, errUser) {
		t.Errorf("a user without a tenant: %v", err)
	}
}

const begin = `<?xml version="1.0" encoding="UTF-8"?>`

func enveloped(body string) string {
	return `<e:Envelope xmlns:e="` + soapSpace + `" xmlns:wd="` + workdaySpace + `"><e:Body>` + body + `</e:Body></e:Envelope>`
}

// TestRead: an answer is taken as strictly as it is sent, and what is wrong is said
// without what stands there.
func TestRead(t *testing.T) {
	t.Parallel()
	sound := enveloped(`<wd:Get_Workers_Response><!-- no --><wd:Response_Results><wd:Total_Results>1</wd:Total_Results></wd:Response_Results></wd:Get_Workers_Response>`)
	var a answer
	if err := read([]byte(begin+sound+"\n"), &a); err != nil || a.Body.Response == nil || a.Body.Response.Results.Total != 1 {
		t.Fatalf("%v %+v", err, a)
	}
	for name, c := range map[string]struct{ text, want string }{
		"a DTD":                   {begin + `<!DOCTYPE e [<!ENTITY x "geheim">]>` + sound, "document type"},
		"an entity of its own":    {begin + enveloped("&geheim;"), "it is no message"},
		"an instruction":          {begin + `<?xml-stylesheet href="geheim"?>` + sound, "processing instruction"},
		"another encoding":        {`<?xml version="1.0" encoding="latin1"?>` + sound, "it is no message"},
		"no UTF-8":                {begin + enveloped("geheim\xff"), "it is no message"},
		"too deep":                {begin + enveloped(strings.Repeat("<geheim>", 70)+strings.Repeat("</geheim>", 70)), "nested deeper"},
		"too many attributes":     {begin + enveloped("<geheim"+attributes(70)+"/>"), "more than 64 attributes"},
		"cut":                     {begin + sound[:len(sound)-30], "cut off"},
		"nothing":                 {"", "cut off"},
		"something behind":        {begin + sound + "<geheim/>", "behind its end"},
		"text behind":             {begin + sound + "geheim", "behind its end"},
		"of another namespace":    {begin + `<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body>geheim</Body></Envelope>`, "it is no message"},
		"a number that is none":   {begin + enveloped(`<wd:Get_Workers_Response><wd:Response_Results><wd:Total_Results>geheim</wd:Total_Results></wd:Response_Results></wd:Get_Workers_Response>`), "it is no message"},
		"JSON":                    {`{"geheim": 1}`, "it is"},
		"elements that cross":     {begin + enveloped("<a><b></a></b>"), "it is no message"},
		"an attribute twice":      {begin + enveloped(`<wd:Get_Workers_Response><wd:Response_Results><wd:Total_Results>1</wd:Total_Results><wd:Total_Results>x</wd:Total_Results></wd:Response_Results></wd:Get_Workers_Response>`), "it is no message"},
		"an ampersand by itself":  {begin + enveloped("a & geheim"), "it is no message"},
		"a character XML has not": {begin + enveloped("geheim&#0;"), "it is no message"},
	} {
		var a answer
		err := read([]byte(c.text), &a)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(begin + enveloped("")))
	f.Add([]byte(hrtest.WorkdayFault("Client.authenticationError", "no")))
	f.Add([]byte(begin + `<!DOCTYPE e [<!ENTITY x "y">]><e>&x;</e>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a answer
		if err := read(text, &a); err != nil && len(err.Error()) > 80 {
			t.Errorf("it tells too much: %v", err)
		}
		if a.Body.Response != nil {
			for _, w := range a.Body.Response.Data.Workers {
				if r := w.record("2026-03-02"); r != nil {
					if _, err := r.json(); err != nil {
						t.Logf("a record that cannot be written: %v", err)
					}
				}
			}
		}
	})
}

// TestDays: a date is a day, whatever clock it was told by.
func TestDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-03-09": "2026-03-09", "2026-03-09-08:00": "2026-03-09", " 2026-03-09Z ": "2026-03-09", "2026-03-09+13:45": "2026-03-09",
		"2026-03-09T00:00:00Z": "2026-03-09T00:00:00Z", "2026-03-09-8": "2026-03-09-8", "": "",
	} {
		if got := dayOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestOver: what is made of the same worker today and ahead.
func TestOver(t *testing.T) {
	t.Parallel()
	const today = "2026-03-02"
	w := func(status, hired, termination, last, title string) *worker {
		return &worker{Status: status, Hired: hired, Termination: termination, LastDay: last, Title: title}
	}
	for name, c := range map[string]struct{ now, ahead, want *worker }{
		"stays":               {w(active, "2020-01-01", "", "", "a"), w(active, "2020-01-01", "", "", "b"), w(active, "2020-01-01", "", "", "a")},
		"is to go":            {w(active, "2020-01-01", "", "", "a"), w(terminated, "2020-01-01", "2026-03-31", "2026-03-15", "b"), w(active, "2020-01-01", "2026-03-31", "2026-03-15", "a")},
		"is to go, on leave":  {w(onLeave, "2020-01-01", "", "", "a"), w(terminated, "2020-01-01", "2026-03-31", "", ""), w(onLeave, "2020-01-01", "2026-03-31", "", "a")},
		"is to come":          {w(notYet, "2026-03-09", "", "", ""), w(active, "2026-03-09", "", "", "b"), w(active, "2026-03-09", "", "", "b")},
		"is gone":             {w(terminated, "2020-01-01", "2026-02-01", "", "a"), w(terminated, "2020-01-01", "2026-02-01", "", "b"), w(terminated, "2020-01-01", "2026-02-01", "", "a")},
		"comes back":          {w(terminated, "2020-01-01", "2026-02-01", "", "a"), w(active, "2026-03-09", "", "", "b"), w(active, "2026-03-09", "", "", "b")},
		"goes and comes back": {w(active, "2020-01-01", "", "", "a"), w(active, "2026-03-09", "", "", "b"), w(active, "2020-01-01", "", "", "a")},
		"back, and goes":      {w(active, "2020-01-01", "", "", "a"), w(terminated, "2026-03-09", "2026-03-20", "", "b"), w(active, "2020-01-01", "", "", "a")},
		"back since":          {w(terminated, "2020-01-01", "2026-02-01", "", "a"), w(active, "2026-03-01", "", "", "b"), w(terminated, "2020-01-01", "2026-02-01", "", "a")},
	} {
		f, err := fateOf(c.ahead, today)
		if err != nil {
			t.Fatal(err)
		}
		got := c.now
		if over(c.now, f) {
			got = c.ahead
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, got, c.want)
		}
	}
}

// TestAhead: whoever is only there ahead is handed over if they start then, and not if they
// have started, as those are hidden from us today; and nobody may be there twice.
func TestAhead(t *testing.T) {
	t.Parallel()
	hired := func(id, day string) string {
		return "<wd:Worker><wd:Worker_Data><wd:Worker_ID>" + id + "</wd:Worker_ID><wd:Employment_Data><wd:Worker_Status_Data><wd:Active>1</wd:Active><wd:Hire_Date>" + day + "</wd:Hire_Date></wd:Worker_Status_Data></wd:Employment_Data></wd:Worker_Data></wd:Worker>"
	}
	list := func(of ...string) string {
		return strings.Replace(page(len(of), 1, len(of), 1), "<wd:Response_Data>", "<wd:Response_Data>"+strings.Join(of, ""), 1)
	}
	read := func(ahead, today string) (ids []string, err error) {
		f := feed(t, 9)
		send := func(_ context.Context, body []byte) ([]byte, error) {
			if strings.Contains(string(body), "2026-04-01") {
				return []byte(ahead), nil
			}
			return []byte(today), nil
		}
		_, err = f.All(t.Context(), send, func(text []byte) error { ids = append(ids, string(text)); return nil })
		return ids, err
	}
	one, moved, comes := hired("1", "2020-01-01"), hired("2", "2020-01-01"), hired("3", "2026-03-20")
	got, err := read(list(one, moved, comes), list(one))
	if err != nil || len(got) != 2 || !strings.Contains(got[0], `"worker_id":"1"`) || !strings.Contains(got[1], `"worker_id":"3"`) {
		t.Errorf("%v %v", got, err)
	}
	if got, err := read(list(one, one), list(one)); err == nil || len(got) > 0 || !strings.Contains(err.Error(), "1 is there twice") {
		t.Errorf("%v %v", got, err)
	}
}

// TestOne: somebody by their id, today and ahead.
func TestOne(t *testing.T) {
	t.Parallel()
	of := func(status string) string {
		if status == "" {
			return page(0, 0, 0, 1)
		}
		return strings.Replace(page(1, 1, 1, 1), "<wd:Response_Data>", "<wd:Response_Data><wd:Worker><wd:Worker_Data><wd:Worker_ID>7</wd:Worker_ID><wd:Employment_Data><wd:Worker_Status_Data>"+
			status+"</wd:Worker_Status_Data></wd:Employment_Data></wd:Worker_Data></wd:Worker>", 1)
	}
	const (
		works = "<wd:Active>1</wd:Active><wd:Hire_Date>2020-01-01</wd:Hire_Date>"
		gone  = "<wd:Active>0</wd:Active><wd:Terminated>1</wd:Terminated><wd:Hire_Date>2020-01-01</wd:Hire_Date><wd:Termination_Date>2026-03-20</wd:Termination_Date>"
		comes = "<wd:Active>1</wd:Active><wd:Hire_Date>2026-03-25</wd:Hire_Date>"
	)
	for name, c := range map[string]struct{ today, ahead, key, want string }{
		"stays":               {of(works), of(works), "7", `"hire_date":"2020-01-01"}`},
		"is to go":            {of(works), of(gone), "7", `"status":"Active","hire_date":"2020-01-01","termination_date":"2026-03-20"`},
		"is to come":          {of(""), of(comes), "7", `"hire_date":"2026-03-25"`},
		"comes back":          {of(strings.Replace(gone, "03-20", "02-20", 1)), of(comes), "7", `"hire_date":"2026-03-25"`},
		"is hidden today":     {of(""), of(works), "7", ""},
		"is hidden ahead":     {of(works), of(""), "7", `"hire_date":"2020-01-01"}`},
		"is nobody":           {of(""), of(""), "7", ""},
		"is two":              {page(2, 1, 2, 1, "7", "7"), of(works), "7", "2 workers have one id"},
		"by a typed id":       {of(works), of(works), employee + "=7", `"hire_date":"2020-01-01"}`},
		"by an id like a tag": {of(works), of(works), "</wd:ID>=7", `"hire_date":"2020-01-01"}`},
	} {
		send := func(_ context.Context, body []byte) ([]byte, error) {
			if typed := strings.HasPrefix(c.key, employee); typed != !strings.Contains(string(body), contingent) {
				t.Errorf("%s: it is asked for by the wrong kinds of id", name)
			}
			if strings.Contains(string(body), "2026-04-01") {
				return []byte(c.ahead), nil
			}
			return []byte(c.today), nil
		}
		text, err := feed(t, 9).One(t.Context(), send, c.key)
		got := string(text)
		if err != nil {
			got = err.Error()
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestRecord: of whoever was hired again the termination that is told is of before; and
// whoever is terminated without a date is told as such.
func TestRecord(t *testing.T) {
	t.Parallel()
	kind := contingent
	of := func(status string) *worker {
		var a answer
		text := enveloped(`<wd:Get_Workers_Response><wd:Response_Data><wd:Worker><wd:Worker_Reference><wd:ID wd:type="WID">w</wd:ID><wd:ID wd:type="` + kind + `">7</wd:ID></wd:Worker_Reference><wd:Worker_Data><wd:Worker_ID>7</wd:Worker_ID>` +
			`<wd:Personal_Data><wd:Contact_Data><wd:Email_Address_Data><wd:Email_Address>home@x.example</wd:Email_Address><wd:Usage_Data><wd:Type_Data><wd:Type_Reference><wd:ID wd:type="Communication_Usage_Type_ID">HOME</wd:ID></wd:Type_Reference></wd:Type_Data></wd:Usage_Data></wd:Email_Address_Data>` +
			`<wd:Email_Address_Data><wd:Email_Address>work@x.example</wd:Email_Address><wd:Usage_Data><wd:Type_Data><wd:Type_Reference><wd:ID wd:type="Communication_Usage_Type_ID">WORK</wd:ID></wd:Type_Reference></wd:Type_Data></wd:Usage_Data></wd:Email_Address_Data></wd:Contact_Data></wd:Personal_Data>` +
			`<wd:Employment_Data><wd:Worker_Status_Data>` + status + `</wd:Worker_Status_Data></wd:Employment_Data>` +
			`<wd:Management_Chain_Data><wd:Worker_Supervisory_Management_Chain_Data><wd:Management_Chain_Data><wd:Manager_Reference><wd:ID wd:type="Employee_ID">1</wd:ID></wd:Manager_Reference></wd:Management_Chain_Data><wd:Management_Chain_Data><wd:Manager_Reference><wd:ID wd:type="Employee_ID">2</wd:ID></wd:Manager_Reference></wd:Management_Chain_Data></wd:Worker_Supervisory_Management_Chain_Data></wd:Management_Chain_Data>` +
			`</wd:Worker_Data></wd:Worker></wd:Response_Data></wd:Get_Workers_Response>`)
		if err := read([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		return a.Body.Response.Data.Workers[0].record("2026-03-02")
	}
	again := of(`<wd:Active>true</wd:Active><wd:Hire_Date>2026-01-01-08:00</wd:Hire_Date><wd:Termination_Date>2025-06-30-07:00</wd:Termination_Date><wd:Termination_Last_Day_of_Work>2025-06-30</wd:Termination_Last_Day_of_Work>`)
	if again.Termination != "" || again.LastDay != "" || again.Status != active || again.Hired != "2026-01-01" {
		t.Errorf("%+v", again)
	}
	if again.TypedID != "Contingent_Worker_ID=7" || again.WID != "w" || again.Mail != "work@x.example" || again.Manager != "2" {
		t.Errorf("%+v", again)
	}
	if gone := of(`<wd:Active>0</wd:Active><wd:Terminated>1</wd:Terminated><wd:Hire_Date>2020-01-01</wd:Hire_Date>`); gone.NotTold != "2020-01-01" {
		t.Errorf("%+v", gone)
	}
	if ended := of(`<wd:Active>0</wd:Active><wd:Terminated>0</wd:Terminated><wd:Hire_Date>2020-01-01</wd:Hire_Date>`); ended.Status != terminated || ended.NotTold != "2020-01-01" {
		t.Errorf("whoever does not work any more: %+v", ended)
	}
	if hired := of(`<wd:Active>0</wd:Active><wd:Terminated>0</wd:Terminated><wd:Hire_Date>2026-03-02</wd:Hire_Date>`); hired.Status != notYet || hired.NotTold != "" {
		t.Errorf("whoever starts: %+v", hired)
	}
	kind = employee
	if away := of(`<wd:Active>0</wd:Active><wd:Terminated>0</wd:Terminated><wd:Hire_Date>2020-01-01</wd:Hire_Date>`); away.Status != inactive || away.NotTold != "" || !away.works() {
		t.Errorf("an employee who is not active: %+v", away)
	}
	if away := of(`<wd:Active>0</wd:Active><wd:Hire_Date>2020-01-01</wd:Hire_Date><wd:Leave_Status_Data><wd:On_Leave>1</wd:On_Leave><wd:Leave_Start_Date>2026-02-01</wd:Leave_Start_Date></wd:Leave_Status_Data>`); away.Status != onLeave || away.LeaveFrom != "2026-02-01" {
		t.Errorf("an employee who is on leave: %+v", away)
	}
	for to, want := range map[string]string{
		`<wd:Estimated_Leave_End_Date>2026-03-02-08:00</wd:Estimated_Leave_End_Date>`:                                            "2026-03-02",
		`<wd:Estimated_Leave_End_Date>2026-03-01</wd:Estimated_Leave_End_Date>`:                                                  "2026-03-01", // it is that day in the west
		`<wd:Estimated_Leave_End_Date>2026-02-28</wd:Estimated_Leave_End_Date>`:                                                  "",           // and it is on
		`<wd:Estimated_Leave_End_Date>01/02/2026</wd:Estimated_Leave_End_Date>`:                                                  "01/02/2026",
		`<wd:Leave_End_Date>2026-04-01</wd:Leave_End_Date>`:                                                                      "2026-04-01",
		`<wd:Leave_End_Date>2025-04-01</wd:Leave_End_Date>`:                                                                      "", // of another leave
		`<wd:Estimated_Leave_End_Date>2026-05-01</wd:Estimated_Leave_End_Date><wd:Leave_End_Date>2025-04-01</wd:Leave_End_Date>`: "2026-05-01",
	} {
		away := of(`<wd:Active>1</wd:Active><wd:Hire_Date>2020-01-01</wd:Hire_Date><wd:Leave_Status_Data><wd:On_Leave>1</wd:On_Leave><wd:Leave_Start_Date>2026-02-01</wd:Leave_Start_Date>` + to + `</wd:Leave_Status_Data>`)
		if away.Status != onLeave || away.LeaveTo != want {
			t.Errorf("on leave until %s: %+v", to, away)
		}
	}
	if back := of(`<wd:Active>0</wd:Active><wd:Hire_Rescinded>1</wd:Hire_Rescinded><wd:Hire_Date>2026-05-01</wd:Hire_Date>`); back != nil {
		t.Errorf("a hire that was taken back: %+v", back)
	}
}

// page is an answer with workers of some ids.
func page(total, pages, here, number int, ids ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<wd:Get_Workers_Response><wd:Response_Results><wd:Total_Results>%d</wd:Total_Results><wd:Total_Pages>%d</wd:Total_Pages><wd:Page_Results>%d</wd:Page_Results><wd:Page>%d</wd:Page></wd:Response_Results><wd:Response_Data>", total, pages, here, number)
	for _, id := range ids {
		fmt.Fprintf(&b, "<wd:Worker><wd:Worker_Data><wd:Worker_ID>%s</wd:Worker_ID></wd:Worker_Data></wd:Worker>", id)
	}
	return enveloped(b.String() + "</wd:Response_Data></wd:Get_Workers_Response>")
}

// TestProof: what is no proof that these were all, in the list of today and in that ahead.
func TestProof(t *testing.T) {
	t.Parallel()
	sound := []string{page(3, 2, 2, 1, "1", "2"), page(3, 2, 1, 2, "3")}
	for name, c := range map[string]struct {
		pages []string
		want  string
	}{
		"sound":                   {sound, ""},
		"nobody":                  {[]string{page(0, 0, 0, 1)}, ""},
		"nobody, on no page":      {[]string{page(0, 0, 0, 0)}, ""},
		"a total that changes":    {[]string{sound[0], page(4, 2, 1, 2, "3")}, "the total changed from 3 to 4"},
		"a page again":            {[]string{sound[0], page(3, 2, 1, 1, "3")}, "page 2 was asked for, and page 1 came"},
		"a worker who is hidden":  {[]string{sound[0], page(3, 2, 1, 2)}, "page 2 tells of 1 workers, and 0 came"},
		"a page that is too long": {[]string{page(3, 1, 3, 1, "1", "2", "3")}, "more workers than were asked for"},
		"fewer than there are":    {[]string{page(3, 1, 2, 1, "1", "2")}, "the list tells of 3 workers, and 2 came"},
		"more than there are":     {[]string{page(1, 2, 2, 1, "1", "2"), page(1, 2, 1, 2, "3")}, "the list tells of 1 workers, and 2 came"},
		"an empty page":           {[]string{sound[0], page(3, 3, 0, 2)}, "page 2 is empty"},
		"a number of nobody":      {[]string{page(-1, 1, 0, 1)}, "tells of -1 workers"},
		"a number beyond all":     {[]string{page(2_000_000, 9, 2, 1, "1", "2")}, "tells of 2000000 workers"},
		"no number":               {[]string{enveloped("<wd:Get_Workers_Response/>")}, "does not tell how many"},
		"another answer":          {[]string{enveloped("<wd:Get_Organizations_Response/>")}, "none to Get_Workers"},
		"a fault with 200":        {[]string{hrtest.WorkdayFault("Client.validationError", "geheim")}, "refuses the request as not valid"},
	} {
		for _, ahead := range []bool{false, true} {
			f, asked, walks := feed(t, 2), 0, 0
			send := func(_ context.Context, body []byte) ([]byte, error) {
				if strings.Contains(string(body), "<Page>1</Page>") {
					walks, asked = walks+1, 0
				}
				pages := sound
				if ahead == (walks == 1) {
					pages = c.pages
				}
				asked++
				return []byte(pages[min(asked, len(pages))-1]), nil
			}
			got := 0
			why, err := f.All(t.Context(), send, func([]byte) error { got++; return nil })
			said := why
			if err != nil {
				said = err.Error()
			}
			switch {
			case c.want == "" && said != "", !strings.Contains(said, c.want), strings.Contains(said, "geheim"):
				t.Errorf("%s (ahead %v): %q, want %q", name, ahead, said, c.want)
			case ahead && c.want != "" && (got > 0 || err == nil):
				t.Errorf("%s: %d were handed over although it is not known who is about to go", name, got)
			}
		}
	}
}

// TestFaults are told apart by their codes, and hold nothing of the answer.
func TestFaults(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		text, want        string
		credential, again bool
	}{
		"Client.authenticationError": {"invalid username or password geheim", "does not take user and password", true, false},
		"Client.validationError":     {"Invalid ID value. geheim", "as not valid", false, false},
		"Server.processingError":     {"The task submitted is not authorized. geheim", "does not let this user run", true, false},
		"Server":                     {"geheim", "fails", false, true},
		"Client":                     {"geheim", "fault of the client", false, false},
		"geheim":                     {"", "fails", false, true},
	} {
		msg, credential, again := feed(t, 1).Refused(500, []byte(hrtest.WorkdayFault(code, c.text)))
		if !strings.Contains(msg, c.want) || credential != c.credential || again != c.again || strings.Contains(msg, "geheim") {
			t.Errorf("%s: %s, %v, %v", code, msg, credential, again)
		}
	}
	if msg, _, _ := feed(t, 1).Refused(500, []byte("<html>geheim")); msg != "" {
		t.Errorf("a web page: %s", msg)
	}
}
