// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The types of events that speak of users.
const (
	UserCreated = "user.created"
	UserUpdated = "user.updated"
	UserDeleted = "user.deleted"
)

// Event is what Auth0 tells, by the Events API or by a webhook (CloudEvents 1.0). It
// comes at least once and in no order.
type Event struct {
	ID         string
	Type       string
	Time       time.Time
	Purpose    string         // "test" for one that an administrator has sent to try it
	Stream     string         // est_…
	Connection string         // name; "" if not told
	Object     jsontext.Value // of user.*: the user
}

// ParseEvent reads one event. Fields that are not known are skipped, and so are those
// beside the id and the type that are not as documented: what counts is read again
// from the tenant. Types lose the prefix that older documentation shows.
func ParseEvent(text []byte) (Event, error) {
	var m map[string]jsontext.Value
	if json.Unmarshal(text, &m) != nil || m == nil {
		return Event{}, errors.New("auth0: an event is no JSON object")
	}
	e := Event{
		ID: textOf(m["id"]), Type: strings.TrimPrefix(textOf(m["type"]), "com.auth0."),
		Time: timeOf(m["time"]), Purpose: textOf(m["a0purpose"]), Stream: textOf(m["a0stream"]),
	}
	switch {
	case e.ID == "":
		return Event{}, errors.New("auth0: an event has no id")
	case e.Type == "":
		return Event{}, errors.New("auth0: an event has no type")
	}
	data := objectOf(m["data"])
	if object := data["object"]; kindOf(object) == '{' {
		e.Object = append(jsontext.Value(nil), object...)
	}
	context := objectOf(data["context"])
	e.Connection = textOf(objectOf(context["connection"])["name"])
	return e, nil
}

// objectOf are the members of an object, none if it is something else.
func objectOf(v jsontext.Value) map[string]jsontext.Value {
	var m map[string]jsontext.Value
	if kindOf(v) != '{' || json.Unmarshal(v, &m) != nil {
		return nil
	}
	return m
}
