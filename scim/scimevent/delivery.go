// SPDX-License-Identifier: Apache-2.0

package scimevent

import (
	"errors"
	"fmt"

	"github.com/usher-id/usher/scim"
)

// The codes of a DeliveryError (RFC 8935 §2.4).
const (
	InvalidRequest       = "invalid_request"
	InvalidKey           = "invalid_key"
	InvalidIssuer        = "invalid_issuer"
	InvalidAudience      = "invalid_audience"
	AuthenticationFailed = "authentication_failed"
	AccessDenied         = "access_denied"
)

// DeliveryError is why a token is refused (RFC 8935 §2.3, RFC 8936 §2.6).
type DeliveryError struct {
	Code        string
	Description string // for a human reader; may be ""
}

func (e DeliveryError) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Code + ": " + e.Description
}

func (e DeliveryError) object() scim.Object {
	var o scim.Object
	o.Set("err", scim.String(e.Code))
	setText(&o, "description", e.Description)
	return o
}

// MarshalJSON writes the error.
func (e DeliveryError) MarshalJSON() ([]byte, error) { return e.object().AppendJSON(nil), nil }

// ParseDeliveryError reads an error. One without a code is none.
func ParseDeliveryError(data []byte, lim scim.Limits) (DeliveryError, error) {
	o, err := object(data, lim)
	if err != nil {
		return DeliveryError{}, err
	}
	return deliveryErrorOf(o)
}

func deliveryErrorOf(o scim.Object) (DeliveryError, error) {
	e := DeliveryError{Code: textOf(o, "err"), Description: textOf(o, "description")}
	if e.Code == "" {
		return e, errors.New("scimevent: the error has no err")
	}
	return e, nil
}

// PollRequest asks for tokens, and says what became of those that came before
// (RFC 8936 §2.2).
type PollRequest struct {
	MaxEvents         int // at most this many; 0 for none; negative if it is not stated
	ReturnImmediately bool
	Ack               []string                 // jti of those that were received and kept
	Errors            map[string]DeliveryError // by jti, those that were refused
}

// MarshalJSON writes the request.
func (p PollRequest) MarshalJSON() ([]byte, error) {
	var o scim.Object
	if p.MaxEvents >= 0 {
		o.Set("maxEvents", scim.Integer(int64(p.MaxEvents)))
	}
	if p.ReturnImmediately {
		o.Set("returnImmediately", scim.Bool(true))
	}
	if len(p.Ack) > 0 {
		o.Set("ack", texts(p.Ack))
	}
	if len(p.Errors) > 0 {
		var errs scim.Object
		for id, e := range p.Errors {
			errs.Set(id, scim.Complex(e.object()))
		}
		o.Set("setErrs", scim.Complex(errs))
	}
	return o.AppendJSON(nil), nil
}

// ParsePollRequest reads a request. What is stated must be of the right type; what is
// not known is passed over.
func ParsePollRequest(data []byte, lim scim.Limits) (p PollRequest, err error) {
	o, err := object(data, lim)
	if err != nil {
		return p, err
	}
	p.MaxEvents = -1
	if v, ok := o.Get("maxEvents"); ok {
		n, ok := v.AsInteger()
		if !ok || n < 0 {
			return p, wrong("maxEvents", "a whole number from 0 on")
		}
		p.MaxEvents = int(min(n, 1<<30))
	}
	if v, ok := o.Get("returnImmediately"); ok {
		if p.ReturnImmediately, ok = v.AsBool(); !ok {
			return p, wrong("returnImmediately", "true or false")
		}
	}
	if v, ok := o.Get("ack"); ok {
		list, ok := v.AsList()
		if p.Ack = textsOf(o, "ack"); !ok || len(p.Ack) != len(list) {
			return p, wrong("ack", "a list of texts")
		}
	}
	if v, ok := o.Get("setErrs"); ok {
		errs, ok := v.AsComplex()
		if !ok {
			return p, wrong("setErrs", "an object")
		}
		p.Errors = make(map[string]DeliveryError, errs.Len())
		for id, v := range errs.All() {
			one, ok := v.AsComplex()
			if !ok {
				return p, wrong("setErrs", "an object of objects")
			}
			if p.Errors[id], err = deliveryErrorOf(one); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

func wrong(member, want string) error { return fmt.Errorf("scimevent: %s must be %s", member, want) }

// Signed is a token as it is delivered.
type Signed struct {
	ID  string // jti
	JWS string // in the compact form
}

// PollAnswer is what a poll is answered with (RFC 8936 §2.3).
type PollAnswer struct {
	Tokens []Signed
	More   bool // there are more to be asked for
}

// MarshalJSON writes the answer; an object of no tokens is there, too.
func (p PollAnswer) MarshalJSON() ([]byte, error) {
	var o, sets scim.Object
	for _, t := range p.Tokens {
		sets.Set(t.ID, scim.String(t.JWS))
	}
	o.Set("sets", scim.Complex(sets))
	if p.More {
		o.Set("moreAvailable", scim.Bool(true))
	}
	return o.AppendJSON(nil), nil
}

// ParsePollAnswer reads an answer.
func ParsePollAnswer(data []byte, lim scim.Limits) (p PollAnswer, err error) {
	o, err := object(data, lim)
	if err != nil {
		return p, err
	}
	v, _ := o.Get("sets")
	sets, ok := v.AsComplex()
	if !ok {
		return p, wrong("sets", "an object")
	}
	for id, v := range sets.All() {
		jws, ok := v.AsString()
		if !ok {
			return p, wrong("sets", "an object of texts")
		}
		p.Tokens = append(p.Tokens, Signed{id, jws})
	}
	if v, ok := o.Get("moreAvailable"); ok {
		if p.More, ok = v.AsBool(); !ok {
			return p, wrong("moreAvailable", "true or false")
		}
	}
	return p, nil
}
