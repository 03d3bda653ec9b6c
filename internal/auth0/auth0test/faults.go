// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"context"
	"strings"

	"github.com/usher-id/usher/internal/fake"
)

// What goes wrong is as with every fake.
type (
	Kind      = fake.Kind
	Fault     = fake.Fault
	Schedule  = fake.Schedule
	Operation = fake.Operation
	Rule      = fake.Rule
)

// The kinds that every fake has. NoEffect is of PATCH /users/:id alone.
const (
	None         = fake.None
	TooMany      = fake.TooMany
	Unavailable  = fake.Unavailable
	ServerError  = fake.ServerError
	BadGateway   = fake.BadGateway
	TimeOut      = fake.TimeOut
	Reset        = fake.Reset
	Unauthorized = fake.Unauthorized
	Forbidden    = fake.Forbidden
	NotFound     = fake.NotFound
	Conflict     = fake.Conflict
	AnswerLost   = fake.AnswerLost
	AnswerHangs  = fake.AnswerHangs
	ErrorAfter   = fake.ErrorAfter
	BusyAfter    = fake.BusyAfter
	NoEffect     = fake.NoEffect
	Truncated    = fake.Truncated
	Garbage      = fake.Garbage
	Slow         = fake.Slow
)

// Rules makes a schedule of rules alone; the first that matches counts.
func Rules(rules ...Rule) *Schedule { return fake.Rules(rules...) }

// Seeded makes a share of all requests go wrong, see [fake.Seeded]. A stream of events
// is let through: it has Truncated by a Rule.
func Seeded(seed uint64, rate, lostShare float64, kinds ...Kind) *Schedule {
	return fake.Seeded(seed, rate, lostShare, kinds...).Spare("/events")
}

// Listen serves the tenant on a free port of the loopback interface until stop is
// called or ctx ends, sends its webhooks, and returns its address without a slash at
// the end. stop cuts what is open and waits for everything.
func (t *Tenant) Listen(ctx context.Context) (url string, stop func(), err error) {
	halt := t.Start(ctx)
	url, hangUp, err := t.Frame.Listen(ctx)
	if err != nil {
		halt()
		return "", nil, err
	}
	return url, func() { hangUp(); halt() }, nil
}

// subject names what a call is about, without ids, which depend on the order of calls.
func (c *call) subject() string {
	id := c.args["id"]
	switch {
	case id == "":
		if name := member(c.body, "email"); name != "" {
			return name
		}
		for _, name := range []string{"username", "name"} {
			if v := member(c.body, name); v != "" {
				return v
			}
		}
		return strings.Trim(c.query.Get("q")+c.query.Get("email")+"#"+c.query.Get("page"), "#")
	case c.find(id) != nil:
		u := c.find(id)
		if u.Email != "" {
			return u.Email
		}
		return u.Username
	case c.roles[id] != nil:
		return c.roles[id].name
	case c.orgs[id] != nil:
		return c.orgs[id].name
	default:
		return ""
	}
}
