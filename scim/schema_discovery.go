// SPDX-License-Identifier: Apache-2.0

package scim

func integer(name, description string, opts ...func(*Attribute)) Attribute {
	return attr(name, TypeInteger, description, opts...)
}

// serviceProviderConfigSchema is RFC 7643 §5 with the pagination of RFC 9865 and
// the securityEvents of RFC 9967 §4.
func serviceProviderConfigSchema() Schema {
	supported := boolean("supported", "Whether the feature is there", required, readOnly)
	feature := func(name, description string, more ...Attribute) Attribute {
		return complexAttr(name, description, append([]Attribute{supported}, more...), required, readOnly)
	}
	return Schema{ID: ServiceProviderConfigURN, Name: "ServiceProviderConfig", Description: "What the service provider can do", Attributes: []Attribute{
		reference("documentationUri", "URL of documentation for human readers", []string{"external"}, readOnly),
		feature("patch", "PATCH requests"),
		feature("bulk", "Bulk requests",
			integer("maxOperations", "Most operations in one request", required, readOnly),
			integer("maxPayloadSize", "Most bytes in one request", required, readOnly)),
		feature("filter", "Filters",
			integer("maxResults", "Most resources in one answer", required, readOnly)),
		feature("changePassword", "Changing a password"),
		feature("sort", "Sorting"),
		feature("etag", "Entity tags"),
		complexAttr("pagination", "Pagination (RFC 9865)", []Attribute{
			boolean("cursor", "Whether cursors are supported", required, readOnly),
			boolean("index", "Whether start indexes are supported", required, readOnly),
			str("defaultPaginationMethod", "Method if the client names none", readOnly, canonical("cursor", "index")),
			integer("defaultPageSize", "Resources on a page if the client names no count", readOnly),
			integer("maxPageSize", "Most resources on a page", readOnly),
			integer("cursorTimeout", "Seconds for which a cursor is good", readOnly),
		}, readOnly),
		complexAttr("securityEvents", "Security events (RFC 9967)", []Attribute{
			str("asyncRequest", "When requests are answered by an event", required, readOnly, canonical("none", "long", "request")),
			str("eventUris", "Events that are given", multi, readOnly),
		}, readOnly),
		complexAttr("authenticationSchemes", "Ways to authenticate", []Attribute{
			str("type", "Kind of scheme", required, readOnly, canonical("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest")),
			str("name", "Name of the scheme", required, readOnly),
			str("description", "Description of the scheme", required, readOnly),
			reference("specUri", "URL of the specification", []string{"external"}, readOnly),
			reference("documentationUri", "URL of documentation", []string{"external"}, readOnly),
			boolean("primary", "Whether this is the preferred scheme", readOnly),
		}, multi, required, readOnly),
	}}
}

// resourceTypeSchema is RFC 7643 §6.
func resourceTypeSchema() Schema {
	return Schema{ID: ResourceTypeURN, Name: "ResourceType", Description: "A kind of resource", Attributes: []Attribute{
		str("id", "Identifier, often the same as the name", readOnly, exact),
		str("name", "Name of the resource type", required, readOnly),
		str("description", "Description for human readers", readOnly),
		reference("endpoint", "Address relative to the base URL", []string{"uri"}, required, readOnly),
		reference("schema", "URN of the base schema", []string{"uri"}, required, readOnly),
		complexAttr("schemaExtensions", "Extensions of the resource type", []Attribute{
			reference("schema", "URN of the extension", []string{"uri"}, required, readOnly),
			boolean("required", "Whether every resource has the extension", required, readOnly),
		}, multi, required, readOnly),
	}}
}

// schemaSchema is RFC 7643 §7. It alone nests complex attributes.
func schemaSchema() Schema {
	definition := func(more ...Attribute) []Attribute {
		return append([]Attribute{
			str("name", "Name of the attribute", required, readOnly, exact),
			str("type", "Data type", required, readOnly,
				canonical("string", "complex", "boolean", "decimal", "integer", "dateTime", "reference", "binary")),
			boolean("multiValued", "Whether the attribute has several values", required, readOnly),
			str("description", "Description for human readers", readOnly, exact),
			boolean("required", "Whether the attribute must have a value", readOnly),
			str("canonicalValues", "Suggested values", multi, readOnly, exact),
			boolean("caseExact", "Whether letter case counts", readOnly),
			str("mutability", "When the attribute may be written", readOnly, exact,
				canonical("readOnly", "readWrite", "immutable", "writeOnly")),
			str("returned", "When the attribute is in an answer", readOnly, exact,
				canonical("always", "never", "default", "request")),
			str("uniqueness", "Where no two resources may share a value", readOnly, exact,
				canonical("none", "server", "global")),
			str("referenceTypes", "What a reference may point to", multi, readOnly, exact),
		}, more...)
	}
	return Schema{ID: SchemaURN, Name: "Schema", Description: "Definition of a schema", Attributes: []Attribute{
		str("id", "URN of the schema", required, readOnly, exact),
		str("name", "Name of the schema", required, readOnly),
		str("description", "Description for human readers", readOnly),
		complexAttr("attributes", "Attributes of the schema",
			definition(complexAttr("subAttributes", "Sub-attributes of a complex attribute", definition(), multi, readOnly)),
			multi, required, readOnly),
	}}
}
