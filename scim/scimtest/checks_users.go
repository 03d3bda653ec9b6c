// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// checksOfUsers are those of RFC 7643 §4.
func checksOfUsers() []Check {
	return slices.Concat(usersChecksOfNames(), usersChecksOfPasswords(), usersChecksOfValues(), usersChecksOfGroups(), usersChecksOfExtension())
}

// usersChecksOfNames are those of §4.1.1, without passwords.
func usersChecksOfNames() []Check {
	return []Check{
		{"7643-4.1.1-01", "a User needs a userName", func(ctx context.Context, s *Session) Outcome {
			for _, body := range []string{`{"schemas":["` + scim.UserURN + `"],"displayName":"Ada"}`, userBody("")} {
				if e := s.Do(ctx, http.MethodPost, "/Users", body); !resourceRefused(e) {
					return failed(e, "a User without userName is taken")
				}
			}
			return passed()
		}},
		{"7643-4.1.1-02", "no two Users have one userName", func(ctx context.Context, s *Session) Outcome {
			a, b := s.user(ctx), s.user(ctx)
			if e := s.Do(ctx, http.MethodPost, "/Users", userBody(a.UserName())); !resourceRefused(e) {
				return failed(e, "a userName is taken twice")
			}
			return resourceRefusal(s.Do(ctx, http.MethodPut, resourcePath(b), userBody(a.UserName())))
		}},
		{"7643-4.1.1-03", "userName has no letter case", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			other := resourceSwapped(u.UserName())
			if e := s.Do(ctx, http.MethodPost, "/Users", userBody(other)); !resourceRefused(e) {
				return failed(e, "the userName is taken again in other letter case")
			}
			if !s.supports("filter") {
				return passed()
			}
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(other)), "")
			if e.Status != http.StatusOK || !resourceListed(e, u.ID()) {
				return failed(e, "the userName is not found in other letter case")
			}
			return passed()
		}},
		{"7644-5-01", "a userName of letters of another width is the same name", func(ctx context.Context, s *Session) Outcome {
			return usersOneName(ctx, s, "Straße-７", "Ｓｔｒａßｅ-7")
		}},
		{"7644-7.8-01", "a userName with an accent is the same name, be it one character or two", func(ctx context.Context, s *Session) Outcome {
			return usersOneName(ctx, s, "zo\u00eb-\u1e69", "zoe\u0308-s\u0307\u0323")
		}},
		resourceKept("7643-4.1.1-04", "a name may have components alone", "name.familyName", `"name":{"givenName":"Ada","familyName":`, "Lovelace"),
		resourceKept("7643-4.1.1-06", "displayName is kept", "displayName", `"displayName":`, "Ada Lovelace"),
		resourceKept("7643-4.1.1-09", "preferredLanguage is as in Accept-Language", "preferredLanguage", `"preferredLanguage":`, "da, en-gb;q=0.8, en;q=0.7"),
		resourceKept("7643-4.1.1-10", "locale is a language tag", "locale", `"locale":`, "en-US"),
		{"7643-4.1.1-11", "a locale with an underscore is taken or refused", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "locale")
			if e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"locale":"en_US"`)); !resourceDone(e) && !resourceRefused(e) {
				return failed(e, "neither taken nor refused")
			}
			return passed()
		}},
		resourceKept("7643-4.1.1-12", "timezone is a name of IANA's", "timezone", `"timezone":`, "America/Los_Angeles"),
		{"7643-4.1.1-13", "active can be set and cleared", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "active")
			u := s.user(ctx)
			for _, active := range []string{"false", "true"} {
				if e := s.Do(ctx, http.MethodPut, resourcePath(u), userBody(u.UserName(), `"active":`+active)); !resourceDone(e) {
					return failed(e, "active is not taken")
				}
				if e := s.Do(ctx, http.MethodGet, resourcePath(u), ""); at(e.Resource(), "active") != active {
					return failed(e, "active is not %s", active)
				}
			}
			return passed()
		}},
	}
}

// usersOneName is whether two spellings, which people cannot tell apart, are one
// userName: who has one is found by the other, and nobody else can have it.
func usersOneName(ctx context.Context, s *Session, one, other string) Outcome {
	name := s.name("user")
	made := s.Do(ctx, http.MethodPost, "/Users", userBody(name+one))
	if resourceRefused(made) {
		return notApplicable("userNames have ASCII letters alone")
	}
	if made.Status != http.StatusCreated || made.Resource() == nil {
		return failed(made, "what the check needs could not be made")
	}
	if s.supports("filter") {
		e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(name+other)), "")
		if e.Status != http.StatusOK || !resourceListed(e, made.Resource().ID()) {
			return failed(e, "%+q is not found by %+q", name+one, name+other)
		}
	}
	return resourceRefusal(s.Do(ctx, http.MethodPost, "/Users", userBody(name+other)))
}

// usersChecksOfPasswords are those of §4.1.1 about passwords.
func usersChecksOfPasswords() []Check {
	return []Check{
		{"7643-4.1.1-14", "a password is in no answer", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "password")
			name, secret := s.name("user"), usersPassword(s)
			made := s.Do(ctx, http.MethodPost, "/Users", userBody(name, `"password":`+quoted(secret)))
			if made.Status != http.StatusCreated {
				return notApplicable("no password is taken")
			}
			answers := []*Exchange{made, s.Do(ctx, http.MethodGet, resourcePath(made.Resource()), "")}
			if s.supports("filter") {
				answers = append(answers, s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(name)), ""))
			}
			return usersHides(secret, answers...)
		}},
		{"7643-4.1.1-20", "password is published as one to write and never to read", func(_ context.Context, s *Session) Outcome {
			return schemasDefined(s, scim.UserURN, "password", func(a *scim.Attribute) bool {
				return a.Mutability == scim.WriteOnly && a.Returned == scim.ReturnedNever
			})
		}},
	}
}

// usersPassword is one that most policies take.
func usersPassword(s *Session) string { return s.name("Pw") + "-X7!" }

func usersWithPassword(ctx context.Context, s *Session) (u *scim.Resource, secret string) {
	resourceNeeds(s, "password")
	secret = usersPassword(s)
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"password":`+quoted(secret)))
	if e.Status != http.StatusCreated || e.Resource() == nil {
		must(notApplicable("no password is taken"))
	}
	return e.Resource(), secret
}

