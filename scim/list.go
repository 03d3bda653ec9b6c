// SPDX-License-Identifier: Apache-2.0

package scim

import "strconv"

// ListResponse is the answer to a query (RFC 7644 §3.4.2, RFC 9865).
type ListResponse struct {
	TotalResults   int // -1 if not stated, as RFC 9865 allows with cursors
	StartIndex     int // 0 if not stated
	ItemsPerPage   int // 0 if not stated
	NextCursor     string
	PreviousCursor string
	Resources      []*Resource
}

// MarshalJSON writes the list message; fields that are not stated are left out. A
// page by index, which has a StartIndex, states its ItemsPerPage also if it is 0
// (RFC 7644 §3.4.2.4).
func (l ListResponse) MarshalJSON() ([]byte, error) {
	dst := append([]byte(nil), `{"schemas":["`+ListResponseURN+`"]`...)
	if l.TotalResults >= 0 {
		dst = strconv.AppendInt(append(dst, `,"totalResults":`...), int64(l.TotalResults), 10)
	}
	if l.StartIndex > 0 {
		dst = strconv.AppendInt(append(dst, `,"startIndex":`...), int64(l.StartIndex), 10)
	}
	if l.ItemsPerPage > 0 || l.StartIndex > 0 {
		dst = strconv.AppendInt(append(dst, `,"itemsPerPage":`...), int64(l.ItemsPerPage), 10)
	}
	if l.NextCursor != "" {
		dst = appendString(append(dst, `,"nextCursor":`...), l.NextCursor)
	}
	if l.PreviousCursor != "" {
		dst = appendString(append(dst, `,"previousCursor":`...), l.PreviousCursor)
	}
	dst = append(dst, `,"Resources":[`...)
	for i, r := range l.Resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.AppendJSON(dst)
	}
	return append(dst, "]}"...), nil
}

// ParseListResponse reads a list message. It is tolerant where service providers
// differ: "resources" in any letter case or missing on an empty page, numbers in
// quotes, no schemas, no totalResults. It is strict where a mistake would look
// like an empty directory: an object with neither Resources nor totalResults is
// no list, and totalResults above 0 may lack Resources only if the client asked
// for none, which the caller knows.
func ParseListResponse(data []byte, lim Limits) (*ListResponse, error) {
	o, err := parseObject(data, lim)
	if err != nil {
		return nil, err
	}
	refuse := func(pointer, reason string) (*ListResponse, error) {
		return nil, &SyntaxError{What: "json", Pointer: pointer, Reason: reason}
	}
	r := Resource{o}
	if r.HasSchema(ErrorURN) {
		return refuse("/schemas", "this is an error message, not a list")
	}
	l := &ListResponse{TotalResults: -1, NextCursor: r.text("nextCursor"), PreviousCursor: r.text("previousCursor")}
	for name, n := range map[string]*int{"totalResults": &l.TotalResults, "startIndex": &l.StartIndex, "itemsPerPage": &l.ItemsPerPage} {
		v, _ := o.Get(name)
		if v.IsUnassigned() {
			continue
		}
		i, ok := wholeNumber(v)
		if !ok || i < 0 {
			return refuse("/"+name, "not a count")
		}
		*n = i
	}
	v, _ := o.Get("Resources")
	list, ok := v.AsList()
	switch {
	case !ok && !v.IsNull():
		return refuse("/Resources", "a list is wanted, this is "+v.Kind().String())
	case !ok && l.TotalResults < 0:
		return refuse("", "neither Resources nor totalResults: this is no list")
	}
	l.Resources = make([]*Resource, len(list))
	backing := make([]Resource, len(list))
	for i, e := range list {
		if backing[i].Object, ok = e.AsComplex(); !ok {
			return refuse("/Resources/"+strconv.Itoa(i), "an object is wanted, this is "+e.Kind().String())
		}
		l.Resources[i] = &backing[i]
	}
	return l, nil
}
