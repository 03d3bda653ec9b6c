// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0"
)

// TestCheckpoints holds how lists are read by from and take.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"": `{"members":[{"user_id":"a"},{"user_id":"b"}],"next":"n1"}`, "n1": `{"members":[],"next":"n2"}`, "n2": `{"members":[{"user_id":"c"}],"next":null}`,
	}
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("take") != "50" {
			t.Errorf("%s", r.URL)
		}
		answer(w, http.StatusOK, pages[r.URL.Query().Get("from")])
	})
	c := s.client(t)
	if ids, err := all(c.OrganizationMembers(t.Context(), "org_1")); err != nil || strings.Join(ids, " ") != "a b c" {
		t.Errorf("%q, %v", ids, err)
	}
	for name, spoil := range map[string]string{
		"to itself": `{"members":[],"next":"n2"}`, "twice": `{"members":[{"user_id":"a"}]}`, "no id": `{"members":[{}]}`,
		"no list": `{"users":[]}`, "odd next": `{"members":[],"next":5}`, "odd entry": `{"members":[5]}`, "text": `"x"`,
	} {
		pages["n2"] = spoil
		ids, err := all(c.OrganizationMembers(t.Context(), "org_1"))
		if e := failure(t, err); len(ids) < 2 {
			t.Errorf("%s: %q, %v", name, ids, e)
		}
	}
}

// TestMemberships holds what is sent and read of roles, organizations and groups.
func TestMemberships(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"GET /api/v2/roles?include_totals=true&page=0&per_page=50":                   `{"total":2,"roles":[{"id":"rol_1","name":"admin","description":"d"},{"id":"rol_2","name":"Admin"}]}`,
		"GET /api/v2/roles?include_totals=true&name_filter=Admin&page=0&per_page=50": `{"total":2,"roles":[{"id":"rol_1","name":"admin"},{"id":"rol_2","name":"Admin"}]}`,
		"GET /api/v2/roles?include_totals=true&name_filter=no&page=0&per_page=50":    `{"total":0,"roles":[]}`,
		"GET /api/v2/roles/rol_1":               `{"id":"rol_1","name":"admin"}`,
		"POST /api/v2/roles":                    `{"id":"rol_3","name":"new"}`,
		"PATCH /api/v2/roles/rol_3":             `{"id":"rol_3","name":"newer"}`,
		"GET /api/v2/roles/rol_1/users?take=50": `{"users":[{"user_id":"auth0|a","email":"x"}]}`,
		"GET /api/v2/users/auth0%7Ca/roles?include_totals=true&page=0&per_page=50":         `{"total":1,"roles":[{"id":"rol_1","name":"admin"}]}`,
		"GET /api/v2/organizations?take=50":                                                `{"organizations":[{"id":"org_1","name":"acme","display_name":"Acme","metadata":{"k":"v"}}]}`,
		"GET /api/v2/organizations/org_1":                                                  `{"id":"org_1","name":"acme"}`,
		"GET /api/v2/organizations/name/acme":                                              `{"id":"org_1","name":"acme"}`,
		"POST /api/v2/organizations":                                                       `{"id":"org_2","name":"new"}`,
		"PATCH /api/v2/organizations/org_2":                                                `{"id":"org_2","name":"new"}`,
		"GET /api/v2/users/auth0%7Ca/organizations?include_totals=true&page=0&per_page=50": `{"total":1,"organizations":[{"id":"org_1","name":"acme"}]}`,
		"GET /api/v2/groups?take=50":                                                       `{"groups":[{"id":"grp_1","name":"g","external_id":"x","connection_id":"con_1","type":"connection"}],"next":"n"}`,
		"GET /api/v2/groups?from=n&take=50":                                                `{"groups":[{"id":"grp_2","name":"h"}]}`,
		"GET /api/v2/groups/grp_1/members?take=50":                                         `{"members":[{"id":"auth0|a","member_type":"user"},{"id":"grp_2","member_type":"group"},{"id":"auth0|b"}]}`,
	}
	var bodies []string
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			text, _ := io.ReadAll(r.Body)
			bodies = append(bodies, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, text))
		}
		switch text, ok := answers[r.Method+" "+r.RequestURI]; {
		case ok:
			answer(w, http.StatusOK, text)
		case r.Method != http.MethodGet:
			w.WriteHeader(http.StatusNoContent)
		default:
			answer(w, http.StatusNotFound, `{"statusCode":404,"error":"Not Found","message":"no `+r.Method+" "+r.RequestURI+`"}`)
		}
	})
	c, ctx := s.client(t), t.Context()
	same := func(got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	admin, acme := auth0.Role{ID: "rol_1", Name: "admin"}, auth0.Organization{ID: "org_1", Name: "acme"}
	roles, err := all(c.Roles(ctx))
	same(roles, err, []auth0.Role{{ID: "rol_1", Name: "admin", Description: "d"}, {ID: "rol_2", Name: "Admin"}})
	r, err := c.Role(ctx, "rol_1")
	same(r, err, admin)
	r, ok, err := c.RoleByName(ctx, "Admin")
	same(r, err, auth0.Role{ID: "rol_2", Name: "Admin"})
	_, no, err := c.RoleByName(ctx, "no")
	same([]bool{ok, no}, err, []bool{true, false})
	r, err = c.CreateRole(ctx, auth0.Role{Name: "new"})
	same(r, err, auth0.Role{ID: "rol_3", Name: "new"})
	r, err = c.UpdateRole(ctx, auth0.Role{ID: "rol_3", Name: "newer", Description: "d"})
	same(r, err, auth0.Role{ID: "rol_3", Name: "newer"})
	ids, err := all(c.RoleUsers(ctx, "rol_1"))
	same(ids, err, []string{"auth0|a"})
	roles, err = all(c.UserRoles(ctx, "auth0|a"))
	same(roles, err, []auth0.Role{admin})
	same(nil, errors.Join(c.AssignRole(ctx, "rol_1", []string{"auth0|a", "auth0|b"}), c.UnassignRoles(ctx, "auth0|a", []string{"rol_1"}), c.AssignRole(ctx, "rol_1", nil), c.DeleteRole(ctx, "rol_3")), nil)

	list, err := all(c.Organizations(ctx))
	same(list, err, []auth0.Organization{{ID: "org_1", Name: "acme", DisplayName: "Acme", Metadata: map[string]string{"k": "v"}}})
	o, err := c.Organization(ctx, "org_1")
	same(o, err, acme)
	o, ok, err = c.OrganizationByName(ctx, "acme")
	same(o, err, acme)
	_, no, err = c.OrganizationByName(ctx, "no")
	same([]bool{ok, no}, err, []bool{true, false})
	_, err = c.CreateOrganization(ctx, auth0.Organization{Name: "new", DisplayName: "New", Metadata: map[string]string{"a": "b"}})
	same(nil, err, nil)
	_, err = c.UpdateOrganization(ctx, auth0.Organization{ID: "org_2", DisplayName: "Newer"})
	same(nil, err, nil)
	list, err = all(c.UserOrganizations(ctx, "auth0|a"))
	same(list, err, []auth0.Organization{acme})
	same(nil, errors.Join(c.AddOrganizationMembers(ctx, "org_1", []string{"auth0|a"}), c.RemoveOrganizationMembers(ctx, "org_1", []string{"auth0|a"}), c.DeleteOrganization(ctx, "org_2")), nil)

	groups, err := all(c.Groups(ctx))
	same(groups, err, []auth0.Group{{ID: "grp_1", Name: "g", ExternalID: "x", ConnectionID: "con_1", Type: "connection"}, {ID: "grp_2", Name: "h"}})
	ids, err = all(c.GroupMembers(ctx, "grp_1"))
	same(ids, err, []string{"auth0|a", "auth0|b"})
	same(bodies, nil, []string{
		`POST /api/v2/roles {"name":"new"}`, `PATCH /api/v2/roles/rol_3 {"description":"d","name":"newer"}`,
		`POST /api/v2/roles/rol_1/users {"users":["auth0|a","auth0|b"]}`, `DELETE /api/v2/users/auth0|a/roles {"roles":["rol_1"]}`,
		`POST /api/v2/organizations {"display_name":"New","metadata":{"a":"b"},"name":"new"}`, `PATCH /api/v2/organizations/org_2 {"display_name":"Newer"}`,
		`POST /api/v2/organizations/org_1/members {"members":["auth0|a"]}`, `DELETE /api/v2/organizations/org_1/members {"members":["auth0|a"]}`,
	})
}