// usersHides fails if an answer has a password, in clear or otherwise.
func usersHides(secret string, answers ...*Exchange) Outcome {
	for _, e := range answers {
		if resourceDone(e) && (strings.Contains(string(e.Body), secret) || usersHasPassword(e.JSON())) {
			return failed(e, "there is the password")
		}
	}
	return passed()
}

func usersHasPassword(body map[string]any) bool {
	if schemasGet(body, "password") != nil {
		return true
	}
	list, _ := schemasGet(body, "Resources").([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		r, _ := v.(map[string]any)
		return schemasGet(r, "password") != nil
	})
}

// usersChecksOfValues are those of §4.1.2, without groups.
func usersChecksOfValues() []Check {
	return []Check{
		resourceKept("7643-4.1.2-05", "a phone number may be a tel URI", "phoneNumbers.value", `"phoneNumbers":[{"type":"work","value":`, "tel:+1-201-555-0123"),
		{"7643-4.1.2-09", "photos are URIs", func(ctx context.Context, s *Session) Outcome {
			if o := resourceIsKept(ctx, s, "photos.value", `"photos":[{"type":"photo","value":`, "https://example.com/ada.jpg"); o.Verdict != Pass {
				return o
			}
			return resourceEither(ctx, s, "photos.value", `"photos":[{"type":"photo","value":`, `}]`, "no uri at all %zz")
		}},
		resourceKept("7643-4.1.2-11", "countries are codes of two letters", "addresses.country", `"addresses":[{"type":"work","country":`, "DE"),
		resourceKept("7643-4.1.2-12", "addresses may have lines", "addresses.formatted", `"addresses":[{"type":"work","formatted":`, "1 Main St\nLondon"),
		{"7643-4.1.2-16", "roles and entitlements are free texts", func(ctx context.Context, s *Session) Outcome {
			for _, name := range []string{"roles", "entitlements"} {
				if s.attribute(scim.UserURN, name) == nil && len(s.Schemas) > 0 {
					continue
				}
				if o := resourceIsKept(ctx, s, name+".value", quoted(name)+`:[{"value":`, "any text, 42"); o.Verdict != Pass {
					return o
				}
			}
			return passed()
		}},
		{"7643-4.1.2-17", "a certificate is DER in base64", func(ctx context.Context, s *Session) Outcome {
			const opening = `"x509Certificates":[{"value":`
			text := usersCertificate()
			if o := resourceIsKept(ctx, s, "x509Certificates.value", opening, text); o.Verdict != Pass {
				return o
			}
			der, _ := base64.StdEncoding.DecodeString(text) // it was made so
			armoured := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			return resourceEither(ctx, s, "x509Certificates.value", opening, `}]`, string(armoured))
		}},
		{"7643-4.1.2-18", "a value is one certificate", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "x509Certificates.value")
			u := s.user(ctx, `"x509Certificates":[{"value":`+quoted(usersCertificate())+`},{"value":`+quoted(usersCertificate())+`}]`)
			e := s.Do(ctx, http.MethodGet, resourcePath(u), "")
			got := resourceTexts(e.Resource(), "x509Certificates.value")
			for _, text := range got {
				der, err := base64.StdEncoding.DecodeString(text)
				if list, parse := x509.ParseCertificates(der); err == nil && parse == nil && len(list) > 1 {
					return failed(e, "a value has %d certificates", len(list))
				}
			}
			if len(got) != 2 {
				return failed(e, "of two certificates there are %d", len(got))
			}
			return passed()
		}},
	}
}

