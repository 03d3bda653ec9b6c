// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// Dump is all that the application behind a server holds, in the order in which it came.
type Dump struct {
	Users  []DumpedUser
	Groups []DumpedGroup
}

// DumpedUser is a user as stored; an absent attribute is "", Active is nil when it was never sent.
type DumpedUser struct {
	ID, UserName, ExternalID, DisplayName, Title string
	GivenName, FamilyName                        string
	Active                                       *bool
	EmployeeNumber, Department                   string   // of the Enterprise extension
	Emails                                       []string // values, in order

	Raw json.RawMessage // all of it, for what has no field here
}

// DumpedGroup is a group as stored, with the ids of its members in the order in which they came.
type DumpedGroup struct {
	ID, DisplayName, ExternalID string
	Members                     []string
}

// Dump asks the side door for everything that is stored; no SCIM request is sent or counted.
func (s *ScimmyServer) Dump(t testing.TB) Dump {
	t.Helper()
	var raw struct {
		Users  []json.RawMessage `json:"users"`
		Groups []struct {
			ID          string            `json:"id"`
			DisplayName string            `json:"displayName"`
			ExternalID  string            `json:"externalId"`
			Members     []scimmyAttribute `json:"members"`
		} `json:"groups"`
	}
	s.ask(t, http.MethodGet, "/__dump", &raw)
	d := Dump{Users: make([]DumpedUser, 0, len(raw.Users)), Groups: make([]DumpedGroup, 0, len(raw.Groups))}
	for _, text := range raw.Users {
		u, err := parseUser(text)
		if err != nil {
			t.Fatalf("dump: %v in %s", err, text)
		}
		d.Users = append(d.Users, u)
	}
	for _, g := range raw.Groups {
		d.Groups = append(d.Groups, DumpedGroup{ID: g.ID, DisplayName: g.DisplayName, ExternalID: g.ExternalID, Members: values(g.Members)})
	}
	return d
}

type scimmyAttribute struct {
	Value string `json:"value"`
}

func values(list []scimmyAttribute) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, v.Value)
	}
	return out
}

func parseUser(text json.RawMessage) (DumpedUser, error) {
	var u struct {
		ID          string `json:"id"`
		UserName    string `json:"userName"`
		ExternalID  string `json:"externalId"`
		DisplayName string `json:"displayName"`
		Title       string `json:"title"`
		Active      *bool  `json:"active"`
		Name        struct {
			GivenName  string `json:"givenName"`
			FamilyName string `json:"familyName"`
		} `json:"name"`
		Emails     []scimmyAttribute `json:"emails"`
		Enterprise struct {
			EmployeeNumber string `json:"employeeNumber"`
			Department     string `json:"department"`
		} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	}
	if err := json.Unmarshal(text, &u); err != nil {
		return DumpedUser{}, err
	}
	return DumpedUser{
		ID: u.ID, UserName: u.UserName, ExternalID: u.ExternalID, DisplayName: u.DisplayName, Title: u.Title, Active: u.Active,
		GivenName: u.Name.GivenName, FamilyName: u.Name.FamilyName, Emails: values(u.Emails),
		EmployeeNumber: u.Enterprise.EmployeeNumber, Department: u.Enterprise.Department, Raw: text,
	}, nil
}

// Counts says how often each kind of request came. A kind is the method and the route: "POST /Users", "PATCH /Users/:id",
// "GET /Users/:id", "GET /Users?filter" (a look-up), "GET /Users" (a page of the list), the same for Groups, and
// "GET /ServiceProviderConfig" and its like. Requests that were refused count too.
type Counts map[string]int

// Total is the number of all requests.
func (c Counts) Total() int {
	n := 0
	for _, v := range c {
		n += v
	}
	return n
}

// Writes is the number of requests that could have changed something.
func (c Counts) Writes() int {
	n := 0
	for kind, v := range c {
		if !strings.HasPrefix(kind, "GET ") && !strings.HasSuffix(kind, "/.search") {
			n += v
		}
	}
	return n
}

// Counts returns the requests since the start, or since ResetCounts.
func (s *ScimmyServer) Counts(t testing.TB) Counts {
	t.Helper()
	c := Counts{}
	s.ask(t, http.MethodGet, "/__log", &c)
	return c
}

// ResetCounts sets all counts to zero; the request log goes on.
func (s *ScimmyServer) ResetCounts(t testing.TB) {
	t.Helper()
	s.ask(t, http.MethodPost, "/__reset-counts", nil)
}

// RequestLog returns every request so far, one JSON object a line with method, url and body, for asserting what never left
// the house. The server must have been started with LogRequests.
func (s *ScimmyServer) RequestLog(t testing.TB) []byte {
	t.Helper()
	if s.log == "" {
		t.Fatal("the server was started without LogRequests")
	}
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *ScimmyServer) ask(t testing.TB, method, path string, into any) {
	t.Helper()
	askSide(t, method, s.side+path, into)
}

func digest(data []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(data))[:16]
}
