// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"net/http"
	"reflect"
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

	// What follows is for the apps of [QuirksOf].

	References map[string]string // by a constant of Refusal.Rule the address of the document that has it; "" for others
	Assumed    []string          // as in Offer, of both
	Users      Offer
	Groups     Offer
	Extensions []scim.Schema // of Users, besides the Enterprise one

	// Requests.
	Headers          map[string]string // that must be there; a value must be among the header's own
	HeaderStatus     int               // of a refusal for want of one; default 400
	ContentTypes     []string          // of bodies, others are refused with 415; none: SCIM's and JSON's
	IgnoreParameters []string          // of queries
	ConfigPath       string            // of ServiceProviderConfig; "" for the usual one
	NoExtras         bool              // no /Me, /Bulk and /.search: 404
	StrictPaths      bool              // a double slash in the address: 404
	PartialPut       bool              // a PUT leaves what it does not name as it is
	NoETag           bool              // no versions: If-Match means nothing

	// Pages.
	NoCursor    bool // pages by index only
	DefaultPage int  // resources on a page if the client names no count; 0: 100
	FirstPage   int  // resources in an answer without cursor; 0: as many as on any page
	ShortPages  bool // pages by cursor have fewer resources than there is room for
	Sample      bool // a list of users without filter is one made-up user, and nobody else
	NamelessOne bool // a list of users without filter has an entry with an empty userName

	// Effects.
	InactiveDeletes    bool              // active: false deletes the user
	InactiveHidesNames bool              // a user with active: false has another userName and other e-mails, until active again
	DeleteIsFinal      bool              // who was deleted can never be made again: 409
	LooseUserNames     bool              // userNames that differ in punctuation alone are the same: 409
	HideOutside        bool              // who was added by [App.Add] is not seen until a POST of the same userName, which is no conflict
	KeepLast           string            // the last user with this role stays: 403
	IDIsExternalID     bool              // a user's id is its externalId, and changes with it
	Constants          map[string]string // attributes of users that are always so
	Stamp              string            // attribute of users in which the app puts an id of its own

	// Answers.
	RateStatus      int    // of too many requests; default 429
	RateDetail      string // of that answer
	NoRetryAfter    bool   // that answer does not say when
	UnknownInFilter int    // status of a query for the groups of a member that is not there; 0: an empty list
	LowerListKey    bool   // the list is in "resources"
	SchemaTwice     bool   // errors have "schema" beside "schemas"
	FlatName        bool   // users have "name.formatted" beside "name"
	MembersShown    int    // members of a group in an answer; 0: all

	Claims map[string]bool // what ServiceProviderConfig says of its features, by name
}

func (q Quirks) rules() scimserver.Rules {
	r := scimserver.Rules{PatchNoContent: q.PatchNoContent, DeleteMeansDisable: q.DeleteDisables, PutOmittedKeeps: q.PartialPut}
	r.RemoveWithValueArray = q.Groups.Patch.ByValues
	r.IgnoreIDInValue = q.Groups.Patch.IgnoresID
	return r
}

// schemas are those that the app has and publishes.
func (q Quirks) schemas() (*scim.SchemaSet, error) {
	if !q.CaseSensitiveNames && len(q.Extensions) == 0 {
		return scim.CoreSchemas(), nil
	}
	list := scim.CoreSchemas().Schemas()
	list = append(list, q.Extensions...)
	for i, s := range list {
		if s.ID != scim.UserURN || !q.CaseSensitiveNames {
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

// types are the resource types that the app has and publishes.
func (q Quirks) types() []scim.ResourceType {
	var out []scim.ResourceType
	for _, t := range scim.CoreResourceTypes() {
		if q.offer(t.Name).None {
			continue
		}
		if t.Name == "User" {
			for _, x := range q.Extensions {
				t.SchemaExtensions = append(t.SchemaExtensions, scim.SchemaExtension{Schema: x.ID})
			}
		}
		out = append(out, t)
	}
	return out
}

// idle tells whether requests come to the handler as they are: there are no quirks,
// or only such as the store has.
func (q Quirks) idle() bool {
	q.MaxMembersPerPatch, q.MaxUserName, q.RequestsPerSecond, q.PageSize, q.IgnoreAttributes = 0, 0, 0, 0, nil
	q.Settle, q.PageDelay = 0, 0
	for _, of := range []*bool{
		&q.NeverReturnMembers, &q.IgnoreDeactivate, &q.IgnoreFilter, &q.NoPatch, &q.PatchNoContent, &q.AllowDuplicates,
		&q.DropExternalID, &q.LowerUserName, &q.DeleteDisables, &q.CaseSensitiveNames,
	} {
		*of = false
	}
	return reflect.ValueOf(q).IsZero()
}

// offer is what the app has of a type.
func (q *Quirks) offer(typ string) *Offer {
	if typ == "Group" {
		return &q.Groups
	}
	return &q.Users
}

// store is the world as the app's handler knows it.
func (q Quirks) store(w *world) scimserver.Store {
	if q.NoCursor {
		return struct{ scimserver.MemberStore }{w}
	}
	return w
}

// hidden are attributes that the app keeps and never shows.
func (q Quirks) hidden() []scim.Path {
	if q.NeverReturnMembers {
		return []scim.Path{{Attr: "members"}}
	}
	return nil
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
