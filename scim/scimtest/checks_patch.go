// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// checksOfPatch are those of RFC 7644 §3.5.2.
func checksOfPatch() []Check {
	all := slices.Concat(patchInGeneral(), patchAdds(), patchRemoves(), patchReplaces())
	for i, c := range all {
		all[i].Run = func(ctx context.Context, s *Session) Outcome {
			patchSupported(s)
			return c.Run(ctx, s)
		}
	}
	return all
}

func patchInGeneral() []Check {
	return []Check{
		{"7644-3.5.2-05", "an op that is none of the three is refused with 400", patchUnknownOp},
		{"7644-3.5.2-06", "an op in other letter case, if it is taken, does what it says", patchOpCase},
		{"7644-3.5.2-08", "a path outside of the grammar is refused with 400", patchBadPath},
		{"7644-3.5.2-09", "a path to an attribute that nobody defined is refused with 400", patchUnknownPath},
		{"7644-3.5.2-10", "an index in a path is refused with 400", patchIndex},
		{"7644-3.5.2-11", "a value of another type than the schema's is refused", patchWrongType},
		{"7644-3.5.2-14", "a change of what is readOnly is answered with an error message", patchReadOnlyError},
		{"7644-3.5.2-15", "an operation can change what an earlier one brought by an extension", patchExtensionTwice},
		{"7644-3.5.2-16", "a first attribute of an extension brings its URN into schemas", patchBringsURN},
		{"7644-3.5.2-17", "operations are applied in their order", patchInOrder},
		{"7644-3.5.2-18", "a new primary takes the place of the old one", patchPrimary},
		{"7644-3.5.2-19", "of operations of which one fails, none is applied", patchAtomic},
		{"7644-3.5.2-20", "after a PATCH that failed the resource is as it was", patchRestores},
		{"7644-3.5.2-21", "a PATCH that fails is answered with an error message", patchError},
		{"7644-3.5.2-22", "a PATCH is answered with 200 and the resource, or with 204 and nothing", patchAnswer},
		{"7644-3.5.2-23", "a PATCH that asks for attributes is answered with 200 and them", patchAttributes},
		{"7644-3.5.2-25", "a PATCH of an unknown id is answered with 404", patchNobody},
	}
}

func patchAdds() []Check {
	return []Check{
		{"7644-3.5.2.1-02", "add without path merges its value into the resource", addMerges},
		{"7644-3.5.2.1-03", "add of a text to a complex attribute is refused", addTextToComplex},
		{"7644-3.5.2.1-04", "add to a complex attribute keeps what it does not name", addKeepsOthers},
		{"7644-3.5.2.1-05", "add to a list appends, be it one value or several", addAppends},
		{"7644-3.5.2.1-06", "add to a single value replaces it", addReplaces},
		{"7644-3.5.2.1-07", "add of what is there already makes no second one", addTwice},
		{"7644-3.5.2.1-08", "add of what is there already leaves lastModified alone", addTwiceUnmodified},
		{"7644-3.5.2.1-09", "add to an element that no filter finds makes it or is refused", addToNothing},
	}
}

func patchRemoves() []Check {
	return []Check{
		{"7644-3.5.2.2-01", "remove without path is refused with 400 noTarget", removeWithoutPath},
		{"7644-3.5.2.2-02", "remove of a single value leaves none", removeSingle},
		{"7644-3.5.2.2-03", "remove of a list leaves none of its values", removeList},
		{"7644-3.5.2.2-04", "remove by a filter takes what it matches and nothing else", removeMatches},
		{"7644-3.5.2.2-05", "remove of the last value leaves the attribute unassigned", removeLast},
		{"7644-3.5.2.2-06", "remove of a sub-attribute by a filter leaves other elements alone", removeSub},
		{"7644-3.5.2.2-07", "remove of what is required or readOnly is refused with 400 mutability", removeFixed},
		{"7644-3.5.2.2-08", "remove of who is no member succeeds and changes nothing", removeNobody},
		{"7644-3.5.2.2-09", "remove with a list of values, if it is taken, takes only these", removeValues},
	}
}