// TestDeliveries holds that failed deliveries are all listed, whether the next page
// begins at the last one or behind it.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	for _, inclusive := range []bool{true, false} {
		s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusAccepted)
				return
			}
			q := r.URL.Query()
			if q.Get("statuses") != "failed" || q.Get("take") != "50" || q.Get("date_from") != "2026-03-04T05:06:07Z" {
				t.Errorf("%v", q)
			}
			first := 0
			if q.Has("from") {
				if _, err := fmt.Sscanf(q.Get("from"), "evt_%d", &first); err != nil {
					t.Error(err)
				}
				if !inclusive {
					first++
				}
			}
			var list []string
			for n := first; n < min(first+50, 120); n++ {
				list = append(list, fmt.Sprintf(`{"id":"evt_%d","event_stream_id":"est_1","status":"failed","event_type":"user.created","attempts":[]}`, n))
			}
			answer(w, http.StatusOK, "["+strings.Join(list, ",")+"]")
		})
		c := s.client(t)
		list, err := all(c.FailedDeliveries(t.Context(), "est_1", time.Date(2026, 3, 4, 5, 6, 7, 999, time.UTC)))
		if err != nil || len(list) != 120 || list[119] != (auth0.Delivery{EventID: "evt_119", EventType: "user.created", Status: "failed"}) {
			t.Errorf("%d, %v", len(list), err)
		}
		if err := c.Redeliver(t.Context(), "est_1", []string{"evt_1", "evt_2"}); err != nil {
			t.Error(err)
		}
		got := s.requests()
		if want := []string{"POST /api/v2/event-streams/est_1/redeliver/evt_1", "POST /api/v2/event-streams/est_1/redeliver/evt_2"}; !reflect.DeepEqual(got[len(got)-2:], want) {
			t.Errorf("%q", got)
		}
	}
}

// TestDeliveriesEndless holds that a list that leads to itself is not read for ever.
func TestDeliveriesEndless(t *testing.T) {
	t.Parallel()
	var list []string
	for n := range 50 {
		list = append(list, fmt.Sprintf(`{"id":"evt_%d","status":"failed"}`, n))
	}
	s := newTenant(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "["+strings.Join(list, ",")+"]")
	})
	got, err := all(s.client(t).FailedDeliveries(t.Context(), "est_1", time.Time{}))
	if !errors.Is(err, auth0.ErrIncomplete) || len(got) != 50 {
		t.Errorf("%d, %v", len(got), err)
	}
}
