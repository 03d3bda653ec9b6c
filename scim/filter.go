// SPDX-License-Identifier: Apache-2.0

package scim

// Filter is a parsed filter expression (RFC 7644 §3.4.2.2): a *[Compare],
// *[Present], *[And], *[Or], *[Not] or *[ValuePath]. String returns filter text
// that [ParseFilter] reads back as the same tree, operands escaped as JSON: a
// value can never become syntax.
type Filter interface {
	String() string
	filter()
}

// Op is a comparison operator of RFC 7644 §3.4.2.2, in lower case.
type Op string

// The comparison operators.
const (
	OpEq Op = "eq" // equal
	OpNe Op = "ne" // not equal
	OpCo Op = "co" // contains
	OpSw Op = "sw" // starts with
	OpEw Op = "ew" // ends with
	OpGt Op = "gt" // greater than
	OpGe Op = "ge" // greater than or equal
	OpLt Op = "lt" // less than
	OpLe Op = "le" // less than or equal
)

// Compare is `path op value`. Its path may hold a filter and a sub-attribute, as in
// `emails[type eq "work"].value eq "x"`: the RFC's grammar has that form in PATCH
// paths only, Entra sends it in filters.
type Compare struct {
	Path  Path
	Op    Op
	Value Value // null, boolean, number or string
}

// Present is `path pr`: the attribute has a value that is not empty.
type Present struct{ Path Path }

// And holds if every term holds.
type And struct{ Terms []Filter }

// Or holds if one of the terms holds.
type Or struct{ Terms []Filter }

// Not holds if Term does not.
type Not struct{ Term Filter }

// ValuePath is `path[filter]`: one and the same element of the attribute
// satisfies the whole filter, whose paths name sub-attributes.
type ValuePath struct {
	Path   Path // without Filter and Sub
	Filter Filter
}

func (*Compare) filter()   {}
func (*Present) filter()   {}
func (*And) filter()       {}
func (*Or) filter()        {}
func (*Not) filter()       {}
func (*ValuePath) filter() {}

// Eq returns `path eq "v"`.
func Eq(path Path, v string) Filter { return &Compare{path, OpEq, String(v)} }

// AndOf joins the filters that are not nil: none give nil, one gives itself.
// Terms that are *[And] are taken apart.
func AndOf(terms ...Filter) Filter {
	var flat []Filter
	for _, t := range terms {
		if and, ok := t.(*And); ok {
			flat = append(flat, and.Terms...)
		} else if t != nil {
			flat = append(flat, t)
		}
	}
	switch len(flat) {
	case 0:
		return nil
	case 1:
		return flat[0]
	}
	return &And{flat}
}

// OrOf joins the filters that are not nil: none give nil, one gives itself. Terms
// that are *[Or] are taken apart.
func OrOf(terms ...Filter) Filter {
	var flat []Filter
	for _, t := range terms {
		if or, ok := t.(*Or); ok {
			flat = append(flat, or.Terms...)
		} else if t != nil {
			flat = append(flat, t)
		}
	}
	switch len(flat) {
	case 0:
		return nil
	case 1:
		return flat[0]
	}
	return &Or{flat}
}

func (f *Compare) String() string   { return string(appendFilter(nil, f)) }
func (f *Present) String() string   { return string(appendFilter(nil, f)) }
func (f *And) String() string       { return string(appendFilter(nil, f)) }
func (f *Or) String() string        { return string(appendFilter(nil, f)) }
func (f *Not) String() string       { return string(appendFilter(nil, f)) }
func (f *ValuePath) String() string { return string(appendFilter(nil, f)) }

func appendFilter(dst []byte, f Filter) []byte {
	switch f := f.(type) {
	case *Compare:
		dst = append(f.Path.append(dst), ' ')
		dst = append(append(dst, f.Op...), ' ')
		return f.Value.AppendJSON(dst)
	case *Present:
		return append(f.Path.append(dst), " pr"...)
	case *And:
		return appendTerms(dst, f.Terms, " and ")
	case *Or:
		return appendTerms(dst, f.Terms, " or ")
	case *Not:
		dst = append(dst, "not ("...)
		return append(appendFilter(dst, f.Term), ')')
	case *ValuePath:
		p := Path{URN: f.Path.URN, Attr: f.Path.Attr, Filter: f.Filter}
		return p.append(dst)
	}
	return dst
}

// appendTerms writes brackets where the tree needs them: around every nested
// and/or, except an "and" in an "or", which binds tighter anyway.
func appendTerms(dst []byte, terms []Filter, word string) []byte {
	for i, t := range terms {
		if i > 0 {
			dst = append(dst, word...)
		}
		_, nested := t.(*Or)
		if _, and := t.(*And); and && word == " and " {
			nested = true
		}
		if !nested || len(terms) == 1 {
			dst = appendFilter(dst, t)
			continue
		}
		dst = append(dst, '(')
		dst = append(appendFilter(dst, t), ')')
	}
	return dst
}
