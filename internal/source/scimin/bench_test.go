// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// clients is how many a service is measured with (DESIGN §7).
const clients = 16

// BenchmarkCreate creates Users, each durable before it is answered.
func BenchmarkCreate(b *testing.B) {
	h := newHouse(b)
	e := h.endpoint("idp", scimserver.RFC)
	var n atomic.Int64
	b.SetParallelism(clients / 2)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			e.make("/Users", user(fmt.Sprintf("given%d.family%d@acme.example", i, i), `"title":"Engineer"`, fmt.Sprintf(`"externalId":"e%d"`, i)))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
}

// BenchmarkBulkCreate creates Users by bulk requests of 100, one after the other, each
// operation durable before the next.
func BenchmarkBulkCreate(b *testing.B) {
	h := newHouse(b)
	e := h.endpoint("idp", scimserver.RFC)
	n := 0
	for b.Loop() {
		var ops []string
		for range 100 {
			n++
			ops = append(ops, fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"u%d","data":%s}`, n,
				user(fmt.Sprintf("given%d.family%d@acme.example", n, n), `"title":"Engineer"`, fmt.Sprintf(`"externalId":"e%d"`, n))))
		}
		body := e.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[`+strings.Join(ops, ",")+`]}`).want(200).Body.String()
		if strings.Count(body, `"201"`) != len(ops) {
			b.Fatal(body)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "creates/s")
}

// BenchmarkOneMember adds one member to a group of many, and takes it out again.
func BenchmarkOneMember(b *testing.B) {
	for _, size := range []int{10, 100_000} {
		if testing.Short() {
			size = min(size, 1_000)
		}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h := newHouse(b)
			e := h.endpoint("idp", scimserver.RFC)
			group := e.make("/Groups", group("all"))
			for from := 0; from < size; from += 1_000 {
				var ids []string
				for i := from; i < min(size, from+1_000); i++ {
					ids = append(ids, fmt.Sprintf("m%d", i))
				}
				e.do("PATCH", "/Groups/"+group, patch(`{"op":"add","path":"members","value":[`+values(ids)+`]}`))
			}
			ann := e.make("/Users", user("ann"))
			b.ResetTimer()
			for b.Loop() {
				e.do("PATCH", "/Groups/"+group, patch(`{"op":"add","path":"members","value":[{"value":"`+ann+`"}]}`))
				e.do("PATCH", "/Groups/"+group, patch(`{"op":"remove","path":"members[value eq \\"`+ann+`\\"]"}`))
			}
			if !strings.Contains(e.do("GET", "/Groups/"+group+"?attributes=displayName", "").Body.String(), "all") {
				b.Error("the group is gone")
			}
		})
	}
}

// BenchmarkFloor is a grouped durable insert of one row: what BenchmarkCreate could
// come to if a create were nothing else.
func BenchmarkFloor(b *testing.B) {
	h := newHouse(b)
	var n atomic.Int64
	b.SetParallelism(clients / 2)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := fmt.Sprint("floor", n.Add(1))
			if err := h.db.Pushed().Update(b.Context(), func(tx source.PushTx) error { return tx.PutMeta(b.Context(), key, []byte("one row")) }); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "inserts/s")
}

// BenchmarkGet reads one User, BenchmarkLookup one by a filter, and BenchmarkPage a
// hundred, without a network.
func BenchmarkGet(b *testing.B) {
	e, id := staffed(b)
	b.ReportAllocs()
	for b.Loop() {
		e.do("GET", "/Users/"+id, "").want(200)
	}
}

func BenchmarkLookup(b *testing.B) {
	e, _ := staffed(b)
	b.ReportAllocs()
	for b.Loop() {
		e.do("GET", "/Users?filter=userName+eq+%22given7.family7@acme.example%22", "").want(200)
	}
}

func BenchmarkPage(b *testing.B) {
	e, _ := staffed(b)
	b.ReportAllocs()
	for b.Loop() {
		e.do("GET", "/Users?count=100", "").want(200)
	}
}

// staffed is an endpoint with 200 Users in one group, and the id of one of them.
func staffed(b *testing.B) (*endpoint, string) {
	b.Helper()
	e := newHouse(b).endpoint("idp", scimserver.RFC)
	var ids []string
	for i := range 200 {
		ids = append(ids, e.make("/Users", user(fmt.Sprintf("given%d.family%d@acme.example", i, i), `"title":"Engineer"`, fmt.Sprintf(`"externalId":"e%d"`, i))))
	}
	e.make("/Groups", group("all", ids...))
	return e, ids[100]
}
