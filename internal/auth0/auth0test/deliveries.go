// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func (st *eventStream) status() string {
	if st.Disabled {
		return disabled
	}
	return enabled
}

// json is a stream without its secrets.
func (st *eventStream) json() jsontext.Value {
	var o, destination, configuration, authorization object
	switch {
	case st.Bearer != "":
		authorization.text("method", "bearer")
	case st.Header != "":
		authorization.text("method", "custom_header")
		authorization.text("header_key", st.Header)
	default:
		authorization.text("method", "basic")
		authorization.text("username", st.Username)
	}
	configuration.text("webhook_endpoint", st.URL)
	configuration.raw("webhook_authorization", authorization.end())
	destination.text("type", "webhook")
	destination.raw("configuration", configuration.end())
	types := []byte{'['}
	for i, kind := range st.Types {
		if i > 0 {
			types = append(types, ',')
		}
		var one object
		one.text("event_type", kind)
		types = append(types, one.end()...)
	}
	o.text("id", st.id)
	o.text("name", st.Name)
	o.raw("subscriptions", append(types, ']'))
	o.raw("destination", destination.end())
	o.text("status", st.status())
	o.time("created_at", st.created)
	o.time("updated_at", st.updated)
	return o.end()
}

func (c *call) stream() (*eventStream, error) {
	for _, st := range c.sender.streams {
		if st.id == c.args["id"] {
			return st, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "inexistent_event_stream", "The event stream does not exist.")
}

func listStreams(c *call) (answer, error) {
	var rows []row
	for _, st := range c.sender.streams {
		rows = append(rows, row{st.id, st.json})
	}
	return c.list("eventStreams", rows)
}

// streamBody is what an event stream is made of.
type streamBody struct {
	Name          field[string] `json:"name"`
	Subscriptions []struct {
		Type string `json:"event_type"`
	} `json:"subscriptions"`
	Destination *struct {
		Type          string `json:"type"`
		Configuration struct {
			URL           string `json:"webhook_endpoint"`
			Authorization struct {
				Method   string `json:"method"`
				Token    string `json:"token"`
				Username string `json:"username"`
				Password string `json:"password"`
				Header   string `json:"header_key"`
				Value    string `json:"header_value"`
			} `json:"webhook_authorization"`
		} `json:"configuration"`
	} `json:"destination"`
	Status string `json:"status"`
}

func (b *streamBody) apply(s *Stream) error {
	if b.Name.set {
		s.Name = b.Name.value
	}
	if b.Subscriptions != nil {
		s.Types = nil
		for _, one := range b.Subscriptions {
			if !slices.Contains(eventTypes(), one.Type) {
				return badBody("No enum match for: " + one.Type + " on property event_type")
			}
			s.Types = append(s.Types, one.Type)
		}
	}
	if d := b.Destination; d != nil {
		if d.Type != "webhook" {
			return badBody("this fake has webhooks alone")
		}
		if u, err := url.Parse(d.Configuration.URL); err != nil || u.Host == "" {
			return badBody("Object didn't pass validation for format url on property webhook_endpoint")
		}
		a := d.Configuration.Authorization
		s.URL, s.Bearer, s.Username, s.Password, s.Header, s.Value = d.Configuration.URL, a.Token, a.Username, a.Password, a.Header, a.Value
	}
	return nil
}

func createStream(c *call) (answer, error) {
	var want streamBody
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	s := Stream{Disabled: want.Status == disabled}
	if want.Destination == nil {
		return answer{}, badBody("Missing required property: destination")
	}
	if err := want.apply(&s); err != nil {
		return answer{}, err
	}
	st := c.addStream(s)
	c.note(c.by, Created, "event_stream", st.id, s.Name)
	return created(st.json())
}

func getStream(c *call) (answer, error) {
	st, err := c.stream()
	if err != nil {
		return answer{}, err
	}
	return ok(st.json())
}

// updateStream is PATCH /event-streams/:id. One with too many failures stays off.
func updateStream(c *call) (answer, error) {
	st, err := c.stream()
	if err != nil {
		return answer{}, err
	}
	var want streamBody
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if want.Status == enabled && len(st.failed) >= mostFailed {
		return answer{}, refuse(http.StatusBadRequest, "too_many_failures", "The event stream has too many failed deliveries")
	}
	if err := want.apply(&st.Stream); err != nil {
		return answer{}, err
	}
	switch want.Status {
	case enabled:
		st.Disabled, st.inARow = false, 0
		c.sender.nudge()
	case disabled:
		st.Disabled = true
	}
	st.updated = c.now
	c.note(c.by, Updated, "event_stream", st.id, st.Name)
	return ok(st.json())
}

func deleteStream(c *call) (answer, error) {
	if st, err := c.stream(); err == nil {
		c.sender.streams = slices.DeleteFunc(c.sender.streams, func(o *eventStream) bool { return o == st })
		c.note(c.by, Deleted, "event_stream", st.id, st.Name)
	}
	return status(http.StatusNoContent)
}

func (d *delivery) json(stream string, event jsontext.Value) jsontext.Value {
	var o object
	o.text("id", d.event.ID)
	o.text("event_stream_id", stream)
	o.text("status", "failed")
	o.text("event_type", d.event.Type)
	attempts := []byte{'['}
	for i, a := range d.attempts {
		if i > 0 {
			attempts = append(attempts, ',')
		}
		var one object
		one.text("status", "failed")
		one.time("timestamp", a.at)
		one.text("error_message", a.why)
		attempts = append(attempts, one.end()...)
	}
	o.raw("attempts", append(attempts, ']'))
	// What the event says is a text here, and not an object as in the delivery itself.
	var about object
	about.text("id", d.event.ID)
	about.text("source", member(event, "source"))
	about.text("specversion", "1.0")
	about.text("type", d.event.Type)
	about.time("time", d.event.Time)
	about.text("data", string(members(event)["data"]))
	o.raw("event", about.end())
	return o.end()
}

// deliveryFilter says which failed deliveries are meant.
type deliveryFilter struct {
	DateFrom string   `json:"date_from"`
	DateTo   string   `json:"date_to"`
	Statuses []string `json:"statuses"`
	Types    []string `json:"event_types"`
}

// pick finds them. Times are without fractions of a second; date_to is exclusive.
func (f *deliveryFilter) pick(all []*delivery) ([]*delivery, error) {
	var bounds [2]time.Time
	for i, text := range []string{f.DateFrom, f.DateTo} {
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || len(text) > maxInstant {
			return nil, badQuery("Object didn't pass validation for format date-time")
		}
		bounds[i] = at
	}
	if slices.ContainsFunc(f.Statuses, func(s string) bool { return s != "failed" }) {
		return nil, badQuery("No enum match on property statuses")
	}
	var out []*delivery
	for _, d := range all {
		at := d.event.Time
		if (len(f.Types) == 0 || slices.Contains(f.Types, d.event.Type)) && !at.Before(bounds[0]) && (bounds[1].IsZero() || at.Before(bounds[1])) {
			out = append(out, d)
		}
	}
	return out, nil
}

// listDeliveries is GET /event-streams/:id/deliveries: those that failed, oldest first,
// as a bare array; from is the id of the last one that was seen.
func listDeliveries(c *call) (answer, error) {
	st, err := c.stream()
	if err != nil {
		return answer{}, err
	}
	f := deliveryFilter{DateFrom: c.query.Get("date_from"), DateTo: c.query.Get("date_to"), Statuses: commas(c.query.Get("statuses")), Types: commas(c.query.Get("event_types"))}
	found, err := f.pick(st.failed)
	if err != nil {
		return answer{}, err
	}
	take, err := c.number("take", defaultTake, 1, mostTaken)
	if err != nil {
		return answer{}, err
	}
	if from := c.query.Get("from"); from != "" {
		i := slices.IndexFunc(found, func(d *delivery) bool { return d.event.ID == from })
		if i < 0 {
			return answer{}, invalidPaging("The from parameter is invalid, or has expired.")
		}
		found = found[i+1:]
	}
	var rows []row
	for _, d := range found[:min(take, len(found))] {
		rows = append(rows, row{d.event.ID, func() jsontext.Value { return d.json(st.id, c.cloud(d.event, st.id)) }})
	}
	return ok(appendRows(nil, rows))
}

func commas(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func (c *call) failedDelivery() (*eventStream, *delivery, error) {
	st, err := c.stream()
	if err != nil {
		return nil, nil, err
	}
	for _, d := range st.failed {
		if d.event.ID == c.args["event_id"] {
			return st, d, nil
		}
	}
	return st, nil, nil
}

func getDelivery(c *call) (answer, error) {
	st, d, err := c.failedDelivery()
	switch {
	case err != nil:
		return answer{}, err
	case d == nil:
		return answer{}, refuse(http.StatusNotFound, "inexistent_event", "The event does not exist.")
	}
	return ok(d.json(st.id, c.cloud(d.event, st.id)))
}

// again queues failed deliveries anew.
func (c *call) again(st *eventStream, which []*delivery) {
	st.failed = slices.DeleteFunc(st.failed, func(d *delivery) bool { return slices.Contains(which, d) })
	for _, d := range which {
		st.queue = append(st.queue, &delivery{event: d.event})
	}
	c.sender.nudge()
}

// redeliver is POST /event-streams/:id/redeliver: all failed deliveries that a filter
// finds. The answer repeats the filter.
func redeliver(c *call) (answer, error) {
	st, err := c.stream()
	if err != nil {
		return answer{}, err
	}
	var f deliveryFilter
	if err := c.read(&f); err != nil {
		return answer{}, err
	}
	found, err := f.pick(st.failed)
	if err != nil {
		return answer{}, err
	}
	c.again(st, found)
	body := c.body
	if len(body) == 0 {
		body = jsontext.Value("{}")
	}
	return answer{status: http.StatusAccepted, body: body}, nil
}

// redeliverOne is POST /event-streams/:id/redeliver/:event_id.
func redeliverOne(c *call) (answer, error) {
	st, d, err := c.failedDelivery()
	if err != nil {
		return answer{}, err
	}
	if d == nil {
		if slices.ContainsFunc(c.log.events, func(e *Event) bool { return e.ID == c.args["event_id"] }) {
			return answer{}, refuse(http.StatusConflict, "event_not_failed", "The event is not in a state that allows redelivery.")
		}
		return answer{}, refuse(http.StatusNotFound, "inexistent_event", "The event does not exist.")
	}
	c.again(st, []*delivery{d})
	return status(http.StatusAccepted)
}

// testStream is POST /event-streams/:id/test: an event that never happened.
func testStream(c *call) (answer, error) {
	st, err := c.stream()
	if err != nil {
		return answer{}, err
	}
	var want struct {
		Type string         `json:"event_type"`
		Data jsontext.Value `json:"data"`
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if !slices.Contains(eventTypes(), want.Type) {
		return answer{}, badBody("No enum match for: " + want.Type + " on property event_type")
	}
	sample := &User{ID: "auth0|000000000000000000000000", Email: "test@example.com", CreatedAt: c.now, UpdatedAt: c.now, Identities: []Identity{{Connection: c.connections[0].Name, Provider: "auth0", UserID: "000000000000000000000000"}}}
	e := &Event{ID: c.ids.Next("evt_", 22), Type: want.Type, Time: c.now, Object: sample.json(), purpose: "test"}
	if o := members(want.Data)["object"]; len(o) > 0 {
		e.Object = o
	}
	d := &delivery{event: e}
	st.queue = append(st.queue, d)
	c.sender.nudge()
	return answer{status: http.StatusAccepted, body: d.json(st.id, c.cloud(e, st.id))}, nil
}
