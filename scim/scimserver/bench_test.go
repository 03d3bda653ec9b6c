// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// peopled is a service with n users, and a group of all of them.
func peopled(b *testing.B, n int) http.Handler {
	b.Helper()
	m := scimserver.NewMemory(nil, nil)
	members := make([]scim.Value, n)
	for i := range n {
		u, err := scim.ParseResource([]byte(user(fmt.Sprintf("first.last%d@acme.example", i), ann[:strings.Index(ann, `,"externalId"`)], dep, fmt.Sprintf(`"externalId":"e-%d"`, i))), scim.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		made, err := m.Create(context.Background(), "User", u)
		if err != nil {
			b.Fatal(err)
		}
		var o scim.Object
		o.Set("value", scim.String(made.ID()))
		members[i] = scim.Complex(o)
	}
	g := scim.NewResource(scim.GroupURN)
	g.Set("displayName", scim.String("everybody"))
	g.Set("members", scim.List(members...))
	if _, err := m.Create(context.Background(), "Group", g); err != nil {
		b.Fatal(err)
	}
	h, err := scimserver.New(scimserver.Config{Store: m, Base: base, Authorize: scimserver.BearerToken("token")})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// bare answers with the same bytes and status, and reads the body.
func bare(status int, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

// compare sends requests over loopback to the handler, and to a bare one that
// answers with the same bytes.
func compare(b *testing.B, h http.Handler, method string, request func(i int) (path, body string)) {
	b.Helper()
	var serial atomic.Int64
	send := func(b *testing.B, c *http.Client, root string, i int) (int, []byte) {
		path, body := request(i)
		r, err := http.NewRequestWithContext(b.Context(), method, root+base+path, strings.NewReader(body))
		if err != nil {
			b.Error(err)
			return 0, nil
		}
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Content-Type", "application/scim+json")
		res, err := c.Do(r)
		if err != nil {
			b.Error(err)
			return 0, nil
		}
		got, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode >= 300 {
			b.Errorf("%d %s", res.StatusCode, got)
		}
		return res.StatusCode, got
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	status, body := send(b, srv.Client(), srv.URL, int(serial.Add(1)))
	floor := httptest.NewServer(bare(status, body))
	defer floor.Close()
	for name, s := range map[string]*httptest.Server{"bare": floor, "scimserver": srv} {
		b.Run(name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			b.SetParallelism(8) // 16 clients on two cores
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					send(b, client, s.URL, int(serial.Add(1)))
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			compare(b, peopled(b, n), "GET", func(i int) (string, string) { return "/Users/" + strconv.Itoa(1+i%n), "" })
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			compare(b, peopled(b, n), "GET", func(i int) (string, string) {
				return "/Users?filter=" + url.QueryEscape(fmt.Sprintf(`userName eq "first.last%d@acme.example"`, i%n)), ""
			})
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	compare(b, peopled(b, 1), "POST", func(i int) (string, string) {
		return "/Users", user(fmt.Sprintf("next%d@acme.example", i), ann[:strings.Index(ann, `,"externalId"`)], dep)
	})
}

func BenchmarkAddMember(b *testing.B) {
	for _, n := range []int{2_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			compare(b, peopled(b, n), "PATCH", func(i int) (string, string) {
				return "/Groups/" + strconv.Itoa(n+1), patch(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"new-%d"}]}`, i))
			})
		})
	}
}

// A page of 100 out of many, by cursor, from the middle.
func BenchmarkPage(b *testing.B) {
	compare(b, peopled(b, 20_000), "GET", func(i int) (string, string) {
		return "/Users?count=100&startIndex=" + strconv.Itoa(1+i*100%20_000), ""
	})
}
