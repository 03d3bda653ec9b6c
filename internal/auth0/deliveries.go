// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Delivery is an attempt to deliver an event to a webhook.
type Delivery struct {
	EventID, EventType, Status string
}

// FailedDeliveries lists the events of a stream that could not be delivered since.
//
// The list is a bare array without a pointer to the next page, which begins at the
// last id of this one; whether it holds that one again is not verified, and does not
// matter. It ends with a page that is not full.
func (c *Client) FailedDeliveries(ctx context.Context, stream string, since time.Time) iter.Seq2[Delivery, error] {
	return func(yield func(Delivery, error) bool) {
		query := url.Values{"statuses": {"failed"}, "take": {strconv.Itoa(perPage)}}
		if !since.IsZero() {
			query.Set("date_from", since.UTC().Truncate(time.Second).Format(bySecond))
		}
		r := request{Method: http.MethodGet, Route: apiPath + "/event-streams/{}/deliveries", IDs: []string{stream}, Query: query}
		if err := c.deliveries(ctx, r, func(d Delivery) bool { return yield(d, nil) }); err != nil {
			yield(Delivery{}, err)
		}
	}
}

func (c *Client) deliveries(ctx context.Context, r request, yield func(Delivery) bool) error {
	seen := map[string]bool{}
	for range maxPages {
		p, err := c.readPage(ctx, r, "deliveries")
		if err != nil {
			return err
		}
		last, fresh := "", false
		for _, raw := range p.entries {
			d, id, err := parseDelivery(raw)
			if err != nil {
				return unusable(&r, err)
			}
			if last = id; seen[id] {
				continue
			}
			seen[id], fresh = true, true
			if !yield(d) {
				return nil
			}
		}
		if p.next != "" {
			last = p.next
		} else if len(p.entries) < perPage {
			return nil
		}
		if !fresh {
			return incomplete(&r, "a page leads to itself")
		}
		r.Query = maps.Clone(r.Query)
		r.Query.Set("from", last)
	}
	return incomplete(&r, "it does not end")
}

// parseDelivery also returns the delivery's own id, by which pages follow.
func parseDelivery(raw jsontext.Value) (Delivery, string, error) {
	m := objectOf(raw)
	id, event := textOf(m["id"]), objectOf(m["event"])
	d := Delivery{EventID: textOf(event["id"]), EventType: textOf(m["event_type"]), Status: textOf(m["status"])}
	if d.EventID == "" {
		d.EventID = id // a delivery goes by the id of its event
	}
	if id == "" {
		return Delivery{}, "", errors.New("a delivery has no id")
	}
	return d, id, nil
}

// Redeliver asks for events to be delivered again, each by a request of its own: what
// the API does for many at once it chooses by dates and types, and not by id. One that
// is refused stops no other, and one that is on its way again already, or is forgotten,
// is no error.
func (c *Client) Redeliver(ctx context.Context, stream string, events []string) error {
	var refused []error
	for _, event := range events {
		r := request{Method: http.MethodPost, Route: apiPath + "/event-streams/{}/redeliver/{}", IDs: []string{stream, event}}
		err := c.call(ctx, r, nil)
		switch e, ok := errors.AsType[*Error](err); {
		case err == nil, IsConflict(err), IsNotFound(err):
		case ok && e.Status == http.StatusBadRequest:
			refused = append(refused, err)
		default: // nor would another one fare better
			return errors.Join(append(refused, err)...)
		}
	}
	return errors.Join(refused...)
}
