// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// resourceChecksOfTypes are those of §2.3.1 to §2.3.6.
func resourceChecksOfTypes() []Check {
	return []Check{
		{"7643-2.3-01", "extensions keep to the data types there are", func(ctx context.Context, s *Session) Outcome {
			var extensions []string
			for _, t := range s.Types {
				for _, x := range t.SchemaExtensions {
					extensions = append(extensions, strings.ToLower(x.Schema))
				}
			}
			return schemasEach(ctx, s, func(a schemasAttribute) string {
				if slices.Contains(extensions, strings.ToLower(a.urn)) && !schemasTypeKnown(a) {
					return "there is no such type"
				}
				return ""
			})
		}},
		resourceKept("7643-2.3.1-01", "strings keep every letter of Unicode", "displayName", `"displayName":`, "Zoë \U0001F388 שלום 漢字"),
		{"7643-2.3.1-02", "a number is no string", func(ctx context.Context, s *Session) Outcome {
			return resourceRefusal(s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"displayName":5`)))
		}},
		{"7643-2.3.1-03", "values that are not canonical are kept or refused", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"emails":[{"value":"ada@example.com","type":"zzz"}]`))
			if !resourceDone(e) && !resourceRefused(e) {
				return failed(e, "neither taken nor refused")
			}
			return passed()
		}},
		{"7643-2.3.2-01", "booleans are true or false", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "active")
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx, `"active":true`)), "")
			if v := at(e.Resource(), "active"); v != "true" && v != "false" && v != "" {
				return failed(e, "active is no boolean")
			}
			return resourceRefusal(s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"active":"maybe"`)))
		}},
		schemasLint("7643-2.3.2-02", "booleans have neither letter case nor uniqueness", func(a schemasAttribute) string {
			if u := a.text("uniqueness"); a.is("boolean") && (a.flag("caseExact") || u != "" && !strings.EqualFold(u, "none")) {
				return "a boolean has neither letter case nor uniqueness"
			}
			return ""
		}),
		{"7643-2.3.4-01", "integers have no fraction or exponent", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
			d := json.NewDecoder(bytes.NewReader(e.Body))
			d.UseNumber()
			var body map[string]any
			if d.Decode(&body) != nil {
				return failed(e, "this is no JSON object")
			}
			for _, name := range [][2]string{{"bulk", "maxOperations"}, {"bulk", "maxPayloadSize"}, {"filter", "maxResults"}} {
				feature, _ := schemasGet(body, name[0]).(map[string]any)
				if n, ok := schemasGet(feature, name[1]).(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
					return failed(e, "%s.%s is %s", name[0], name[1], n)
				}
			}
			return passed()
		}},
		{"7643-2.3.5-01", "a dateTime has date and time", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			for _, path := range []string{"meta.created", "meta.lastModified"} {
				if v := at(e.Resource(), path); v != "" && resourceTime(e.Resource(), path).IsZero() {
					return failed(e, "%s is no dateTime", path)
				}
			}
			return passed()
		}},
		{"7643-2.3.5-02", "an instant is the same in each time zone", resourceComparesInstants},
		{"7643-2.3.6-01", "binary values are base64", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "x509Certificates.value")
			return resourceEither(ctx, s, "x509Certificates.value", `"x509Certificates":[{"value":`, `}]`, "*** no base64 ***")
		}},
		{"7643-2.3.6-02", "base64 without padding means the same", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "x509Certificates.value")
			text := strings.TrimRight(usersCertificate(), "=")
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"x509Certificates":[{"value":`+quoted(text)+`}]`))
			if resourceRefused(e) {
				return notApplicable("values without padding are refused")
			}
			got := resourceTexts(s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), "").Resource(), "x509Certificates.value")
			if len(got) != 1 || strings.TrimRight(got[0], "=") != text {
				return failed(e, "the value is another now")
			}
			return passed()
		}},
		{"7643-2.3.6-04", "binary values compare by letter case", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "x509Certificates.value")
			text := usersCertificate()
			u := s.user(ctx, `"x509Certificates":[{"value":`+quoted(text)+`}]`)
			return resourceNotFound(ctx, s, u, "x509Certificates.value eq "+quoted(resourceSwapped(text)))
		}},
	}
}

