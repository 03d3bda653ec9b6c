// SPDX-License-Identifier: Apache-2.0

package scimevent

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/usher-id/usher/scim"
)

// Parse reads the claims of a token whose signature has been checked. Events that RFC
// 9967 does not define are left out, as RFC 8417 §2 has it; a token of nothing else
// has none left, and is no mistake. A "sub" beside sub_id is refused (RFC 9967 §2.1).
func Parse(claims []byte, lim scim.Limits) (*Token, error) {
	o, err := object(claims, lim)
	if err != nil {
		return nil, err
	}
	if _, ok := o.Get("sub"); ok {
		return nil, errors.New(`scimevent: the token has a "sub": its subject is in sub_id alone`)
	}
	t := &Token{
		Issuer: textOf(o, "iss"), ID: textOf(o, "jti"), Txn: textOf(o, "txn"), IssuedAt: instantOf(o, "iat"), Occurred: instantOf(o, "toe"),
		Audience: textsOf(o, "aud"),
	}
	v, _ := o.Get("sub_id")
	sub, _ := v.AsComplex()
	if textOf(sub, "format") != subjectFormat {
		return nil, errors.New(`scimevent: sub_id is not of the format "scim"`)
	}
	t.Subject = Subject{URI: textOf(sub, "uri"), ExternalID: textOf(sub, "externalId"), ID: textOf(sub, "id")}
	v, _ = o.Get("events")
	events, _ := v.AsComplex()
	if events.Len() == 0 {
		return nil, missing("events")
	}
	for uri, v := range events.All() {
		if kindOf(uri) == unknown {
			continue
		}
		e, err := eventOf(uri, v)
		if err != nil {
			return nil, err
		}
		t.Events = append(t.Events, e)
	}
	if len(t.Events) == 0 {
		whole := *t
		whole.Events = []Event{{URI: FeedAdd}}
		return t, whole.Check()
	}
	return t, t.Check()
}

func eventOf(uri string, v scim.Value) (e Event, err error) {
	o, ok := v.AsComplex()
	if !ok {
		return e, fmt.Errorf("scimevent: event %s is no object", uri)
	}
	e = Event{
		URI: uri, Version: textOf(o, "version"), Method: textOf(o, "method"), BulkID: textOf(o, "bulkId"), Location: textOf(o, "location"),
	}
	if s := textOf(o, "status"); s != "" {
		if e.Status, err = strconv.Atoi(s); err != nil {
			return e, fmt.Errorf("scimevent: event %s: the status %q is no number", uri, s)
		}
	}
	if v, ok := o.Get("attributes"); ok {
		if _, isList := v.AsList(); !isList {
			return e, fmt.Errorf("scimevent: event %s: attributes is no list", uri)
		}
		e.Attributes = textsOf(o, "attributes")
	} else if kindOf(uri) == notice {
		return e, fmt.Errorf("scimevent: event %s must name attributes", uri)
	}
	if v, ok := o.Get("data"); ok {
		e.Data, _ = v.AsComplex()
	}
	if v, ok := o.Get("response"); ok {
		if e.Response, err = scim.ParseError(v.AppendJSON(nil)); err != nil {
			return e, fmt.Errorf("scimevent: event %s: response: %w", uri, err)
		}
	}
	return e, nil
}

func object(data []byte, lim scim.Limits) (scim.Object, error) {
	v, err := scim.ParseValue(data, lim)
	if err != nil {
		return scim.Object{}, fmt.Errorf("scimevent: %w", err)
	}
	o, ok := v.AsComplex()
	if !ok {
		return o, errors.New("scimevent: the document is no JSON object")
	}
	return o, nil
}

func textOf(o scim.Object, name string) string {
	v, _ := o.Get(name)
	s, _ := v.AsString()
	return s
}

// textsOf reads a list of texts, or one text.
func textsOf(o scim.Object, name string) []string {
	v, _ := o.Get(name)
	if s, ok := v.AsString(); ok {
		return []string{s}
	}
	list, ok := v.AsList()
	if !ok {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		if s, ok := e.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}

// instantOf reads a NumericDate (RFC 7519 §2), which may have a fraction.
func instantOf(o scim.Object, name string) time.Time {
	v, _ := o.Get(name)
	const latest = 1 << 53 // what a decimal holds exactly
	f, ok := v.AsDecimal()
	if !ok || f <= 0 || f >= latest {
		return time.Time{}
	}
	return time.Unix(int64(f), 0).UTC()
}
