// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"net/http"
	"testing"
)

// WorkdayRaaS is a tenant with a custom report of all workers that is a web service.
// Facts: https://docs.workato.com/connectors/workday/workday_raas, November 2026.
type WorkdayRaaS struct {
	System

	// Offsets has dates told with an offset, as the XML of reports has them.
	Offsets bool
	// Universal are ids of humans, which all their workers have, by the workers' ids.
	Universal      map[string]string
	user, password string
}

// WorkdayReport is where the report is, behind URL.
const WorkdayReport = "/ccx/service/customreport2/acme/report_owner/Usher_Workers"

// NewWorkdayRaaS starts one with an integration system user.
func NewWorkdayRaaS(t testing.TB, user, password string) *WorkdayRaaS {
	t.Helper()
	r := &WorkdayRaaS{user: user, password: password}
	r.start(t, r.serve)
	return r
}

func (s *WorkdayRaaS) serve(w http.ResponseWriter, r *http.Request) {
	user, password, ok := r.BasicAuth()
	switch {
	case !ok || user != s.user || password != s.password:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path != WorkdayReport || r.Method != http.MethodGet:
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Query().Get("format") != "json": // it is XML then
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write([]byte(`<?xml version="1.0"?><wd:Report_Data xmlns:wd="urn:com.workday.report/Usher_Workers"/>`))
	default:
		rows := []map[string]any{}
		for _, p := range s.workers {
			rows = append(rows, s.row(p))
		}
		s.answer(w, map[string]any{"Report_Entry": rows})
	}
}

// row has no member for what is empty; columns of a business object that there may be
// several of are grouped.
func (s *WorkdayRaaS) row(p Worker) map[string]any {
	day := func(d string) string {
		if d != "" && s.Offsets {
			d += "-08:00"
		}
		return d
	}
	status := "Active"
	if p.End() != "" && p.End() < s.today {
		status = "Terminated"
	}
	row := map[string]any{}
	for name, v := range map[string]string{
		"worker_id": p.ID, "employee_id": p.Number, "first_name": p.First, "preferred_name": p.Preferred, "last_name": p.Last, "work_email": p.Email,
		"status": status, "worker_type": p.Jobs[0].Kind, "start_date": day(p.Start()), "end_date": day(p.End()), "last_day_of_work": day(p.End()),
		"department": p.Jobs[0].Department, "title": p.Jobs[0].Title, "location": p.Location, "time_zone": p.Zone, "manager_employee_id": p.Manager,
		"leave_start_date": day(p.LeaveFrom), "leave_end_date": day(p.LeaveTo), "universal_id": s.Universal[p.ID],
	} {
		if v != "" {
			row[name] = v
		}
	}
	if len(p.Jobs) > 1 {
		var more []map[string]string
		for _, j := range p.Jobs[1:] {
			more = append(more, map[string]string{"job_title": j.Title, "supervisory_organization": j.Department})
		}
		row["additional_jobs_group"] = more
	}
	return row
}
