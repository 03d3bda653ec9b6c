// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// EventStream is where a tenant sends events to (id est_…). What a webhook is called
// with is not told here.
type EventStream struct {
	ID, Name string
	Enabled  bool
	Types    []string // of events
	Webhook  string   // the address that is called, "" if it is no webhook
}

func (e EventStream) key() string { return e.ID }

// EventStreams lists the tenant's event streams.
func (c *Client) EventStreams(ctx context.Context) iter.Seq2[EventStream, error] {
	r := request{Method: http.MethodGet, Route: apiPath + "/event-streams"}
	return checkpoints(ctx, c, r, parseEventStream, "eventStreams", "event_streams")
}

// EventStream reads one event stream.
func (c *Client) EventStream(ctx context.Context, id string) (EventStream, error) {
	r := request{Method: http.MethodGet, Route: apiPath + "/event-streams/{}", IDs: []string{id}}
	var raw jsontext.Value
	if err := c.call(ctx, r, &raw); err != nil {
		return EventStream{}, err
	}
	s, err := parseEventStream(raw)
	switch {
	case err != nil:
		return EventStream{}, unusable(&r, err)
	case s.ID != id:
		return EventStream{}, unusable(&r, errors.New("it is another event stream"))
	}
	return s, nil
}

func parseEventStream(raw jsontext.Value) (EventStream, error) {
	said, err := parseJSON[struct {
		ID            string `json:"id"`
		Name          string `json:"name"`
		Status        string `json:"status"`
		Subscriptions []struct {
			Type string `json:"event_type"`
		} `json:"subscriptions"`
		Destination struct {
			Type          string `json:"type"`
			Configuration struct {
				Webhook string `json:"webhook_endpoint"`
			} `json:"configuration"`
		} `json:"destination"`
	}](raw)
	if err != nil {
		return EventStream{}, err
	}
	s := EventStream{ID: said.ID, Name: said.Name, Enabled: said.Status == "enabled"}
	for _, of := range said.Subscriptions {
		s.Types = append(s.Types, of.Type)
	}
	if said.Destination.Type == "webhook" {
		s.Webhook = said.Destination.Configuration.Webhook
	}
	return s, nil
}
