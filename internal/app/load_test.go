// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

const file = `{"id":"x","name":"X","kind":"scim2"`

func parsed(t *testing.T, members string) app.Profile {
	t.Helper()
	p, err := app.ParseProfile([]byte(file + "," + members + "}"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What a file leaves open is plain SCIM, on the careful side.
func TestProfileOfNothing(t *testing.T) {
	t.Parallel()
	p := parsed(t, `"users":{"create":null}`)
	plain := app.Operations{Create: true, Patch: true, Get: true, List: true}
	if p.Users != plain || p.Groups != plain || !p.HasGroups() || p.CanDelete() {
		t.Errorf("%+v %+v", p.Users, p.Groups)
	}
	if p.Patch.Style != app.PatchStylePaths || p.Patch.OpCase != app.OpCaseLower || p.Patch.PathFilters != app.PathFiltersAny || p.Patch.Active != "" ||
		p.Patch.GroupRename != app.GroupRenamePlain || p.Patch.MemberAdd != app.MemberAddPath || p.Patch.MemberRemove != app.MemberRemoveFilter {
		t.Errorf("%+v", p.Patch)
	}
	if p.DeactivateBy != app.ByPatch || p.DeactivateLeaves != app.LeavesDisabled || p.DeleteLeaves != app.LeavesNothing {
		t.Errorf("%s %s %s", p.DeactivateBy, p.DeactivateLeaves, p.DeleteLeaves)
	}
	if !p.Filterable(app.KindUser, scim.MustPath("externalId")) || p.FiltersKnown(app.KindUser) {
		t.Error("filters of which nothing is known are not tried")
	}
}

// The words of profiles, and what they mean.
func TestProfileWords(t *testing.T) {
	t.Parallel()
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	needs := func(p app.Profile) string {
		var out []string
		for _, r := range p.Required {
			s := r.String()
			if !r.When.IsZero() {
				s += " when " + r.When.String()
			}
			out = append(out, s)
		}
		return strings.Join(out, ", ")
	}
	for name, tt := range map[string]struct {
		members string
		got     func(app.Profile) string
		want    string
	}{
		"no groups":           {`"groups":{"create":false,"replace":false,"patch":false,"delete":false,"get":false,"list":false}`, func(p app.Profile) string { return fmt.Sprint(p.HasGroups()) }, "false"},
		"no rename":           {`"groups":{"rename":false}`, func(p app.Profile) string { return fmt.Sprint(p.Groups.NoRename) }, "true"},
		"ids that are reused": {`"reuses_ids":true`, func(p app.Profile) string { return fmt.Sprint(p.ReusesIDs) }, "true"},
		"late lists":          {`"list_late":true`, func(p app.Profile) string { return fmt.Sprint(p.ListLate) }, "true"},
		"partial lists":       {`"list_partial":true`, func(p app.Profile) string { return fmt.Sprint(p.ListPartial) }, "true"},
		"PUT of parts":        {`"users":{"put_partial":true}`, func(p app.Profile) string { return fmt.Sprint(p.Users.PutPartial, p.Groups.PutPartial) }, "true false"},
		"out of reach":        {`"patch":{"group_paths":["members"]}`, func(p app.Profile) string { return fmt.Sprint(p.Groups.NoRename) }, "true"},
		"pages":               {`"pagination":"index (only after bundle 2026_03)"`, func(p app.Profile) string { return p.Pagination }, "index"},
		"reach":               {`"patch":{"allowed_paths":["externalId","active"],"user_paths":["enterprise extension"],"user_allowed":["active=false only (by path or pathless)"]}`, func(p app.Profile) string { return text(p.Patch.UserPaths) }, `["externalId","active","` + scim.EnterpriseUserURN + `","active"]`},
		"group paths":         {`"patch":{"group_paths":["members","externalId (no effect)"]}`, func(p app.Profile) string { return text(p.Patch.GroupPaths) }, `["members","externalId"]`},
		"filters in paths":    {`"patch":{"path_filter":"documented as ineffective"}`, func(p app.Profile) string { return string(p.Patch.PathFilters) }, "none"},
		"said precisely":      {`"patch":{"path_filter":"only [type eq \"work\"]","path_filters":"type"}`, func(p app.Profile) string { return string(p.Patch.PathFilters) }, "type"},
		"active":              {`"patch":{"active_false_shape":"op replace, value {active:false}"}`, func(p app.Profile) string { return string(p.Patch.Active) }, "pathless"},
		"rename":              {`"patch":{"group_rename":"op replace with value {id, displayName}"}`, func(p app.Profile) string { return string(p.Patch.GroupRename) }, "with_id"},
		"nested members":      {`"patch":{"member_add":"op add with a nested value object {members:[{value:id}]}"}`, func(p app.Profile) string { return string(p.Patch.MemberAdd) }, "pathless"},
		"own words":           {`"patch":{"member_add":"by carrier pigeon","member_add_style":"path"}`, func(p app.Profile) string { return string(p.Patch.MemberAdd) }, "path"},
		"a remark":            {`"patch":{"member_remove":"op remove, path members[value eq \"id\"] (Entra/Okta shape)"}`, func(p app.Profile) string { return string(p.Patch.MemberRemove) }, "filter"},
		"20 in, 1 out":        {`"patch":{"max_members":20,"max_remove_members":1,"members_single_op":true}`, func(p app.Profile) string { return fmt.Sprint(p.MembersAtOnce(true), p.MembersAtOnce(false)) }, "20 1"},
		"lists go at once":    {`"patch":{"max_members":50,"max_ops_per_request":2,"member_remove_style":"list"}`, func(p app.Profile) string { return fmt.Sprint(p.MembersAtOnce(true), p.MembersAtOnce(false)) }, "50 50"},
		"disabled":            {`"users":{"delete":true},"deactivate":{"preferred":"patch active=false","reversible":true}`, leaving, "patch disabled nothing true"},
		"or DELETE":           {`"users":{"delete":true},"deactivate":{"preferred":"patch active=false or DELETE","reversible":true}`, leaving, "patch disabled nothing true"},
		"DELETE disables":     {`"users":{"delete":true},"deactivate":{"preferred":"DELETE or patch active=false","reversible":true}`, leaving, "delete disabled disabled false"},
		"DELETE is the end":   {`"users":{"delete":true},"deactivate":{"preferred":"DELETE","reversible":false}`, leaving, "delete nothing nothing true"},
		"DELETE, no word":     {`"users":{"delete":true},"deactivate":{"preferred":"DELETE","reversible":null}`, leaving, "delete nothing nothing true"},
		"by DELETE":           {`"users":{"delete":true},"deactivate":{"preferred":"call them","by":"delete"}`, leaving, "delete nothing nothing true"},
		"DELETE leaves":       {`"users":{"delete":true},"deactivate":{"preferred":"DELETE","reversible":null,"leaves":"disabled"}`, leaving, "delete disabled disabled false"},
		"DELETE, its word":    {`"users":{"delete":true},"deactivate":{"preferred":"DELETE","delete_leaves":"disabled"}`, leaving, "delete disabled disabled false"},
		"PATCH, no word":      {`"users":{"delete":true},"deactivate":{"preferred":"patch active=false","reversible":null}`, leaving, "patch disabled nothing true"},
		"own words leave":     {`"users":{"delete":true},"deactivate":{"preferred":"call them","by":"patch","delete_leaves":"disabled"}`, leaving, "patch disabled disabled false"},
		"requirements": {
			`"required_attributes":["schemas","active","userName (e-mail)","displayName or name","emails or email","name.givenName and name.familyName when name is sent","groups: externalId, displayName","alias/nickname (unverified)","urn:…:User:mailNickname"]`, needs,
			"userName, displayName or name, emails or email, name.givenName when name, name.familyName when name",
		},
		"primary":     {`"required_attributes":["emails(value,type,primary)"],"flag_primary":["addresses"]`, func(p app.Profile) string { return text(p.FlagPrimary) }, `["emails","addresses"]`},
		"unsupported": {`"unsupported_attributes":["name (always N/A)","emails.display","manager.displayName","PUT","group rename","profile updates","guests"]`, func(p app.Profile) string { return text(p.Unsupported) }, `["name","emails.display","` + scim.EnterpriseUserURN + `:manager.displayName"]`},
		"bounds":      {`"limits":{"userName":20,"users_per_group":35000},"forbidden_characters":{"displayName":"@","userName":"<>"}`, func(p app.Profile) string { return text(p.Bounds) }, `[{"path":"displayName","forbidden":"@"},{"path":"userName","most":20,"forbidden":"\u003c\u003e"}]`},
		"throttle":    {`"rate_limit":{"status":[403,503],"headers":["X-RateLimit-*","X-Rate-Limit-Reset","X-Rate-Limit-Limit"],"codes":["quotaExceeded"],"error":"ThrottlingException"}`, func(p app.Profile) string { return text(p.Throttle) }, `{"statuses":[403,503],"headers":["X-RateLimit-","X-Rate-Limit-"],"words":["quotaExceeded","ThrottlingException"]}`},
		"extensions":  {`"extensions":[{"id":"urn:example:x","name":"X","attributes":[{"name":"nick","type":"string"}]}]`, func(p app.Profile) string { return p.Extensions[0].ID + " " + p.Extensions[0].Attributes[0].Name }, "urn:example:x nick"},
		"one status":  {`"rate_limit":{"status":429}`, func(p app.Profile) string { return fmt.Sprint(p.Throttle.Statuses) }, "[429]"},
		"lower case":  {`"lower_case":["userName","emails.value"]`, func(p app.Profile) string { return text(p.LowerCase) }, `["userName","emails.value"]`},
		"other kinds": {`"create_only_attributes":["name","emails"],"immutable_attributes":["userName"],"single_valued":["emails"]`, func(p app.Profile) string { return text([]app.Paths{p.CreateOnly, p.Immutable, p.SingleValued}) }, `[["name","emails"],["userName"],["emails"]]`},
	} {
		if got := tt.got(parsed(t, tt.members)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func leaving(p app.Profile) string {
	return fmt.Sprint(p.DeactivateBy, " ", p.DeactivateLeaves, " ", p.DeleteLeaves, " ", p.CanDelete())
}

func TestProfileFilters(t *testing.T) {
	t.Parallel()
	p := parsed(t, `"filters":[{"resource":"User","attrs":["userName","id+manager.value"],"ops":["eq"]},{"resource":"User","attrs":["externalId"],"ops":["ew"]}]`)
	for attribute, want := range map[string]bool{"userName": true, "USERNAME": true, "externalId": false, "manager.value": false} {
		if got := p.Filterable(app.KindUser, scim.MustPath(attribute)); got != want {
			t.Errorf("%s: %v", attribute, got)
		}
	}
	if !p.Filterable(app.KindGroup, scim.MustPath("displayName")) {
		t.Error("of groups nothing is known, and it is not tried")
	}
}

func TestPathsCover(t *testing.T) {
	t.Parallel()
	list := app.Paths{scim.MustPath("name"), scim.MustPath("emails.display"), {URN: scim.EnterpriseUserURN}}
	for path, want := range map[string]bool{
		"name": true, "NAME.familyName": true, "emails": false, "emails.display": true, `emails[type eq "work"].display`: true, "emails.value": false,
		scim.EnterpriseUserURN + ":department": true, scim.EnterpriseUserURN + ":manager.value": true, "department": false, "nameX": false,
	} {
		if got := list.Cover(scim.MustPath(path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// Whatever cannot be obeyed is not read past.
func TestProfileWordsRefused(t *testing.T) {
	t.Parallel()
	for members, say := range map[string]string{
		`"content_type":"text/xml"`:                                                                          "content_type",
		`"content_type":"application/json;charset=utf-8"`:                                                    "content_type",
		`"pagination":"link-header cursor"`:                                                                  "pagination",
		`"auth":{"required_headers":{"Accept":"whatever"}}`:                                                  "no media type",
		`"auth":{"required_headers":{"authorization":"Basic x"}}`:                                            "not the profile's to say",
		`"filters":[{"resource":"Users","attrs":["userName"],"ops":["eq"]}]`:                                 "no resource",
		`"filters":[{"resource":"User","attrs":["userName"],"ops":["equals"]}]`:                              "no operator",
		`"patch":{"style":"interpretive dance"}`:                                                             "patch.style",
		`"patch":{"op_case":"UPPER"}`:                                                                        "patch.op_case",
		`"patch":{"ops":["merge"]}`:                                                                          "no operation",
		`"patch":{"path_filters":"some"}`:                                                                    "patch.path_filters",
		`"patch":{"active_false_shape":"as you like"}`:                                                       "patch.active_style",
		`"patch":{"active_style":"object"}`:                                                                  "patch.active_style",
		`"patch":{"group_rename":"as you like"}`:                                                             "patch.group_rename_style",
		`"patch":{"member_add":"one by one"}`:                                                                "patch.member_add_style",
		`"patch":{"member_remove":"all at once"}`:                                                            "patch.member_remove_style",
		`"patch":{"member_remove":"op remove, path members","member_remove_style":"all"}`:                    "patch.member_remove_style",
		`"patch":{"allowed_paths":["profile updates"]}`:                                                      "no attribute",
		`"patch":{"kept_paths":["emails[type eq \"work\"]"]}`:                                                "no attribute",
		`"patch":{"pathless":false,"style":"object"}`:                                                        "patch.pathless",
		`"patch":{"max_remove_members":-1}`:                                                                  "negative",
		`"patch":{"max_members_put_post":-1}`:                                                                "negative",
		`"deactivate":{"preferred":"POST /lifecycle/deactivate"}`:                                            "deactivate.by",
		`"deactivate":{"by":"magic"}`:                                                                        "deactivate.by",
		`"deactivate":{"leaves":"dust"}`:                                                                     "deactivate.leaves",
		`"deactivate":{"preferred":"DELETE"}`:                                                                "which users do not have",
		`"deactivate":{"preferred":"patch active=false","reversible":false}`:                                 "say by: delete",
		`"users":{"delete":true},"deactivate":{"by":"delete","leaves":"disabled","delete_leaves":"nothing"}`: "differ",
		`"rate_limit":{"status":"429"}`:                                                                      "rate_limit.status",
		`"rate_limit":{"status":[200]}`:                                                                      "no refusal",
		`"rate_limit":{"headers":["Retry-After"]}`:                                                           "rate_limit.headers",
		`"required_attributes":["alias/nickname"]`:                                                           "no attribute",
		`"required_attributes":["userNam"]`:                                                                  "no schema",
		`"required_attributes":["name when there is one"]`:                                                   "no attribute",
		`"limits":{"userName":0}`:                                                                            "limits",
		`"limits":{"userNam":7}`:                                                                             "no schema",
		`"limits":{"users per group":7}`:                                                                     "no attribute",
		`"forbidden_characters":{"displayName":""}`:                                                          "has none",
		`"single_valued":["several e-mails"]`:                                                                "no attribute",
		`"create_only_attributes":["emails[type eq \"work\"]"]`:                                              "no attribute",
	} {
		_, err := app.ParseProfile([]byte(file + "," + members + "}"))
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", members, err, say)
		}
	}
	// Another interface than SCIM has words of its own.
	if _, err := app.ParseProfile([]byte(`{"id":"x","name":"X","kind":"rest","pagination":"odata nextLink","patch":{"ops":["merge"]},"deactivate":{"preferred":"set suspended=true"}}`)); err != nil {
		t.Error(err)
	}
}

// All mistakes of a file are told at once.
func TestProfileMistakesTogether(t *testing.T) {
	t.Parallel()
	_, err := app.ParseProfile([]byte(file + `,"pagination":"x","patch":{"style":"y"},"limits":{"z z":1}}`))
	for _, say := range []string{"pagination", "patch.style", "limits"} {
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v does not name %s", err, say)
		}
	}
}

func TestGenericDialectIsPlain(t *testing.T) {
	t.Parallel()
	p, err := app.ProfileByID("generic-scim2")
	if err != nil {
		t.Fatal(err)
	}
	if p.Patch.Style != app.PatchStylePaths || len(p.Patch.UserPaths) > 0 || p.Patch.PathFilters != app.PathFiltersAny || p.MembersAtOnce(false) != 100 ||
		p.DeactivateBy != app.ByPatch || !p.CanDelete() || len(p.Unsupported)+len(p.Bounds)+len(p.FlagPrimary)+len(p.SingleValued) > 0 ||
		!slices.Equal(p.Throttle.Statuses, []int{429}) {
		t.Errorf("%+v", p)
	}
}
