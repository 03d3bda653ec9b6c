// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// BenchmarkCreate compares the client with a bare loop over the same transport
// and bytes: the client's share of the time is the difference.
func BenchmarkCreate(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, alice)
	}))
	b.Cleanup(srv.Close)
	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("alice"))
	data, err := user.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			res, err := srv.Client().Post(srv.URL+"/Users", "application/scim+json", bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
	b.Run("client", func(b *testing.B) {
		c, err := scimclient.New(scimclient.Config{BaseURL: srv.URL, HTTP: srv.Client()})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Create(b.Context(), "/Users", user); err != nil {
				b.Fatal(err)
			}
		}
	})
}