func patchReplaces() []Check {
	return []Check{
		{"7644-3.5.2.3-02", "replace of a single value sets it", replaceSingle},
		{"7644-3.5.2.3-03", "replace of a list replaces all its values", replaceList},
		{"7644-3.5.2.3-04", "replace of what is unassigned sets it", replaceUnassigned},
		{"7644-3.5.2.3-05", "replace of a complex attribute keeps what it does not name", replaceKeepsOthers},
		{"7644-3.5.2.3-06", "replace by a filter replaces every element that it matches", replaceMatches},
		{"7644-3.5.2.3-07", "replace of a sub-attribute by a filter sets it in every match", replaceSub},
		{"7644-3.5.2.3-08", "replace by a filter that matches nothing is refused with 400 noTarget", replaceNothing},
	}
}

// patchSupported ends a check if there is no PATCH.
func patchSupported(s *Session) {
	if !s.supports("patch") {
		must(notApplicable("ServiceProviderConfig says that there is no PATCH"))
	}
}

// patchUser sends operations for a User.
func patchUser(ctx context.Context, s *Session, u *scim.Resource, ops ...string) *Exchange {
	return s.Do(ctx, http.MethodPatch, writingUser(u), patchBody(ops...))
}

// patched applies operations to a User, which must succeed, and reads what it is then.
func patched(ctx context.Context, s *Session, u *scim.Resource, ops ...string) (*scim.Resource, *Exchange) {
	if e := patchUser(ctx, s, u, ops...); !writingOK(e) {
		must(failed(e, "the PATCH was refused"))
	}
	return writingSee(ctx, s, writingUser(u))
}

