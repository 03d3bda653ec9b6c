// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"net/http"
	"slices"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// Quirks make an app differ from plain SCIM 2.0. The zero value is a sound app.
type Quirks struct {
	MaxMembersPerPatch int           // more members in one PATCH are refused with 413; 0: no limit
	NeverReturnMembers bool          // members are kept and never shown (AWS)
	MaxUserName        int           // longer ones are refused with 400; 0: no limit
	RequestsPerSecond  int           // more are answered with 429 and Retry-After; 0: no limit
	IgnoreAttributes   []string      // paths that are accepted and not kept, such as the Enterprise department
	IgnoreDeactivate   bool          // active: false is answered with success and not done
	IgnoreFilter       bool          // every query returns everybody
	IgnoreStartIndex   bool          // every page is the first
	NoPatch            bool          // PATCH is answered with 405
	PatchNoContent     bool          // PATCH is answered with 204
	AllowDuplicates    bool          // a userName may be there twice
	DropExternalID     bool          // externalId is not kept
	LowerUserName      bool          // userName is kept in lower case
	DeleteDisables     bool          // DELETE of a user sets active to false
	Settle             time.Duration // a new resource is not found by queries for so long
	PageSize           int           // most resources on a page; 0: 1,000
	PageDelay          time.Duration // before each page of a query
	CaseSensitiveNames bool          // "Ann" and "ann" are two userNames
}

func (q Quirks) rules() scimserver.Rules {
	return scimserver.Rules{PatchNoContent: q.PatchNoContent, DeleteMeansDisable: q.DeleteDisables}
}

// schemas are those that the app has and publishes.
func (q Quirks) schemas() (*scim.SchemaSet, error) {
	if !q.CaseSensitiveNames {
		return scim.CoreSchemas(), nil
	}
	list := scim.CoreSchemas().Schemas()
	for i, s := range list {
		if s.ID != scim.UserURN {
			continue
		}
		list[i].Attributes = slices.Clone(s.Attributes)
		for j := range list[i].Attributes {
			if a := &list[i].Attributes[j]; a.Name == "userName" {
				a.CaseExact = true
			}
		}
	}
	return scim.NewSchemaSet(list...)
}

// hidden are attributes that the app keeps and never shows.
func (q Quirks) hidden() []scim.Path {
	if q.NeverReturnMembers {
		return []scim.Path{{Attr: "members"}}
	}
	return nil
}

// bend makes a request look like what the app understands of it.
func (q Quirks) bend(r *http.Request) {
	if q.IgnoreStartIndex && r.Method == http.MethodGet {
		firstPage(r)
	}
}

// firstPage makes a request for a page one for the first page.
func firstPage(r *http.Request) {
	params := r.URL.Query()
	params.Del("startIndex")
	if params.Has("cursor") {
		params.Set("cursor", "")
	}
	r.URL.RawQuery = params.Encode()
}