// usersCertificate is a new certificate in base64. Service providers may look into it.
func usersCertificate() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// usersChecksOfGroups are those about groups, in §4.1.2 and §4.2.
func usersChecksOfGroups() []Check {
	return []Check{
		{"7643-4.1.2-13", "groups of a User change at the Group alone", func(ctx context.Context, s *Session) Outcome {
			g := s.group(ctx)
			mine := `"groups":[{"value":` + quoted(g.ID()) + `}]`
			s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), mine))
			u := s.user(ctx)
			s.Do(ctx, http.MethodPut, resourcePath(u), userBody(u.UserName(), mine))
			if e := s.Do(ctx, http.MethodGet, resourcePathIn("/Groups", g), ""); len(resourceTexts(e.Resource(), "members.value")) > 0 {
				return failed(e, "a User went into the Group by its own groups")
			}
			if e := s.Do(ctx, http.MethodGet, resourcePath(u), ""); slices.Contains(resourceTexts(e.Resource(), "groups.value"), g.ID()) {
				return failed(e, "groups is what was sent")
			}
			return passed()
		}},
		{"7643-4.1.2-14", "groups have the id and the URI of the Group", func(ctx context.Context, s *Session) Outcome {
			e, g := usersInGroup(ctx, s)
			if !slices.Contains(resourceTexts(e.Resource(), "groups.value"), g.ID()) {
				return failed(e, "the Group is %s", g.ID())
			}
			for _, ref := range resourceTexts(e.Resource(), "groups.$ref") {
				if !strings.HasSuffix(ref, "/Groups/"+url.PathEscape(g.ID())) && ref != "Groups/"+url.PathEscape(g.ID()) {
					return failed(e, "$ref is not the URI of the Group")
				}
			}
			return passed()
		}},
		{"7643-4.1.2-15", "groups say whether one is in them directly", func(ctx context.Context, s *Session) Outcome {
			e, _ := usersInGroup(ctx, s)
			if resourceText(e.Resource(), "groups.type") != "direct" {
				return failed(e, "the type is not direct")
			}
			return passed()
		}},
		{"7643-4.2-01", "a Group needs a displayName", func(ctx context.Context, s *Session) Outcome {
			resourceNeedsGroups(s)
			if a := s.attribute(scim.GroupURN, "displayName"); a != nil && !a.Required {
				return notApplicable("the schema says otherwise, as RFC 7643 §8.7.1 does")
			}
			return resourceRefusal(s.Do(ctx, http.MethodPost, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"externalId":`+quoted(s.name("external"))+`}`))
		}},
		{"7643-4.2-02", "a member does not become another", func(ctx context.Context, s *Session) Outcome {
			if !s.supports("patch") {
				return notApplicable("there is no PATCH")
			}
			a, b := s.user(ctx), s.user(ctx)
			path := resourcePathIn("/Groups", s.group(ctx, a.ID()))
			s.Do(ctx, http.MethodPatch, path, patchBody(`{"op":"replace","path":`+quoted("members[value eq "+quoted(a.ID())+"].value")+`,"value":`+quoted(b.ID())+`}`))
			if e := s.Do(ctx, http.MethodGet, path, ""); slices.Contains(resourceTexts(e.Resource(), "members.value"), b.ID()) {
				return failed(e, "the value of a member was changed")
			}
			return passed()
		}},
		{"7643-4.2-03", "members have the id and the URI of a resource", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			e := s.Do(ctx, http.MethodGet, resourcePathIn("/Groups", s.group(ctx, u.ID())), "")
			if resourceText(e.Resource(), "members.value") != u.ID() {
				return failed(e, "the member is %s", u.ID())
			}
			if ref := resourceText(e.Resource(), "members.$ref"); ref != "" && !strings.HasSuffix("/"+ref, "/Users/"+url.PathEscape(u.ID())) {
				return failed(e, "$ref is not the URI of the User")
			}
			return passed()
		}},
		{"7643-4.2-04", "a member needs a value if the schema says so", func(ctx context.Context, s *Session) Outcome {
			if a := s.attribute(scim.GroupURN, "members.value"); a == nil || !a.Required {
				return notApplicable("the schema does not say so")
			}
			return resourceRefusal(s.Do(ctx, http.MethodPost, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":`+quoted(s.name("group"))+`,"members":[{"type":"User"}]}`))
		}},
		{"7643-4.2-05", "a Group in a Group is taken or refused", func(ctx context.Context, s *Session) Outcome {
			g := s.group(ctx)
			if e := s.Do(ctx, http.MethodPost, "/Groups", groupBody(s.name("group"), g.ID())); !resourceDone(e) && !resourceRefused(e) {
				return failed(e, "neither taken nor refused")
			}
			return passed()
		}},
	}
}