// patchEach are the texts that elements of a list have at a sub-attribute, sorted;
// elements without it count as "".
func patchEach(r *scim.Resource, attribute, sub string) []string {
	var out []string
	for _, o := range patchElements(r, attribute) {
		v, _ := o.Get(sub)
		text, _ := v.AsString()
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// patchOf is like patchEach, of elements of one type only.
func patchOf(r *scim.Resource, attribute, kind, sub string) []string {
	var out []string
	for _, o := range patchElements(r, attribute) {
		if v, _ := o.Get("type"); !v.Equal(scim.String(kind)) {
			continue
		}
		v, _ := o.Get(sub)
		text, _ := v.AsString()
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

func patchElements(r *scim.Resource, attribute string) []scim.Object {
	v, _ := r.At(scim.MustPath(attribute))
	list, ok := v.AsList()
	if !ok {
		list = []scim.Value{v}
	}
	var out []scim.Object
	for _, v := range list {
		if o, ok := v.AsComplex(); ok {
			out = append(out, o)
		}
	}
	return out
}

// patchUnassigned tells whether a resource has nothing at a path.
func patchUnassigned(r *scim.Resource, path string) bool {
	v, ok := r.At(scim.MustPath(path))
	return !ok || v.IsUnassigned()
}

// patchMail is an email address of a name.
func patchMail(name string) string { return name + "@mail.example" }

// patchMails makes a User with an address for each type, and tells the addresses.
func patchMails(ctx context.Context, s *Session, types ...string) (*scim.Resource, []string) {
	writingNeeds(s, "emails", "emails.value", "emails.type")
	var list, mails []string
	for _, t := range types {
		m := patchMail(s.name(t))
		mails = append(mails, m)
		list = append(list, patchElement(m, t))
	}
	return s.user(ctx, `"emails":[`+strings.Join(list, ",")+`]`), mails
}

func patchElement(mail, kind string) string {
	return `{"type":` + quoted(kind) + `,"value":` + quoted(mail) + `}`
}

// patchAddresses makes a User with three places of abode: two at work, one at home.
func patchAddresses(ctx context.Context, s *Session) *scim.Resource {
	writingNeeds(s, "addresses", "addresses.type", "addresses.locality", "addresses.postalCode")
	u := s.user(ctx, `"addresses":[{"type":"work","locality":"Aa","postalCode":"1"},{"type":"work","locality":"Bb","postalCode":"2"},{"type":"home","locality":"Cc","postalCode":"3"}]`)
	if r, _ := writingSee(ctx, s, writingUser(u)); !slices.Equal(patchOf(r, "addresses", "work", "locality"), []string{"Aa", "Bb"}) {
		must(notApplicable("a user cannot have two addresses of one type here"))
	}
	return u
}

// patchExtension ends a check if Users have no employeeNumber, and is its path.
func patchExtension(s *Session) string {
	has := slices.ContainsFunc(s.Types, func(t scim.ResourceType) bool {
		return strings.EqualFold(t.Endpoint, "/Users") && slices.ContainsFunc(t.SchemaExtensions, func(x scim.SchemaExtension) bool {
			return strings.EqualFold(x.Schema, scim.EnterpriseUserURN)
		})
	})
	if !has || !writingPlain(s.attribute(scim.EnterpriseUserURN, "employeeNumber")) {
		must(notApplicable("Users have no employeeNumber that can be written"))
	}
	return scim.EnterpriseUserURN + ":employeeNumber"
}

// patchMessage is whether an answer is a refusal with an error message.
func patchMessage(e *Exchange) Outcome {
	if e.Status < 400 {
		return failed(e, "not refused")
	}
	if r := e.Resource(); r == nil || e.Error() == nil || !r.HasSchema(scim.ErrorURN) {
		return failed(e, "the answer is no SCIM error message")
	}
	return passed()
}

// patchBroken sends a PATCH that first sets userName, which is fine, and then does what
// must fail. A check ends if nothing fails here.
func patchBroken(ctx context.Context, s *Session) (before *Exchange, u *scim.Resource, e *Exchange) {
	for _, op := range []string{
		`{"op":"replace","path":"emails[type eq \"other\"].value","value":"nobody@mail.example"}`,
		`{"op":"remove","path":"userName"}`,
		`{"op":"replace","path":"no-such-attribute","value":"x"}`,
	} {
		u = s.user(ctx)
		_, before = writingSee(ctx, s, writingUser(u))
		e = patchUser(ctx, s, u, `{"op":"replace","path":"userName","value":`+quoted(s.name("renamed"))+`}`, op)
		if e.Status >= 400 {
			return before, u, e
		}
	}
	must(notApplicable("nothing that was tried is refused"))
	return nil, nil, nil
}

func patchUnknownOp(ctx context.Context, s *Session) Outcome {
	e := patchUser(ctx, s, s.user(ctx), `{"op":"move","path":"userName","value":`+quoted(s.name("user"))+`}`)
	return writingRefused(e, http.StatusBadRequest, scim.InvalidSyntax, scim.InvalidValue, "")
}

func patchOpCase(ctx context.Context, s *Session) Outcome {
	u, name := s.user(ctx), s.name("user")
	e := patchUser(ctx, s, u, `{"op":"Replace","path":"userName","value":`+quoted(name)+`}`)
	if !writingOK(e) {
		return notApplicable("it is not taken")
	}
	if r, back := writingSee(ctx, s, writingUser(u)); !strings.EqualFold(r.UserName(), name) {
		return failed(back, "taken, and not done")
	}
	return passed()
}

func patchBadPath(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	for _, path := range []string{`emails[type eq "work"`, `name.`, `user Name`} {
		e := patchUser(ctx, s, u, `{"op":"replace","path":`+quoted(path)+`,"value":"x"}`)
		if o := writingRefused(e, http.StatusBadRequest, scim.InvalidPath, scim.InvalidFilter, ""); o.Verdict != Pass {
			return o
		}
	}
	return passed()
}

func patchUnknownPath(ctx context.Context, s *Session) Outcome {
	e := patchUser(ctx, s, s.user(ctx), `{"op":"replace","path":"noSuchAttribute","value":"x"}`)
	return writingRefused(e, http.StatusBadRequest, scim.InvalidPath, scim.NoTarget, "")
}

func patchIndex(ctx context.Context, s *Session) Outcome {
	u, _ := patchMails(ctx, s, "work")
	return writingRefused(patchUser(ctx, s, u, `{"op":"replace","path":"emails[0]","value":`+patchElement(patchMail(s.name("other")), "work")+`}`), http.StatusBadRequest)
}

func patchWrongType(ctx context.Context, s *Session) Outcome {
	e := patchUser(ctx, s, s.user(ctx), `{"op":"replace","path":"userName","value":{"formatted":"x"}}`)
	if e.Status < 400 || e.Status >= 500 {
		return failed(e, "an object for a text was not refused")
	}
	return passed()
}

func patchReadOnlyError(ctx context.Context, s *Session) Outcome {
	return patchMessage(patchUser(ctx, s, s.user(ctx), `{"op":"replace","path":"id","value":"chosen-by-the-client"}`))
}

func patchExtensionTwice(ctx context.Context, s *Session) Outcome {
	path := patchExtension(s)
	one, two := s.name("number"), s.name("number")
	r, back := patched(ctx, s, s.user(ctx),
		`{"op":"add","path":`+quoted(path)+`,"value":`+quoted(one)+`}`, `{"op":"replace","path":`+quoted(path)+`,"value":`+quoted(two)+`}`)
	if at(r, path) != quoted(two) {
		return failed(back, "the second operation did not change what the first brought")
	}
	return passed()
}

func patchBringsURN(ctx context.Context, s *Session) Outcome {
	path := patchExtension(s)
	r, back := patched(ctx, s, s.user(ctx), `{"op":"add","path":`+quoted(path)+`,"value":`+quoted(s.name("number"))+`}`)
	if !r.HasSchema(scim.EnterpriseUserURN) {
		return failed(back, "schemas lacks the extension")
	}
	return passed()
}

func patchInOrder(ctx context.Context, s *Session) Outcome {
	one, two := s.name("user"), s.name("user")
	r, back := patched(ctx, s, s.user(ctx),
		`{"op":"replace","path":"userName","value":`+quoted(one)+`}`, `{"op":"replace","path":"userName","value":`+quoted(two)+`}`)
	if !strings.EqualFold(r.UserName(), two) {
		return failed(back, "the last operation did not have the last word")
	}
	return passed()
}

func patchPrimary(ctx context.Context, s *Session) Outcome {
	writingNeeds(s, "emails", "emails.value", "emails.primary")
	old, fresh := patchMail(s.name("old")), patchMail(s.name("new"))
	u := s.user(ctx, `"emails":[{"type":"work","primary":true,"value":`+quoted(old)+`}]`)
	r, back := patched(ctx, s, u, `{"op":"add","path":"emails","value":[{"type":"home","primary":true,"value":`+quoted(fresh)+`}]}`)
	var primary []string
	for _, o := range patchElements(r, "emails") {
		v, _ := o.Get("primary")
		if on, _ := v.AsBool(); on {
			v, _ = o.Get("value")
			text, _ := v.AsString()
			primary = append(primary, text)
		}
	}
	if !slices.Equal(primary, []string{fresh}) {
		return failed(back, "primary are %q, and not the new one alone", primary)
	}
	return passed()
}

func patchAtomic(ctx context.Context, s *Session) Outcome {
	_, u, _ := patchBroken(ctx, s)
	if r, back := writingSee(ctx, s, writingUser(u)); r.UserName() != u.UserName() {
		return failed(back, "the operation before the one that failed has been applied")
	}
	return passed()
}

func patchRestores(ctx context.Context, s *Session) Outcome {
	before, u, _ := patchBroken(ctx, s)
	_, after := writingSee(ctx, s, writingUser(u))
	if !reflect.DeepEqual(before.JSON(), after.JSON()) {
		return failed(after, "it was %s", short(string(before.Body)))
	}
	return passed()
}

func patchError(ctx context.Context, s *Session) Outcome {
	_, _, e := patchBroken(ctx, s)
	return patchMessage(e)
}

func patchAnswer(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	e := patchUser(ctx, s, u, `{"op":"replace","path":"userName","value":`+quoted(s.name("user"))+`}`)
	switch r := e.Resource(); e.Status {
	case http.StatusOK:
		if r == nil || r.ID() != u.ID() {
			return failed(e, "200 without the resource")
		}
	case http.StatusNoContent:
		if len(bytes.TrimSpace(e.Body)) > 0 {
			return failed(e, "204 with a body")
		}
	default:
		return failed(e, "neither 200 nor 204")
	}
	return passed()
}

func patchAttributes(ctx context.Context, s *Session) Outcome {
	u, name := s.user(ctx), s.name("user")
	e := s.Do(ctx, http.MethodPatch, query(writingUser(u), "attributes", "userName"), patchBody(`{"op":"replace","path":"userName","value":`+quoted(name)+`}`))
	if r := e.Resource(); e.Status != http.StatusOK || r == nil || !strings.EqualFold(r.UserName(), name) {
		return failed(e, "not 200 with the attribute that was asked for")
	}
	return passed()
}

func patchNobody(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodPatch, "/Users/"+s.name("nobody"), patchBody(`{"op":"replace","path":"userName","value":`+quoted(s.name("user"))+`}`))
	return writingRefused(e, http.StatusNotFound)
}

func addMerges(ctx context.Context, s *Session) Outcome {
	writingNeeds(s, "nickName")
	u, mails := patchMails(ctx, s, "work")
	mails = append(mails, patchMail(s.name("home")))
	r, back := patched(ctx, s, u, `{"op":"add","value":{"nickName":"Nick","emails":[`+patchElement(mails[1], "home")+`]}}`)
	slices.Sort(mails)
	if at(r, "nickName") != `"Nick"` || !slices.Equal(patchEach(r, "emails", "value"), mails) || r.UserName() != u.UserName() {
		return failed(back, "it is not what was there and what was added")
	}
	return passed()
}

func addTextToComplex(ctx context.Context, s *Session) Outcome {
	writingNeeds(s, "name")
	e := patchUser(ctx, s, s.user(ctx), `{"op":"add","path":"name","value":"x"}`)
	if e.Status < 400 || e.Status >= 500 {
		return failed(e, "a text for an object was not refused")
	}
	return passed()
}

// patchOther is what add and replace have in common: of a complex attribute, what they
// do not name stays.
func patchOther(ctx context.Context, s *Session, op string) Outcome {
	writingNeeds(s, "name", "name.givenName", "name.familyName")
	u := s.user(ctx, `"name":{"givenName":"Given","familyName":"Before"}`)
	r, back := patched(ctx, s, u, `{"op":`+quoted(op)+`,"path":"name","value":{"familyName":"After"}}`)
	if at(r, "name.familyName") != `"After"` {
		return failed(back, "the sub-attribute that is named has not been set")
	}
	if at(r, "name.givenName") != `"Given"` {
		return failed(back, "a sub-attribute that is not named has not stayed")
	}
	return passed()
}

func addKeepsOthers(ctx context.Context, s *Session) Outcome { return patchOther(ctx, s, "add") }

func addAppends(ctx context.Context, s *Session) Outcome {
	for _, wrap := range [][2]string{{"[", "]"}, {"", ""}} {
		u, mails := patchMails(ctx, s, "work")
		mails = append(mails, patchMail(s.name("home")))
		r, back := patched(ctx, s, u, `{"op":"add","path":"emails","value":`+wrap[0]+patchElement(mails[1], "home")+wrap[1]+`}`)
		slices.Sort(mails)
		if got := patchEach(r, "emails", "value"); !slices.Equal(got, mails) {
			return failed(back, "the addresses are %q, and not %q", got, mails)
		}
	}
	return passed()
}

func addReplaces(ctx context.Context, s *Session) Outcome { return patchSets(ctx, s, "add", "Before") }

// patchSets is what add and replace have in common: a single value is set, whether
// there was one or not.
func patchSets(ctx context.Context, s *Session, op, before string) Outcome {
	writingNeeds(s, "nickName")
	var had []string
	if before != "" {
		had = append(had, `"nickName":`+quoted(before))
	}
	r, back := patched(ctx, s, s.user(ctx, had...), `{"op":`+quoted(op)+`,"path":"nickName","value":"After"}`)
	if at(r, "nickName") != `"After"` {
		return failed(back, "the new value is not there")
	}
	return passed()
}

func addTwice(ctx context.Context, s *Session) Outcome {
	u, mails := patchMails(ctx, s, "work")
	r, back := patched(ctx, s, u, `{"op":"add","path":"emails","value":[`+patchElement(mails[0], "work")+`]}`)
	if got := patchEach(r, "emails", "value"); !slices.Equal(got, mails) {
		return failed(back, "the addresses are %q, and not %q", got, mails)
	}
	return passed()
}

func addTwiceUnmodified(ctx context.Context, s *Session) Outcome {
	u, mails := patchMails(ctx, s, "work")
	before, _ := writingSee(ctx, s, writingUser(u))
	if at(before, "meta.lastModified") == "" {
		return notApplicable("there is no lastModified")
	}
	writingPause(ctx, before)
	r, back := patched(ctx, s, u, `{"op":"add","path":"emails","value":[`+patchElement(mails[0], "work")+`]}`)
	if at(r, "meta.lastModified") != at(before, "meta.lastModified") {
		return failed(back, "lastModified was %s", at(before, "meta.lastModified"))
	}
	return passed()
}

func addToNothing(ctx context.Context, s *Session) Outcome {
	u, _ := patchMails(ctx, s, "home")
	mail := patchMail(s.name("work"))
	e := patchUser(ctx, s, u, `{"op":"add","path":"emails[type eq \"work\"].value","value":`+quoted(mail)+`}`)
	if !writingOK(e) {
		return writingRefused(e, http.StatusBadRequest)
	}
	if r, back := writingSee(ctx, s, writingUser(u)); !slices.Equal(patchOf(r, "emails", "work", "value"), []string{mail}) {
		return failed(back, "taken, and the element has not been made")
	}
	return passed()
}

func removeWithoutPath(ctx context.Context, s *Session) Outcome {
	return writingRefused(patchUser(ctx, s, s.user(ctx), `{"op":"remove"}`), http.StatusBadRequest, scim.NoTarget)
}

func removeSingle(ctx context.Context, s *Session) Outcome {
	writingNeeds(s, "nickName")
	r, back := patched(ctx, s, s.user(ctx, `"nickName":"Nick"`), `{"op":"remove","path":"nickName"}`)
	if !patchUnassigned(r, "nickName") {
		return failed(back, "the value is still there")
	}
	return passed()
}

func removeList(ctx context.Context, s *Session) Outcome {
	u, _ := patchMails(ctx, s, "work", "home")
	r, back := patched(ctx, s, u, `{"op":"remove","path":"emails"}`)
	if !patchUnassigned(r, "emails") {
		return failed(back, "there are values still")
	}
	return passed()
}

func removeMatches(ctx context.Context, s *Session) Outcome {
	u, mails := patchMails(ctx, s, "work", "home")
	r, back := patched(ctx, s, u, `{"op":"remove","path":"emails[type eq \"work\"]"}`)
	if got := patchEach(r, "emails", "value"); !slices.Equal(got, mails[1:]) {
		return failed(back, "the addresses are %q, and not %q", got, mails[1:])
	}
	return passed()
}

func removeLast(ctx context.Context, s *Session) Outcome {
	u, mails := patchMails(ctx, s, "work")
	r, back := patched(ctx, s, u, `{"op":"remove","path":`+quoted(`emails[value eq `+quoted(mails[0])+`]`)+`}`)
	if !patchUnassigned(r, "emails") {
		return failed(back, "the attribute is still assigned")
	}
	return passed()
}

func removeSub(ctx context.Context, s *Session) Outcome {
	u := patchAddresses(ctx, s)
	r, back := patched(ctx, s, u, `{"op":"remove","path":"addresses[type eq \"work\"].postalCode"}`)
	if work := patchOf(r, "addresses", "work", "postalCode"); slices.ContainsFunc(work, func(c string) bool { return c != "" }) {
		return failed(back, "elements that match still have %q", work)
	}
	if home := patchOf(r, "addresses", "home", "postalCode"); !slices.Equal(home, []string{"3"}) {
		return failed(back, "an element that does not match has %q", home)
	}
	return passed()
}

func removeFixed(ctx context.Context, s *Session) Outcome {
	for _, path := range []string{"userName", "id"} {
		e := patchUser(ctx, s, s.user(ctx), `{"op":"remove","path":`+quoted(path)+`}`)
		if o := writingRefused(e, http.StatusBadRequest, scim.MutabilityBreach); o.Verdict != Pass {
			return o
		}
	}
	return passed()
}

func removeNobody(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	g := s.group(ctx, u.ID())
	path := quoted(`members[value eq ` + quoted(s.name("nobody")) + `]`)
	e := s.Do(ctx, http.MethodPatch, writingGroup(g), patchBody(`{"op":"remove","path":`+path+`}`))
	if !writingOK(e) {
		return failed(e, "refused, though nothing is left to do")
	}
	if r, back := writingSee(ctx, s, writingGroup(g)); !slices.Equal(r.Members(), []string{u.ID()}) {
		return failed(back, "the members are others now")
	}
	return passed()
}

func removeValues(ctx context.Context, s *Session) Outcome {
	one, two := s.user(ctx), s.user(ctx)
	g := s.group(ctx, one.ID(), two.ID())
	e := s.Do(ctx, http.MethodPatch, writingGroup(g), patchBody(`{"op":"remove","path":"members","value":[{"value":`+quoted(one.ID())+`}]}`))
	r, back := writingSee(ctx, s, writingGroup(g))
	if !slices.Contains(r.Members(), two.ID()) {
		return failed(back, "a member is gone that was not named")
	}
	if writingOK(e) && slices.Contains(r.Members(), one.ID()) {
		return failed(back, "taken, and the member that was named is still there")
	}
	return passed()
}

func replaceSingle(ctx context.Context, s *Session) Outcome {
	return patchSets(ctx, s, "replace", "Before")
}

func replaceList(ctx context.Context, s *Session) Outcome {
	u, _ := patchMails(ctx, s, "work", "home")
	mail := patchMail(s.name("other"))
	r, back := patched(ctx, s, u, `{"op":"replace","path":"emails","value":[`+patchElement(mail, "other")+`]}`)
	if got := patchEach(r, "emails", "value"); !slices.Equal(got, []string{mail}) {
		return failed(back, "the addresses are %q, and not the new one alone", got)
	}
	return passed()
}

func replaceUnassigned(ctx context.Context, s *Session) Outcome {
	return patchSets(ctx, s, "replace", "")
}

func replaceKeepsOthers(ctx context.Context, s *Session) Outcome {
	return patchOther(ctx, s, "replace")
}

func replaceMatches(ctx context.Context, s *Session) Outcome {
	u := patchAddresses(ctx, s)
	r, back := patched(ctx, s, u, `{"op":"replace","path":"addresses[type eq \"work\"]","value":{"type":"work","locality":"New"}}`)
	work := patchOf(r, "addresses", "work", "locality") // two that are equal now may have become one
	if len(work) == 0 || slices.ContainsFunc(work, func(l string) bool { return l != "New" }) {
		return failed(back, "elements that match have %q", work)
	}
	if home := patchOf(r, "addresses", "home", "locality"); !slices.Equal(home, []string{"Cc"}) {
		return failed(back, "an element that does not match has %q", home)
	}
	return passed()
}

func replaceSub(ctx context.Context, s *Session) Outcome {
	u := patchAddresses(ctx, s)
	r, back := patched(ctx, s, u, `{"op":"replace","path":"addresses[type eq \"work\"].locality","value":"New"}`)
	if work := patchOf(r, "addresses", "work", "locality"); !slices.Equal(work, []string{"New", "New"}) {
		return failed(back, "elements that match have %q", work)
	}
	if home := patchOf(r, "addresses", "home", "locality"); !slices.Equal(home, []string{"Cc"}) {
		return failed(back, "an element that does not match has %q", home)
	}
	return passed()
}

func replaceNothing(ctx context.Context, s *Session) Outcome {
	u, _ := patchMails(ctx, s, "home")
	e := patchUser(ctx, s, u, `{"op":"replace","path":"emails[type eq \"work\"].value","value":`+quoted(patchMail(s.name("work")))+`}`)
	return writingRefused(e, http.StatusBadRequest, scim.NoTarget)
}