func resourceComparesInstants(ctx context.Context, s *Session) Outcome {
	resourceNeedsFilter(s)
	u := s.user(ctx)
	made := resourceTime(u, "meta.created")
	if made.IsZero() {
		return notApplicable("there is no meta.created")
	}
	elsewhere := made.In(time.FixedZone("", 2*60*60)).Format(time.RFC3339Nano)
	e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(u.UserName())+" and meta.created ge "+quoted(elsewhere)), "")
	if e.Status != http.StatusOK || !resourceListed(e, u.ID()) {
		return failed(e, "the same instant with another offset is not found")
	}
	return passed()
}

// resourceChecksOfReferences are those of §2.3.7 and of the versions in §2.4.
func resourceChecksOfReferences() []Check {
	return []Check{
		{"7643-2.3.7-01", "references are URIs", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "profileUrl")
			return resourceEither(ctx, s, "profileUrl", `"profileUrl":`, "", "no uri at all %zz")
		}},
		{"7643-2.3.7-02", "relative references begin at the base", func(ctx context.Context, s *Session) Outcome {
			u, e, refs := resourceReferences(ctx, s)
			for _, ref := range refs {
				if parsed, err := url.Parse(ref); err != nil || parsed.IsAbs() {
					continue
				}
				if to := s.Do(ctx, http.MethodGet, "/"+strings.TrimPrefix(ref, "/"), ""); resourceText(to.Resource(), "id") != u.ID() {
					return failed(e, "%s does not lead to the member from the base", ref)
				}
				return passed()
			}
			return notApplicable("no reference is relative")
		}},
		{"7643-2.3.7-03", "references can be addressed by HTTP", func(ctx context.Context, s *Session) Outcome {
			_, e, refs := resourceReferences(ctx, s)
			for _, ref := range refs {
				to, err := url.Parse(s.base + "/")
				if err == nil {
					to, err = to.Parse(ref)
				}
				if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
					return failed(e, "%s is nothing that HTTP can ask for", ref)
				}
			}
			return passed()
		}},
		{"7643-2.3.7-04", "a reference leads to what it names", func(ctx context.Context, s *Session) Outcome {
			u, e, refs := resourceReferences(ctx, s)
			for _, ref := range refs {
				if !strings.HasPrefix(ref, s.base+"/") {
					continue // the token stays with this endpoint
				}
				to := s.Do(ctx, http.MethodGet, ref, "")
				switch to.Status {
				case http.StatusOK:
					if r := to.Resource(); r == nil || r.ID() != u.ID() {
						return failed(to, "this is not the member %s", u.ID())
					}
				case http.StatusUnauthorized, http.StatusForbidden, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
				default: // the member is there, so 404 is wrong as well
					return failed(to, "the reference leads nowhere")
				}
				return passed()
			}
			return notApplicable("no reference leads to this endpoint: %s", e.URL)
		}},
		{"7643-2.3.7-05", "an unknown member is taken or refused", func(ctx context.Context, s *Session) Outcome {
			resourceNeedsGroups(s)
			e := s.Do(ctx, http.MethodPost, "/Groups", groupBody(s.name("group"), s.name("nobody")))
			if !resourceDone(e) && !resourceRefused(e) {
				return failed(e, "neither taken nor refused")
			}
			return passed()
		}},
		{"7643-2.3.7-06", "references compare by letter case", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "profileUrl")
			if a := s.attribute(scim.UserURN, "profileUrl"); a != nil && !a.CaseExact {
				return notApplicable("the schema says otherwise, as RFC 7643 §8.7.1 does")
			}
			link := "https://example.com/" + s.name("profile")
			u := s.user(ctx, `"profileUrl":`+quoted(link))
			return resourceNotFound(ctx, s, u, "profileUrl eq "+quoted(resourceSwapped(link)))
		}},
		{"7643-2.3.7-07", "members need no $ref", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			s.group(ctx, u.ID()) // its body has none
			return passed()
		}},
		{"7643-2.4-06", "references with and without version are the same", func(ctx context.Context, s *Session) Outcome {
			resourceNeedsGroups(s)
			i := strings.LastIndex(s.base, "/v2")
			if i < 0 || i+3 != len(s.base) {
				return notApplicable("the base has no version")
			}
			id := s.user(ctx).ID()
			member := func(base string) string {
				return `{"value":` + quoted(id) + `,"$ref":` + quoted(base+"/Users/"+url.PathEscape(id)) + `}`
			}
			e := s.Do(ctx, http.MethodPost, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":`+quoted(s.name("group"))+`,"members":[`+member(s.base)+`,`+member(s.base[:i])+`]}`)
			if !resourceDone(e) {
				return notApplicable("a member that is named twice is refused")
			}
			if e = s.Do(ctx, http.MethodGet, resourcePathIn("/Groups", e.Resource()), ""); len(resourceTexts(e.Resource(), "members.value")) > 1 {
				return failed(e, "one User is two members")
			}
			return passed()
		}},
	}
}

