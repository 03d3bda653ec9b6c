// SPDX-License-Identifier: Apache-2.0

package workday

import (
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// element is a Worker of an answer. What else it holds is let go.
type element struct {
	Reference reference `xml:"urn:com.workday/bsvc Worker_Reference"`
	Data      struct {
		ID        string       `xml:"urn:com.workday/bsvc Worker_ID"`
		User      string       `xml:"urn:com.workday/bsvc User_ID"`
		Universal string       `xml:"urn:com.workday/bsvc Universal_ID"`
		Legal     name         `xml:"urn:com.workday/bsvc Personal_Data>Name_Data>Legal_Name_Data>Name_Detail_Data"`
		Preferred name         `xml:"urn:com.workday/bsvc Personal_Data>Name_Data>Preferred_Name_Data>Name_Detail_Data"`
		Mails     []mail       `xml:"urn:com.workday/bsvc Personal_Data>Contact_Data>Email_Address_Data"`
		Status    status       `xml:"urn:com.workday/bsvc Employment_Data>Worker_Status_Data"`
		Jobs      []job        `xml:"urn:com.workday/bsvc Employment_Data>Worker_Job_Data"`
		Chains    []chain      `xml:"urn:com.workday/bsvc Management_Chain_Data>Worker_Supervisory_Management_Chain_Data"`
		Belongs   []membership `xml:"urn:com.workday/bsvc Organization_Data>Worker_Organization_Data"`
	} `xml:"urn:com.workday/bsvc Worker_Data"`
}

type reference struct {
	Descriptor string `xml:"urn:com.workday/bsvc Descriptor,attr"`
	IDs        []struct {
		Type  string `xml:"urn:com.workday/bsvc type,attr"`
		Value string `xml:",chardata"`
	} `xml:"urn:com.workday/bsvc ID"`
}

// id is the first id of a type.
func (r reference) id(kind string) string {
	for _, id := range r.IDs {
		if id.Type == kind {
			return strings.TrimSpace(id.Value)
		}
	}
	return ""
}

type name struct {
	First string `xml:"urn:com.workday/bsvc First_Name"`
	Last  string `xml:"urn:com.workday/bsvc Last_Name"`
}

type mail struct {
	Address string      `xml:"urn:com.workday/bsvc Email_Address"`
	Types   []reference `xml:"urn:com.workday/bsvc Usage_Data>Type_Data>Type_Reference"`
}

type status struct {
	Active      flagged `xml:"urn:com.workday/bsvc Active"`
	Hired       string  `xml:"urn:com.workday/bsvc Hire_Date"`
	FirstHired  string  `xml:"urn:com.workday/bsvc Original_Hire_Date"`
	Rescinded   flagged `xml:"urn:com.workday/bsvc Hire_Rescinded"`
	Terminated  flagged `xml:"urn:com.workday/bsvc Terminated"`
	Termination string  `xml:"urn:com.workday/bsvc Termination_Date"`
	LastDay     string  `xml:"urn:com.workday/bsvc Termination_Last_Day_of_Work"`
	Leaves      []struct {
		On        flagged `xml:"urn:com.workday/bsvc On_Leave"`
		From      string  `xml:"urn:com.workday/bsvc Leave_Start_Date"`
		To        string  `xml:"urn:com.workday/bsvc Leave_End_Date"`
		Estimated string  `xml:"urn:com.workday/bsvc Estimated_Leave_End_Date"`
	} `xml:"urn:com.workday/bsvc Leave_Status_Data"`
}

// flagged is a boolean of XML Schema: true or 1.
type flagged string

func (f flagged) on() bool { t := strings.TrimSpace(string(f)); return t == "1" || t == "true" }

type job struct {
	Primary  flagged `xml:"urn:com.workday/bsvc Primary_Job,attr"`
	Position struct {
		Business string    `xml:"urn:com.workday/bsvc Business_Title"`
		Title    string    `xml:"urn:com.workday/bsvc Position_Title"`
		Kind     reference `xml:"urn:com.workday/bsvc Worker_Type_Reference"`
		Location reference `xml:"urn:com.workday/bsvc Business_Site_Summary_Data>Location_Reference"`
		Site     string    `xml:"urn:com.workday/bsvc Business_Site_Summary_Data>Name"`
	} `xml:"urn:com.workday/bsvc Position_Data"`
}

// chain is who is above somebody, from the top on.
type chain struct {
	Links []struct {
		Manager reference `xml:"urn:com.workday/bsvc Manager_Reference"`
	} `xml:"urn:com.workday/bsvc Management_Chain_Data"`
}

type membership struct {
	Reference    reference `xml:"urn:com.workday/bsvc Organization_Reference"`
	Organisation struct {
		ID   string    `xml:"urn:com.workday/bsvc Organization_Reference_ID"`
		Code string    `xml:"urn:com.workday/bsvc Organization_Code"`
		Name string    `xml:"urn:com.workday/bsvc Organization_Name"`
		Type reference `xml:"urn:com.workday/bsvc Organization_Type_Reference"`
	} `xml:"urn:com.workday/bsvc Organization_Data"`
}

// The types of the ids that a worker has beside the one of the record (WID), which is
// another one after each hire.
const (
	employee   = "Employee_ID"
	contingent = "Contingent_Worker_ID"
)

// The values of worker.Kind.
const (
	employeeKind   = "Employee"
	contingentKind = "Contingent_Worker"
)

// The values of worker.Status.
const (
	active     = "Active"
	onLeave    = "On_Leave"
	terminated = "Terminated"
	inactive   = "Inactive" // employed, and not active: some leaves are such
	notYet     = "Ahead"
)

// organisations is the member of a record that holds them.
const organisations = "organizations"

// worker is the record of a worker, as paths of columns lead into it. What is empty is not
// there. Days are written 2026-11-30, whatever offset they were told with: it is Workday's.
type worker struct {
	ID            string                  `json:"worker_id,omitzero"` // stays when somebody is hired again
	TypedID       string                  `json:"typed_id,omitzero"`  // Employee_ID=1001: differs between an employee and a contingent worker of one id
	WID           string                  `json:"wid,omitzero"`       // of the record, and no more of it
	Universal     string                  `json:"universal_id,omitzero"`
	User          string                  `json:"user_id,omitzero"`
	Kind          string                  `json:"worker_type,omitzero"`     // Employee or Contingent_Worker
	SubKind       string                  `json:"worker_sub_type,omitzero"` // as the tenant calls it
	First         string                  `json:"first_name,omitzero"`
	Last          string                  `json:"last_name,omitzero"`
	PreferredName string                  `json:"preferred_first_name,omitzero"`
	PreferredLast string                  `json:"preferred_last_name,omitzero"`
	Mail          string                  `json:"work_email,omitzero"`
	Status        string                  `json:"status,omitzero"`
	Hired         string                  `json:"hire_date,omitzero"` // the last time
	FirstHired    string                  `json:"original_hire_date,omitzero"`
	Termination   string                  `json:"termination_date,omitzero"`
	LastDay       string                  `json:"last_day_of_work,omitzero"`
	NotTold       string                  `json:"end_not_told,omitzero"`     // Hired, of whoever is terminated without a date that we may see
	LeaveFrom     string                  `json:"leave_start_date,omitzero"` // of a leave that is on
	LeaveTo       string                  `json:"leave_end_date,omitzero"`   // the last day of it
	Title         string                  `json:"business_title,omitzero"`
	Position      string                  `json:"position_title,omitzero"`
	Location      string                  `json:"location,omitzero"`
	LocationID    string                  `json:"location_id,omitzero"`
	Manager       string                  `json:"manager_id,omitzero"`
	Organisations map[string]organisation `json:"organizations,omitzero"` // by type, the first of each
}

type organisation struct {
	ID   string `json:"id,omitzero"`
	Code string `json:"code,omitzero"`
	Name string `json:"name,omitzero"`
}

// offset is what may stand behind a day of XML Schema.
var offset = regexp.MustCompile(`^(Z|[+-][0-9]{2}:[0-9]{2})$`)

// dayOf is the day of a date, without its offset. What is none stays, for others to refuse.
func dayOf(text string) string {
	text = strings.TrimSpace(text)
	const long = len(time.DateOnly)
	if len(text) > long && offset.MatchString(text[long:]) {
		return text[:long]
	}
	return text
}

// record is what is kept of an element that is as of a day; nil for one whose hire was
// taken back.
func (e *element) record(day string) *worker {
	d := &e.Data
	if d.Status.Rescinded.on() && !d.Status.Active.on() {
		return nil
	}
	w := &worker{
		ID: strings.TrimSpace(d.ID), WID: e.Reference.id("WID"), Universal: d.Universal, User: d.User,
		First: d.Legal.First, Last: d.Legal.Last, PreferredName: d.Preferred.First, PreferredLast: d.Preferred.Last,
		Hired: dayOf(d.Status.Hired), FirstHired: dayOf(d.Status.FirstHired), Termination: dayOf(d.Status.Termination), LastDay: dayOf(d.Status.LastDay),
	}
	switch {
	case e.Reference.id(employee) != "":
		w.Kind, w.TypedID = employeeKind, employee+"="+e.Reference.id(employee)
	case e.Reference.id(contingent) != "":
		w.Kind, w.TypedID = contingentKind, contingent+"="+e.Reference.id(contingent)
	}
	for _, m := range d.Mails {
		for _, t := range m.Types {
			if w.Mail == "" && t.id("Communication_Usage_Type_ID") == "WORK" {
				w.Mail = m.Address
			}
		}
	}
	e.placed(w)
	w.stands(&d.Status, day)
	return w
}

// placed fills in where somebody belongs.
func (e *element) placed(w *worker) {
	for _, j := range e.Data.Jobs {
		if j.Primary.on() || len(e.Data.Jobs) == 1 {
			w.Title, w.Position, w.SubKind = j.Position.Business, j.Position.Title, j.Position.Kind.Descriptor
			w.Location, w.LocationID = j.Position.Site, j.Position.Location.id("Location_ID")
			if w.Location == "" {
				w.Location = j.Position.Location.Descriptor
			}
			break
		}
	}
	if len(e.Data.Chains) > 0 {
		if links := e.Data.Chains[0].Links; len(links) > 0 {
			m := links[len(links)-1].Manager
			if w.Manager = m.id(employee); w.Manager == "" {
				w.Manager = m.id(contingent)
			}
		}
	}
	for _, m := range e.Data.Belongs {
		kind := m.Organisation.Type.id("Organization_Type_ID")
		if _, there := w.Organisations[kind]; kind == "" || there {
			continue
		}
		if w.Organisations == nil {
			w.Organisations = map[string]organisation{}
		}
		o := organisation{ID: m.Organisation.ID, Code: m.Organisation.Code, Name: m.Organisation.Name}
		if o.Name == "" {
			o.Name = m.Reference.Descriptor
		}
		w.Organisations[kind] = o
	}
}

// stands fills in whether somebody works, as of a day. A contingent worker who does not, and
// was to before that day, does no more, called terminated or not; an employee may be on a
// leave that we may not see. Of terminations the last one is told, also of whoever was hired
// again behind it.
func (w *worker) stands(s *status, day string) {
	switch {
	case s.Terminated.on():
		w.Status = terminated
	case s.Active.on():
		w.Status = active
	case s.Active == "": // it is hidden from us
	case w.Hired == "" || w.Hired >= day:
		w.Status = notYet
	case w.Kind == contingentKind:
		w.Status = terminated
	default:
		w.Status = inactive
	}
	for _, l := range s.Leaves {
		if l.On.on() && (w.Status == active || w.Status == inactive) {
			w.Status, w.LeaveFrom = onLeave, dayOf(l.From)
			if w.LeaveTo = dayOf(l.Estimated); w.LeaveTo == "" {
				w.LeaveTo = dayOf(l.To)
			}
			if passed(w.LeaveTo, day) { // an estimate that did not hold, or the end of the leave before
				w.LeaveTo = ""
			}
		}
	}
	if w.Termination < w.Hired {
		w.Termination = ""
	}
	if w.LastDay < w.Hired {
		w.LastDay = ""
	}
	if w.Status == terminated && w.Termination == "" && w.LastDay == "" {
		w.NotTold = w.Hired
	}
}

// passed reports whether a day is over wherever people are, as of a day in UTC: the one before
// that is not, in the west. What is no day has not passed.
func passed(text, today string) bool {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return false
	}
	now, err := time.Parse(time.DateOnly, today)
	return err == nil && now.After(day.AddDate(0, 0, 1))
}

