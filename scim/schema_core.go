// SPDX-License-Identifier: Apache-2.0

package scim

// The schemas of RFC 7643 §8.7, as data. Descriptions are our own words. Where the
// RFC contradicts itself: Group.displayName is required (§4.2, not §8.7.1),
// references and binaries are case exact (§2.3), and so are the ids of others, as
// an id is (§3.1): "0017a" and "0017A" may be two people. Members have a display as in
// the RFC's examples, addresses a primary as in §2.4 and §8.2.

// attr makes an attribute with the defaults of §2.2, changed by opts.
func attr(name string, t Type, description string, opts ...func(*Attribute)) Attribute {
	a := Attribute{
		Name: name, Type: t, Description: description,
		Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone,
		CaseExact: t == TypeReference || t == TypeBinary,
	}
	for _, o := range opts {
		o(&a)
	}
	return a
}

func str(name, description string, opts ...func(*Attribute)) Attribute {
	return attr(name, TypeString, description, opts...)
}

func boolean(name, description string, opts ...func(*Attribute)) Attribute {
	return attr(name, TypeBoolean, description, opts...)
}

func reference(name, description string, types []string, opts ...func(*Attribute)) Attribute {
	a := attr(name, TypeReference, description, opts...)
	a.ReferenceTypes = types
	return a
}

func complexAttr(name, description string, subs []Attribute, opts ...func(*Attribute)) Attribute {
	a := attr(name, TypeComplex, description, opts...)
	a.SubAttributes = subs
	return a
}

func multi(a *Attribute)     { a.MultiValued = true }
func required(a *Attribute)  { a.Required = true }
func exact(a *Attribute)     { a.CaseExact = true }
func readOnly(a *Attribute)  { a.Mutability = ReadOnly }
func immutable(a *Attribute) { a.Mutability = Immutable }
func always(a *Attribute)    { a.Returned = ReturnedAlways }
func unique(a *Attribute)    { a.Uniqueness = UniqueServer }
func secret(a *Attribute)    { a.Mutability, a.Returned = WriteOnly, ReturnedNever }

func canonical(values ...string) func(*Attribute) {
	return func(a *Attribute) { a.CanonicalValues = values }
}

func buildCommon() []Attribute {
	return []Attribute{
		reference("schemas", "URNs of the schemas that the resource uses", []string{"uri"}, multi, required, always),
		str("id", "Identifier given by the service provider, never reused", required, exact, readOnly, always, unique),
		str("externalId", "Identifier given by the provisioning client", exact),
		complexAttr("meta", "Facts about the resource", []Attribute{
			str("resourceType", "Name of the resource type", exact, readOnly),
			attr("created", TypeDateTime, "When the resource was added", readOnly),
			attr("lastModified", TypeDateTime, "When the resource was last changed", readOnly),
			reference("location", "URI of the resource", []string{"uri"}, readOnly),
			str("version", "Entity tag of this state of the resource", exact, readOnly),
		}, readOnly),
	}
}

// plural makes a multi-valued attribute with the sub-attributes of §2.4.
func plural(name, description string, value Attribute, types ...string) Attribute {
	typ := str("type", "Label that says what the value is for")
	typ.CanonicalValues = types
	return complexAttr(name, description, []Attribute{
		value,
		str("display", "Name of the value for a human reader"),
		typ,
		boolean("primary", "Whether this is the preferred value; true at most once"),
	}, multi)
}