// resourceReferences are the $ref of a group's member, the User.
func resourceReferences(ctx context.Context, s *Session) (*scim.Resource, *Exchange, []string) {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodGet, resourcePathIn("/Groups", s.group(ctx, u.ID())), "")
	refs := resourceTexts(e.Resource(), "members.$ref")
	if len(refs) == 0 {
		must(notApplicable("members have no $ref"))
	}
	return u, e, refs
}

// resourceChecksOfLists are those of §2.4 and §2.5.
func resourceChecksOfLists() []Check {
	const one = `"emails":[{"value":"ada@example.com","type":"work"}]`
	return []Check{
		{"7643-2.4-01", "multi-valued attributes are arrays", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails")
			bare := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"emails":{"value":"ada@example.com","type":"work"}`))
			for _, made := range []*scim.Resource{s.user(ctx, one), bare.Resource()} {
				if made == nil || bare.Status != http.StatusCreated && made.UserName() == "" {
					continue // the single value was refused
				}
				e := s.Do(ctx, http.MethodGet, resourcePath(made), "")
				if v := at(e.Resource(), "emails"); v != "" && v[0] != '[' {
					return failed(e, "emails is no array")
				}
			}
			return passed()
		}},
		{"7643-2.4-02", "elements are complex values", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails.value")
			resourceNeedsFilter(s)
			name := s.name("user")
			u := s.user(ctx, `"emails":[{"value":`+quoted(name+"@example.com")+`,"type":"work"}]`)
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "emails.value eq "+quoted(name+"@example.com")), "")
			if e.Status != http.StatusOK || !resourceListed(e, u.ID()) {
				return failed(e, "the sub-attribute of an element does not find it")
			}
			return passed()
		}},
		schemasLint("7643-2.4-03", "type, primary, display, value and $ref are what they are everywhere", func(a schemasAttribute) string {
			want := map[string]string{"primary": "boolean", "display": "string", "type": "string", "$ref": "reference"}[strings.ToLower(a.name())]
			if want == "" || a.parent == nil || schemasOfDiscovery(a.urn) {
				return ""
			}
			if many, _ := schemasGet(a.parent, "multiValued").(bool); many && !a.is(want) {
				return "its type is another than everywhere"
			}
			return ""
		}),
		{"7643-2.4-04", "one value is primary at most", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails.primary")
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"emails":[{"value":"a@example.com","type":"work","primary":true},{"value":"b@example.com","type":"home","primary":true}]`))
			if resourceRefused(e) {
				return passed()
			}
			if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); resourcePrimaries(e.Resource()) > 1 {
				return failed(e, "two are primary")
			}
			return passed()
		}},
		{"7643-2.4-05", "primary is false unless it is said", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails.primary")
			u := s.user(ctx, `"emails":[{"value":"a@example.com","type":"work"},{"value":"b@example.com","type":"home"}]`)
			e := s.Do(ctx, http.MethodGet, resourcePath(u), "")
			if resourcePrimaries(e.Resource()) > 0 {
				return failed(e, "one is primary that was not said to be")
			}
			if !s.supports("filter") {
				return passed()
			}
			e = s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(u.UserName())+" and emails[primary eq true]"), "")
			if e.Status == http.StatusOK && resourceListed(e, u.ID()) {
				return failed(e, "a value without primary is found as primary")
			}
			return passed()
		}},
		{"7643-2.4-08", "a value of one type is there once, however often it was sent", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails.type")
			const twice = `{"value":"a@example.com","type":"work"}`
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"emails":[`+twice+`,`+twice+`]`))
			if resourceRefused(e) {
				return passed()
			}
			e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), "")
			if n := len(resourceTexts(e.Resource(), "emails.value")); n != 1 {
				return failed(e, "it is there %d times", n)
			}
			return passed()
		}},
		{"7643-2.4-09", "one value may have two types", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails.type")
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"emails":[{"value":"ada@example.com","type":"work"},{"value":"ada@example.com","type":"home"}]`))
			if resourceRefused(e) {
				return notApplicable("a value with two types is refused")
			}
			if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); len(resourceTexts(e.Resource(), "emails.type")) != 2 {
				return failed(e, "one of the two is lost")
			}
			return passed()
		}},
		schemasLint("7643-2.4-10", "canonical values are a list of texts", func(a schemasAttribute) string {
			v := schemasGet(a.raw, "canonicalValues")
			if v == nil {
				return ""
			}
			list, ok := v.([]any)
			if !ok || slices.ContainsFunc(list, func(e any) bool { _, text := e.(string); return !text && a.is("string") }) {
				return "canonicalValues is no list of texts"
			}
			return ""
		}),
		{"7643-2.5-01", "null, an empty list and absence are the same", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx, `"displayName":"Ada"`, one)
			e := s.Do(ctx, http.MethodPut, resourcePath(u), userBody(u.UserName(), `"displayName":null`, `"emails":[]`))
			if !resourceDone(e) {
				return failed(e, "null or an empty list is refused")
			}
			e = s.Do(ctx, http.MethodGet, resourcePath(u), "")
			return resourceUnassigned(e, "displayName", "emails")
		}},
		{"7643-2.5-02", "null and an empty list unassign", func(ctx context.Context, s *Session) Outcome {
			if !s.supports("patch") {
				return notApplicable("there is no PATCH")
			}
			resourceNeeds(s, "displayName")
			resourceNeeds(s, "emails.value")
			u := s.user(ctx, `"displayName":"Ada"`, one)
			e := s.Do(ctx, http.MethodPatch, resourcePath(u), patchBody(`{"op":"replace","path":"displayName","value":null}`, `{"op":"replace","path":"emails","value":[]}`))
			if !resourceDone(e) {
				return failed(e, "null or an empty list is refused")
			}
			e = s.Do(ctx, http.MethodGet, resourcePath(u), "")
			return resourceUnassigned(e, "displayName", "emails")
		}},
	}
}

