// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"io"
	"time"
)

// SetBounds makes the bounds on what is read small enough to be met.
func (c *Client) SetBounds(answer int64, line int, export int64, sseLine, sseEvent int) {
	c.rest.SetAnswer(answer)
	c.bounds = bounds{line, export, sseLine, sseEvent}
}

// Message is one of an event stream.
type Message struct{ Kind, ID, Data string }

// ReadSSE reads an event stream to its end, with the wait that it asks for.
func ReadSSE(from io.Reader, line, event int) (list []Message, retry time.Duration, err error) {
	s := newSSE(from, line, event)
	for {
		m, err := s.next()
		if err != nil {
			return list, s.retry, err
		}
		list = append(list, Message{m.kind, m.id, m.data})
	}
}

// Expire has the next request ask for a token.
func Expire(c *Client) { c.tokens.Forget() }