func userSchema() Schema {
	return Schema{ID: UserURN, Name: "User", Description: "User account", Attributes: []Attribute{
		str("userName", "Name by which the user signs in, unique in the service provider", required, unique),
		complexAttr("name", "Parts of the user's name", []Attribute{
			str("formatted", "Whole name, as it is displayed"),
			str("familyName", "Family name"),
			str("givenName", "Given name"),
			str("middleName", "Middle names"),
			str("honorificPrefix", "Titles before the name"),
			str("honorificSuffix", "Titles after the name"),
		}),
		str("displayName", "Name to show to others"),
		str("nickName", "Casual form of address"),
		reference("profileUrl", "URL of the user's profile page", []string{"external"}),
		str("title", "Title in the organisation"),
		str("userType", "Relation to the organisation, such as Employee or Contractor"),
		str("preferredLanguage", "Preferred languages, as in HTTP's Accept-Language"),
		str("locale", "Locale for dates, numbers and currency, a BCP 47 tag"),
		str("timezone", "Time zone by its IANA name"),
		boolean("active", "Whether the user may use the account"),
		str("password", "Clear text password, never returned", secret),
		plural("emails", "E-mail addresses", str("value", "E-mail address"), "work", "home", "other"),
		plural("phoneNumbers", "Telephone numbers", str("value", "Number, preferably a tel URI (RFC 3966)"), "work", "home", "mobile", "fax", "pager", "other"),
		plural("ims", "Instant messaging addresses", str("value", "Address"), "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
		plural("photos", "Pictures of the user", reference("value", "URL of the picture", []string{"external"}), "photo", "thumbnail"),
		complexAttr("addresses", "Postal addresses", []Attribute{
			str("formatted", "Whole address, as it is displayed"),
			str("streetAddress", "Street, house number, P.O. box"),
			str("locality", "City"),
			str("region", "State or region"),
			str("postalCode", "Postal code"),
			str("country", "Country, an ISO 3166-1 alpha-2 code"),
			str("type", "Label that says what the address is for", canonical("work", "home", "other")),
			boolean("primary", "Whether this is the preferred address; true at most once"),
		}, multi),
		complexAttr("groups", "Groups that the user is in; changed at the group", []Attribute{
			str("value", "Identifier of the group", readOnly, exact),
			reference("$ref", "URI of the group", []string{"User", "Group"}, readOnly),
			str("display", "Name of the group for a human reader", readOnly),
			str("type", "Whether the membership is direct or indirect", readOnly, canonical("direct", "indirect")),
		}, multi, readOnly),
		plural("entitlements", "Things that the user is entitled to", str("value", "Entitlement")),
		plural("roles", "Roles of the user", str("value", "Role")),
		plural("x509Certificates", "Certificates of the user", attr("value", TypeBinary, "DER certificate in base64")),
	}}
}

func groupSchema() Schema {
	return Schema{ID: GroupURN, Name: "Group", Description: "Group of users", Attributes: []Attribute{
		str("displayName", "Name of the group for a human reader", required),
		complexAttr("members", "Members of the group", []Attribute{
			str("value", "Identifier of the member", immutable, exact),
			reference("$ref", "URI of the member", []string{"User", "Group"}, immutable),
			str("type", "Kind of the member", immutable, canonical("User", "Group")),
			str("display", "Name of the member for a human reader", immutable),
		}, multi),
	}}
}

func enterpriseSchema() Schema {
	return Schema{ID: EnterpriseUserURN, Name: "EnterpriseUser", Description: "What organisations add to a user", Attributes: []Attribute{
		str("employeeNumber", "Identifier given by the organisation"),
		str("costCenter", "Cost centre"),
		str("organization", "Organisation"),
		str("division", "Division"),
		str("department", "Department"),
		complexAttr("manager", "The user's manager", []Attribute{
			str("value", "Identifier of the manager's User", exact),
			reference("$ref", "URI of the manager's User", []string{"User"}),
			str("displayName", "Name of the manager for a human reader", readOnly),
		}),
	}}
}

func usherSchema() Schema {
	return Schema{ID: UsherUserURN, Name: "LifecycleUser", Description: "Where a person stands between hire and departure", Attributes: []Attribute{
		str("employmentStatus", "Status of employment, as the source says it"),
		attr("startDate", TypeDateTime, "First day"),
		attr("endDate", TypeDateTime, "When employment ends"),
		attr("leaveStartDate", TypeDateTime, "When a leave begins"),
		attr("leaveEndDate", TypeDateTime, "When a leave ends"),
		boolean("onLeave", "Whether a leave is on, as a source says it that may not tell its days"),
		str("timeZone", "Time zone of the dates by its IANA name", exact),
		str("workerType", "Kind of worker, such as employee or contractor"),
		str("sponsor", "Key of the person who answers for this one"),
	}}
}

// CoreResourceTypes returns the resource types User, with the Enterprise and
// lifecycle extensions, and Group (RFC 7643 §6, §8.6).
func CoreResourceTypes() []ResourceType {
	return []ResourceType{
		{
			ID: "User", Name: "User", Endpoint: "/Users", Description: "User account", Schema: UserURN,
			SchemaExtensions: []SchemaExtension{{Schema: EnterpriseUserURN}, {Schema: UsherUserURN}},
		},
		{ID: "Group", Name: "Group", Endpoint: "/Groups", Description: "Group of users", Schema: GroupURN},
	}
}
