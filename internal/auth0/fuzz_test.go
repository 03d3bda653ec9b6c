// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0"
)

// FuzzSSE holds that a stream reads the same however it comes in pieces, within its
// bounds, and that no message holds what ends a line.
func FuzzSSE(f *testing.F) {
	f.Add("event: a\r\ndata: 1\rdata: 2\n\nid: x\nretry: 5\n\n:c\n\n")
	f.Add("\xef\xbb\xbfdata\n\n\r\r\ndata:\x00")
	f.Fuzz(func(t *testing.T, text string) {
		const line, event = 64, 256
		whole, retry, err := auth0.ReadSSE(strings.NewReader(text), line, event)
		again, retry2, err2 := auth0.ReadSSE(oneByOne{strings.NewReader(text)}, line, event)
		if !reflect.DeepEqual(whole, again) || retry != retry2 || errors.Is(err, io.EOF) != errors.Is(err2, io.EOF) {
			t.Fatalf("%q %v %v, by bytes %q %v %v", whole, retry, err, again, retry2, err2)
		}
		for _, m := range whole {
			if strings.ContainsAny(m.Kind+m.ID, "\r\n") || strings.Contains(m.Data, "\r") || strings.Contains(m.ID, "\x00") || len(m.Data) > event {
				t.Fatalf("%q", m)
			}
		}
	})
}

// FuzzParseEvent holds that an event has an id and a type, and an object that reads.
func FuzzParseEvent(f *testing.F) {
	f.Add(created)
	f.Add(`{"id":"e","type":"com.auth0.user.deleted","data":{"object":{},"context":{"client":{"id":""}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := auth0.ParseEvent([]byte(text))
		if err != nil {
			return
		}
		if e.ID == "" || e.Type == "" || e.Object != nil && (!e.Object.IsValid() || e.Object.Kind() != '{') {
			t.Fatalf("%+v", e)
		}
	})
}

// FuzzParseUser holds that a user has an id, that each identity has one, and that what
// is kept of it reads as the same again.
func FuzzParseUser(f *testing.F) {
	f.Add(alice)
	f.Add(`{"user_id":"u","blocked":true,"identities":[{"provider":"p","user_id":5}],"app_metadata":{"a":null},"app_metadata.b":[1],"created_at":"2026-01-02T03:04:05Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		u, err := auth0.ParseUser([]byte(text))
		if err != nil {
			return
		}
		if u.ID == "" {
			t.Fatalf("%+v", u)
		}
		for _, i := range u.Identities {
			if i.UserID == "" {
				t.Fatalf("%+v", i)
			}
		}
		if again, err := auth0.ParseUser(u.Raw); err != nil || !reflect.DeepEqual(u, again) {
			t.Fatalf("%+v, %v, first %+v", again, err, u)
		}
	})
}