// key tells workers apart within a read.
func (w *worker) key() string {
	if w.TypedID != "" {
		return w.TypedID
	}
	return w.ID
}

// works reports whether somebody is employed, as of the day that the record is about.
func (w *worker) works() bool {
	return w.Status == active || w.Status == onLeave || w.Status == inactive
}

// fate is what is kept of a worker ahead: how they stand then, and of whoever starts behind
// today the whole record.
type fate struct {
	status, hired, termination, lastDay string
	text                                []byte // nil of whoever has started
}

// fateOf is a fate, as of today. Whoever has started and is not there today is not to come,
// but hidden from us, and stays so.
func fateOf(w *worker, today string) (f fate, err error) {
	f = fate{status: w.Status, hired: w.Hired, termination: w.Termination, lastDay: w.LastDay}
	if w.Hired > today {
		f.text, err = w.json()
	}
	return f, err
}

// over takes into the record of today what will be. Today counts for whoever works; of what
// lies ahead only how that employment ends. Another employment counts when nobody works
// today: so that whoever leaves and comes back within the time is not taken out before they
// go. instead says that the record ahead is the one.
func over(now *worker, ahead fate) (instead bool) {
	switch {
	case now.works():
		if ahead.status == terminated && ahead.hired == now.Hired {
			now.Termination, now.LastDay = ahead.termination, ahead.lastDay // a date that is not told is not made up before its time
		}
	case now.Status == terminated && ahead.hired <= now.Hired:
	default: // whoever is to come, or to come back
		return ahead.text != nil
	}
	return false
}

func (w *worker) json() ([]byte, error) { return json.Marshal(w, json.Deterministic(true)) }
