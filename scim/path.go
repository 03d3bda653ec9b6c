// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// Path names an attribute of a resource, as in PATCH (RFC 7644 §3.5.2) and, with a
// URN before it, in the notation of §3.10:
//
//	userName
//	name.givenName
//	emails[type eq "work"].value
//	urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department
//	urn:ietf:params:scim:schemas:extension:enterprise:2.0:User
//
// The last one is a whole extension: URN alone. The zero Path names nothing.
type Path struct {
	URN    string // schema URN; "" for the resource's own schema
	Attr   string // attribute; "" with a URN means the whole extension
	Filter Filter // condition in square brackets; nil for none
	Sub    string // sub-attribute; "" for none
}

// ParsePath reads a path. Names keep their spelling. A text that begins with
// "urn:" is split at its last colon; as only the schemas can tell a URN from a
// URN with an attribute, a name that follows a version number ("…:2.0:User") is
// taken for a part of the URN. [SchemaSet.ParsePath] knows the schemas, and
// short aliases. An error is a *[SyntaxError].
func ParsePath(s string) (Path, error) {
	p := newFilterParser(s, "path", FilterLimits{})
	if err := p.start(); err != nil {
		return Path{}, err
	}
	path, err := p.path(true)
	if err != nil {
		return Path{}, err
	}
	if p.pos < len(s) {
		return Path{}, p.fail(p.pos, "unexpected text after the path")
	}
	return path, nil
}

// MustPath is [ParsePath] for paths that are written in the program; it panics on
// an error.
func MustPath(s string) Path {
	p, err := ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

// IsZero tells whether the path names nothing.
func (p Path) IsZero() bool { return p.URN == "" && p.Attr == "" }

// String returns the path as [ParsePath] reads it.
func (p Path) String() string {
	if p.Filter == nil && p.Sub == "" {
		switch {
		case p.URN == "":
			return p.Attr
		case p.Attr == "":
			return p.URN
		}
	}
	return string(p.append(nil))
}

func (p Path) append(dst []byte) []byte {
	dst = append(dst, p.URN...)
	if p.URN != "" && p.Attr != "" {
		dst = append(dst, ':')
	}
	dst = append(dst, p.Attr...)
	if p.Filter != nil {
		dst = append(dst, '[')
		dst = append(appendFilter(dst, p.Filter), ']')
	}
	if p.Sub != "" {
		dst = append(append(dst, '.'), p.Sub...)
	}
	return dst
}

// Equal tells whether both name the same: letter case of names and URNs does not
// count (RFC 7643 §2.1), filters are compared by their text.
func (p Path) Equal(q Path) bool {
	if !sameName(p.URN, q.URN) || !sameName(p.Attr, q.Attr) || !sameName(p.Sub, q.Sub) {
		return false
	}
	if p.Filter == nil || q.Filter == nil {
		return p.Filter == nil && q.Filter == nil
	}
	return p.Filter.String() == q.Filter.String()
}

// splitURN cuts a URN token into schema URN and attribute. The attribute is ""
// if the token is a URN alone.
func splitURN(token string) (urn, attr string) {
	i := strings.LastIndexByte(token, ':')
	head, tail := token[:i], token[i+1:]
	if name, sub, dotted := strings.Cut(tail, "."); !isName(name) || dotted && !isName(sub) {
		return token, ""
	}
	j := strings.LastIndexByte(head, ':')
	if j <= len("urn") { // urn:example is no URN yet: it lacks the specific part
		return token, ""
	}
	// SCIM 1.1 URNs end in the version, those of 2.0 in a name after it.
	if isVersion(head[j+1:]) && !sameName(head[:min(len(head), len("urn:scim:schemas:"))], "urn:scim:schemas:") {
		return token, ""
	}
	return head, tail
}

func isVersion(s string) bool {
	digits := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] >= '0' && s[i] <= '9':
			digits = true
		case s[i] != '.' || i == 0 || i == len(s)-1:
			return false
		}
	}
	return digits && strings.IndexByte(s, '.') > 0
}

// isName checks ATTRNAME. RFC 7643 §2.1 allows "$" within a name, and its own
// "$ref" begins with one; RFC 7644 §3.4.2.2 forgot it.
func isName(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isNameByte(s[i], i == 0) {
			return false
		}
	}
	return s != "$"
}

func isNameByte(c byte, first bool) bool {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z', c == '$':
		return true
	case c >= '0' && c <= '9', c == '-', c == '_':
		return !first
	}
	return false
}
