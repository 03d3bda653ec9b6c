// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/scim/scimtest"
)

// BenchmarkApp is how fast an app takes a first load, over loopback by 16 clients:
// accounts, and members of one group by the hundred.
func BenchmarkApp(b *testing.B) {
	for name, faults := range map[string]*scimtest.Schedule{"sound": nil, "with a schedule": scimtest.Seeded(1, 1e-9, 0)} {
		app, err := scimtest.New(scimtest.Config{Token: "secret", Faults: faults})
		if err != nil {
			b.Fatal(err)
		}
		base, stop, err := scimtest.Listen(context.Background(), app)
		if err != nil {
			b.Fatal(err)
		}
		var serial atomic.Int64
		send := func(client *http.Client, method, path, body string) {
			r, err := http.NewRequestWithContext(b.Context(), method, base+path, strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer secret")
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode >= 300 {
				b.Errorf("%s %s: %d", method, path, res.StatusCode)
			}
		}
		run := func(what string, request func(i int) (method, path, body string)) {
			b.Run(name+"/"+what, func(b *testing.B) {
				client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
				defer client.CloseIdleConnections()
				b.ReportAllocs()
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						method, path, body := request(int(serial.Add(1)))
						send(client, method, path, body)
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
			})
		}
		send(http.DefaultClient, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"everybody"}`)
		run("create", func(i int) (string, string, string) { return "POST", "/Users", user(fmt.Sprint("u", i)).String() })
		run("100 members", func(i int) (string, string, string) {
			var list []string
			for j := range 100 {
				list = append(list, fmt.Sprintf(`{"value":"%d"}`, i*100+j))
			}
			return "PATCH", "/Groups/1", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[` + strings.Join(list, ",") + `]}]}`
		})
		http.DefaultClient.CloseIdleConnections()
		stop()
	}
}