// usersInGroup is a User that is in a Group, and that Group. It ends the check if
// Users do not tell their groups.
func usersInGroup(ctx context.Context, s *Session) (*Exchange, *scim.Resource) {
	u := s.user(ctx)
	g := s.group(ctx, u.ID())
	e := s.Do(ctx, http.MethodGet, resourcePath(u), "")
	if at(e.Resource(), "groups") == "" {
		must(notApplicable("Users do not tell their groups"))
	}
	return e, g
}

// usersChecksOfExtension are those of §4.3.
func usersChecksOfExtension() []Check {
	const urn = scim.EnterpriseUserURN
	manager := func(ctx context.Context, s *Session, more string) (boss *scim.Resource, e *Exchange) {
		resourceNeedsEnterprise(s)
		boss = s.user(ctx)
		e = s.Do(ctx, http.MethodPost, "/Users", `{"schemas":["`+scim.UserURN+`","`+urn+`"],"userName":`+quoted(s.name("user"))+`,"`+urn+`":{"manager":{"value":`+quoted(boss.ID())+more+`}}}`)
		return boss, e
	}
	return []Check{
		{"7643-4.3-01", "the enterprise extension has its attributes", func(_ context.Context, s *Session) Outcome {
			if !slices.ContainsFunc(s.Schemas, func(sch scim.Schema) bool { return strings.EqualFold(sch.ID, urn) }) {
				return notApplicable("it is not published")
			}
			for _, name := range []string{"employeeNumber", "costCenter", "organization", "division", "department", "manager"} {
				if s.attribute(urn, name) == nil {
					return failed(nil, "GET %s/Schemas: %s has no %s", s.base, urn, name)
				}
			}
			return passed()
		}},
		{"7643-4.3-03", "the name of a manager cannot be set", func(ctx context.Context, s *Session) Outcome {
			_, e := manager(ctx, s, `,"displayName":"Somebody Else"`)
			if resourceRefused(e) {
				return passed()
			}
			if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); resourceText(e.Resource(), urn+":manager.displayName") == "Somebody Else" {
				return failed(e, "it is what was sent")
			}
			return passed()
		}},
		{"7643-4.3-02", "a manager has its id", func(ctx context.Context, s *Session) Outcome {
			boss, e := manager(ctx, s, "")
			if e.Status == http.StatusCreated {
				e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), "")
			}
			if resourceText(e.Resource(), urn+":manager.value") != boss.ID() {
				return failed(e, "manager.value is lost")
			}
			return passed()
		}},
	}
}
