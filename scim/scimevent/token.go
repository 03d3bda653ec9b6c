// SPDX-License-Identifier: Apache-2.0

package scimevent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// The URIs of events (RFC 9967 §7.4).
const (
	FeedAdd       = "urn:ietf:params:scim:event:feed:add"
	FeedRemove    = "urn:ietf:params:scim:event:feed:remove"
	CreateNotice  = "urn:ietf:params:scim:event:prov:create:notice"
	CreateFull    = "urn:ietf:params:scim:event:prov:create:full"
	PatchNotice   = "urn:ietf:params:scim:event:prov:patch:notice"
	PatchFull     = "urn:ietf:params:scim:event:prov:patch:full"
	PutNotice     = "urn:ietf:params:scim:event:prov:put:notice"
	PutFull       = "urn:ietf:params:scim:event:prov:put:full"
	Delete        = "urn:ietf:params:scim:event:prov:delete"
	Activate      = "urn:ietf:params:scim:event:prov:activate"
	Deactivate    = "urn:ietf:params:scim:event:prov:deactivate"
	AsyncResponse = "urn:ietf:params:scim:event:misc:asyncresp"
)

// MediaType is of a signed token in the body of a push (RFC 8417 §2.3, RFC 8935
// §2.1), HeaderType the "typ" of its JWS header.
const (
	MediaType  = "application/secevent+jwt"
	HeaderType = "secevent+jwt"
)

// Token is the claims of a security event token. All events of one come of the same
// change of one resource (RFC 9967 §2.1).
type Token struct {
	Issuer   string
	Audience []string
	ID       string    // jti: of this token; the same however often it is delivered
	IssuedAt time.Time // to the second
	Occurred time.Time // toe, to the second; zero for none
	Txn      string    // of the transaction; the same in all tokens that come of it
	Subject  Subject
	Events   []Event // at least one, none twice
}

// Subject says which resource a token is about (sub_id, RFC 9967 §2.1).
type Subject struct {
	URI        string // below the base URI, such as /Users/2819c223
	ExternalID string // "" if it is not known
	ID         string // "" to leave it out
}

// Event is one of a token's. Which fields it has follows from its URI: a notice names
// attributes, one that is full has data, an answer says how a request ended.
type Event struct {
	URI     string
	Version string // the resource's entity tag afterwards; "" for none

	Attributes []string    // of a notice: the paths of what was added, revised or removed
	Data       scim.Object // of one that is full: a resource, or a PatchOp message

	// Of AsyncResponse, as in the answer to a bulk request (RFC 7644 §3.7.3):
	Method   string
	BulkID   string
	Location string
	Status   int
	Response *scim.Error // what went wrong; nil for nothing
}

// kind is what an event must have.
type kind int

const (
	unknown kind = iota
	bare
	notice
	full
	answer
)

func kindOf(uri string) kind {
	switch uri {
	case FeedAdd, FeedRemove, Delete, Activate, Deactivate:
		return bare
	case CreateNotice, PatchNotice, PutNotice:
		return notice
	case CreateFull, PatchFull, PutFull:
		return full
	case AsyncResponse:
		return answer
	}
	return unknown
}

// Check says what keeps a token from being one of RFC 9967.
func (t *Token) Check() error {
	switch {
	case t.Issuer == "":
		return missing("iss")
	case t.ID == "":
		return missing("jti")
	case t.IssuedAt.IsZero():
		return missing("iat")
	case !strings.HasPrefix(t.Subject.URI, "/"):
		return errors.New("scimevent: sub_id: the uri must be a path below the base URI, such as /Users/2819c223")
	case len(t.Events) == 0:
		return missing("events")
	}
	seen := map[string]bool{}
	for _, e := range t.Events {
		if seen[e.URI] {
			return fmt.Errorf("scimevent: event %s is there twice", e.URI)
		}
		seen[e.URI] = true
		if err := e.check(); err != nil {
			return err
		}
	}
	return nil
}

func missing(claim string) error { return fmt.Errorf("scimevent: the token has no %s", claim) }

func (e Event) check() error {
	k := kindOf(e.URI)
	hasData := e.Data.Len() > 0
	switch {
	case k == unknown:
		return fmt.Errorf("scimevent: %q is no event of RFC 9967", e.URI)
	case k == full && !hasData, k == full && e.Attributes != nil:
		return fmt.Errorf("scimevent: event %s must have data, and no attributes", e.URI)
	case k != full && hasData, k != notice && e.Attributes != nil:
		return fmt.Errorf("scimevent: event %s has what only others have", e.URI)
	case k == answer && (e.Method == "" || e.Status < 100 || e.Status > 599):
		return fmt.Errorf("scimevent: event %s must say the method and the status", e.URI)
	case k == answer && (e.Status < 200 || e.Status > 299) && e.Response == nil:
		return fmt.Errorf("scimevent: event %s of status %d must have a response", e.URI, e.Status)
	}
	return nil
}

// MarshalJSON writes the claims, after Check.
func (t *Token) MarshalJSON() ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	var o scim.Object
	o.Set("iss", scim.String(t.Issuer))
	if len(t.Audience) > 0 {
		o.Set("aud", texts(t.Audience))
	}
	o.Set("iat", scim.Integer(t.IssuedAt.Unix()))
	o.Set("jti", scim.String(t.ID))
	if !t.Occurred.IsZero() {
		o.Set("toe", scim.Integer(t.Occurred.Unix()))
	}
	setText(&o, "txn", t.Txn)
	var sub scim.Object
	sub.Set("format", scim.String(subjectFormat))
	sub.Set("uri", scim.String(t.Subject.URI))
	setText(&sub, "externalId", t.Subject.ExternalID)
	setText(&sub, "id", t.Subject.ID)
	o.Set("sub_id", scim.Complex(sub))
	var events scim.Object
	for _, e := range t.Events {
		events.Set(e.URI, e.payload())
	}
	o.Set("events", scim.Complex(events))
	return o.AppendJSON(nil), nil
}

const subjectFormat = "scim"

func (e Event) payload() scim.Value {
	var o scim.Object
	setText(&o, "method", e.Method)
	setText(&o, "bulkId", e.BulkID)
	setText(&o, "version", e.Version)
	setText(&o, "location", e.Location)
	if e.Status > 0 { // a string (RFC 7644 §3.7.3)
		o.Set("status", scim.String(strconv.Itoa(e.Status)))
	}
	switch kindOf(e.URI) {
	case notice:
		o.Set("attributes", texts(e.Attributes))
	case full:
		o.Set("data", scim.Complex(e.Data))
	}
	if e.Response != nil {
		body, _ := e.Response.MarshalJSON()                                     // it has no error
		v, _ := scim.ParseValue(body, scim.Limits{MaxString: -1, MaxBytes: -1}) // likewise: it was just written
		o.Set("response", v)
	}
	return scim.Complex(o)
}

func setText(o *scim.Object, name, s string) {
	if s != "" {
		o.Set(name, scim.String(s))
	}
}

func texts(list []string) scim.Value {
	values := make([]scim.Value, len(list))
	for i, s := range list {
		values[i] = scim.String(s)
	}
	return scim.List(values...)
}
