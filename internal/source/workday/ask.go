// SPDX-License-Identifier: Apache-2.0

package workday

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"time"
)

// The namespaces of a message.
const (
	soapSpace     = "http://schemas.xmlsoap.org/soap/envelope/"
	securitySpace = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	passwordText  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText" //nolint:gosec // the name of a form, and no credential
	workdaySpace  = "urn:com.workday/bsvc"
)

// question is the envelope of a request.
type question struct {
	XMLName  xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Security security `xml:"http://schemas.xmlsoap.org/soap/envelope/ Header>Security"`
	Body     struct {
		Request request
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

type security struct {
	XMLName  xml.Name `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Security"`
	Must     string   `xml:"http://schemas.xmlsoap.org/soap/envelope/ mustUnderstand,attr"`
	User     string   `xml:"UsernameToken>Username"`
	Password password `xml:"UsernameToken>Password"`
}

type password struct {
	Type  string `xml:"Type,attr"`
	Value string `xml:",chardata"`
}

// request is a Get_Workers_Request. Its parts are of Workday's namespace as it is, and
// stand in the order of the schema.
type request struct {
	XMLName    xml.Name    `xml:"urn:com.workday/bsvc Get_Workers_Request"`
	Version    string      `xml:"urn:com.workday/bsvc version,attr"`
	References *references `xml:"Request_References"`
	Criteria   *criteria   `xml:"Request_Criteria"`
	Filter     filter      `xml:"Response_Filter"`
	Group      group       `xml:"Response_Group"`
}

// references ask for single workers. Whoever is not there is left out.
type references struct {
	Skip bool  `xml:"urn:com.workday/bsvc Skip_Non_Existing_Instances,attr"`
	Of   []ref `xml:"Worker_Reference"`
}

type ref struct {
	ID refID `xml:"ID"`
}

type refID struct {
	Type  string `xml:"urn:com.workday/bsvc type,attr"`
	Value string `xml:",chardata"`
}

type criteria struct {
	ExcludeInactive bool `xml:"Exclude_Inactive_Workers"`
}

// filter says as of when. Effective is a day; Entry is when what is told had been entered
// at the latest, so that all pages of a read tell the same.
type filter struct {
	Effective string `xml:"As_Of_Effective_Date"`
	Entry     string `xml:"As_Of_Entry_DateTime"`
	Page      int    `xml:"Page"`
	Count     int    `xml:"Count"`
}

// group is what is told of each worker: elements whose content is true or false.
type group []flag

type flag struct {
	name string
	on   bool
}

// MarshalXML implements xml.Marshaler.
func (g group) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, f := range g {
		if err := e.EncodeElement(f.on, xml.StartElement{Name: xml.Name{Local: f.name}}); err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}

// kindsOfOrganisation are those that Workday has by itself; they have these types in
// answers. Their order is that of the schema. Some are told unless they are excluded, the
// last ones in any case, as where their elements stand in the schema is not known.
var kindsOfOrganisation = []struct{ exclude, kind string }{
	{"Exclude_Location_Hierarchies", "LOCATION_HIERARCHY"},
	{"Exclude_Cost_Centers", "COST_CENTER"},
	{"Exclude_Cost_Center_Hierarchies", "COST_CENTER_HIERARCHY"},
	{"Exclude_Companies", "COMPANY"},
	{"Exclude_Company_Hierarchies", "COMPANY_HIERARCHY"},
	{"Exclude_Matrix_Organizations", "MATRIX"},
	{"Exclude_Pay_Groups", "PAY_GROUP"},
	{"Exclude_Regions", "REGION"},
	{"Exclude_Region_Hierarchies", "REGION_HIERARCHY"},
	{"Exclude_Supervisory_Organizations", "SUPERVISORY"},
	{"", "BUSINESS_UNIT"},
	{"", "BUSINESS_UNIT_HIERARCHY"},
	{"", "FUND"},
	{"", "GRANT"},
	{"", "GIFT"},
	{"", "PROGRAMS"},
}

// groupOf is what has to be told so that the members of a record at some paths are there.
// Status and dates always are: by them two records become one.
func groupOf(paths []string) group {
	var members, kinds []string
	for _, p := range paths {
		names := strings.FieldsFunc(p, func(c rune) bool { return c == '.' || c == '/' || c == '[' })
		if len(names) == 0 {
			continue
		}
		if members = append(members, names[0]); names[0] == organisations && len(names) > 1 {
			kinds = append(kinds, names[1])
		}
	}
	reads := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(members, n) })
	}
	g := group{
		{"Include_Reference", true},
		{"Include_Personal_Information", reads("first_name", "last_name", "preferred_first_name", "preferred_last_name", "work_email")},
		{"Include_Employment_Information", true},
		{"Include_Compensation", false},
		{"Include_Organizations", reads(organisations)},
		{"Exclude_Organization_Support_Role_Data", true},
	}
	if reads(organisations) {
		other := slices.Clone(kinds) // there are kinds of the tenant's own
		for _, k := range kindsOfOrganisation {
			if k.exclude != "" {
				g = append(g, flag{k.exclude, !slices.Contains(kinds, k.kind)})
			}
			other = slices.DeleteFunc(other, func(kind string) bool { return kind == k.kind })
		}
		g = append(g, flag{"Exclude_Teams", len(other) == 0}, flag{"Exclude_Custom_Organizations", len(other) == 0})
	}
	return append(g,
		flag{"Include_Roles", false},
		flag{"Include_Management_Chain_Data", reads("manager_id")},
		flag{"Include_Photo", false},
	)
}

// asOf is a day, and when what is told of it had been entered.
type asOf struct {
	day   string // 2026-11-30
	entry time.Time
}

// question is the text of a request: for a page of everybody, or for those with a
// reference. It holds the password.
func (f *Feed) question(at asOf, page int, of []ref) ([]byte, error) {
	user, err := f.c.User()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(user, "@") {
		return nil, errUser
	}
	secret, err := f.c.Password()
	if err != nil {
		return nil, err
	}
	var q question
	q.Security = security{Must: "1", User: user, Password: password{Type: passwordText, Value: secret}}
	q.Body.Request = request{
		Version: f.version,
		Filter:  filter{Effective: at.day, Entry: at.entry.UTC().Format("2006-01-02T15:04:05.000Z"), Page: page, Count: f.c.PageSize},
		Group:   f.group,
	}
	if of == nil {
		q.Body.Request.Criteria = &criteria{}
	} else {
		q.Body.Request.References = &references{Skip: true, Of: of}
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	err = xml.NewEncoder(&b).Encode(q)
	return b.Bytes(), err
}