// resourceUnassigned fails if one of the attributes has a value.
func resourceUnassigned(e *Exchange, paths ...string) Outcome {
	r := e.Resource()
	if e.Status != http.StatusOK || r == nil {
		return failed(e, "the resource is not there")
	}
	for _, path := range paths {
		if v, ok := r.At(scim.MustPath(path)); ok && !v.IsUnassigned() {
			return failed(e, "%s has a value still", path)
		}
	}
	return passed()
}

func resourcePrimaries(r *scim.Resource) int {
	return strings.Count(at(r, "emails.primary"), "true")
}

// resourceKept checks that a User has the text that it was made with. What comes
// before the text in JSON is opening; what is opened there is closed.
func resourceKept(id, title, path, opening, text string) Check {
	return Check{id, title, func(ctx context.Context, s *Session) Outcome {
		return resourceIsKept(ctx, s, path, opening, text)
	}}
}

func resourceIsKept(ctx context.Context, s *Session, path, opening, text string) Outcome {
	resourceNeeds(s, path)
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), opening+quoted(text)+resourceClosing(opening)))
	if e.Status != http.StatusCreated {
		return failed(e, "%q is not taken", text)
	}
	if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); resourceText(e.Resource(), path) != text {
		return failed(e, "%s is not %q", path, text)
	}
	return passed()
}

func resourceClosing(opening string) string {
	out := ""
	for _, c := range opening {
		switch c {
		case '{':
			out = "}" + out
		case '[':
			out = "]" + out
		}
	}
	return out
}

// resourceEither makes a User with a value that cannot be: it must be refused, or not
// be kept.
func resourceEither(ctx context.Context, s *Session, path, opening, closing, text string) Outcome {
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), opening+quoted(text)+closing))
	if resourceRefused(e) {
		return passed()
	}
	if e.Status != http.StatusCreated {
		return failed(e, "neither taken nor refused")
	}
	if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); slices.Contains(resourceTexts(e.Resource(), path), text) {
		return failed(e, "%s has a value that it cannot have", path)
	}
	return passed()
}
