// SPDX-License-Identifier: Apache-2.0

package scimevent_test

import (
	"reflect"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// The messages are those of RFC 8936 §2.2 to §2.6.
func TestPollMessages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]scimevent.PollRequest{
		`{}`:                         {MaxEvents: -1},
		`{"returnImmediately":true}`: {MaxEvents: -1, ReturnImmediately: true},
		`{"maxEvents":0,"ack":["4d3559ec","3d0c3cf7"]}`: {Ack: []string{"4d3559ec", "3d0c3cf7"}},
		`{"maxEvents":5,"setErrs":{"4d3559ec":{"err":"authentication_failed","description":"The SET could not be authenticated"}},"later":1}`: {
			MaxEvents: 5, Errors: map[string]scimevent.DeliveryError{"4d3559ec": {scimevent.AuthenticationFailed, "The SET could not be authenticated"}},
		},
	} {
		got, err := scimevent.ParsePollRequest([]byte(text), scim.Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", text, got, err)
			continue
		}
		body, err := got.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := scimevent.ParsePollRequest(body, scim.Limits{}); err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s: %+v %v", body, again, err)
		}
	}
	for _, text := range []string{
		``, `[]`, `{"maxEvents":-1}`, `{"maxEvents":1.5}`, `{"maxEvents":"1"}`, `{"returnImmediately":"true"}`, `{"ack":"a"}`, `{"ack":[1]}`, `{"ack":{}}`,
		`{"setErrs":[]}`, `{"setErrs":{"a":"b"}}`, `{"setErrs":{"a":{}}}`, `{"ack":[],"ACK":[]}`,
	} {
		if got, err := scimevent.ParsePollRequest([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for text, want := range map[string]scimevent.PollAnswer{
		`{"sets":{}}`: {},
		`{"sets":{"4d3559ec":"eyJ0.eyJp.sig","3d0c3cf7":"eyJ0.eyJq.sig"},"moreAvailable":true}`: {
			Tokens: []scimevent.Signed{{"4d3559ec", "eyJ0.eyJp.sig"}, {"3d0c3cf7", "eyJ0.eyJq.sig"}}, More: true,
		},
	} {
		got, err := scimevent.ParsePollAnswer([]byte(text), scim.Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", text, got, err)
		}
		if body, err := want.MarshalJSON(); err != nil || string(body) != text {
			t.Errorf("%s %v, want %s", body, err, text)
		}
	}
	for _, text := range []string{``, `{}`, `{"sets":[]}`, `{"sets":{"a":1}}`, `{"sets":{},"moreAvailable":1}`} {
		if got, err := scimevent.ParsePollAnswer([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestDeliveryError(t *testing.T) {
	t.Parallel()
	e := scimevent.DeliveryError{Code: scimevent.InvalidRequest, Description: `a "b"`}
	text, err := e.MarshalJSON()
	if err != nil || string(text) != `{"err":"invalid_request","description":"a \"b\""}` || e.Error() != `invalid_request: a "b"` {
		t.Errorf("%s %v %s", text, err, e.Error())
	}
	if got, err := scimevent.ParseDeliveryError(text, scim.Limits{}); err != nil || got != e {
		t.Errorf("%+v %v", got, err)
	}
	for _, text := range []string{"", "<html>", `{"description":"x"}`, `{"err":1}`} {
		if got, err := scimevent.ParseDeliveryError([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
