// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// passing is what differs from one run to the next: times, and the order in which
// groups change that somebody leaves.
var passing = regexp.MustCompile(`"(created|lastModified|version)":"([^"\\]|\\.)*"`)

// RFC 7644 §3.7: what a bulk request leaves, and says of each operation, is what the
// same operations do one by one, where none has to wait for a later one.
func TestBulkAsOneByOne(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 8))
	seen := map[string]int{}
	for n := range 300 {
		together, apart := newServer(t, nil), newServer(t, nil)
		var posts []string // bulkIds
		ids := map[string]string{}
		ref := func() string {
			if len(posts) == 0 || rnd.IntN(8) == 0 {
				return fmt.Sprint(1 + rnd.IntN(5))
			}
			return "bulkId:" + posts[rnd.IntN(len(posts))]
		}
		// resolved is what a request of its own has for a reference. One to what has
		// failed is not sent: §3.7 has no request that could be compared.
		resolved := func(text string) (string, bool) {
			for _, id := range posts { // of which none begins with another
				if strings.Contains(text, "bulkId:"+id) && ids[id] == "" {
					return "", false
				}
				text = strings.ReplaceAll(text, "bulkId:"+id, ids[id])
			}
			return text, true
		}
		var ops, want []string
		for i := range 1 + rnd.IntN(12) {
			name := []string{"ann", "bob", "cyd", "dan"}[rnd.IntN(4)]
			method, path, data := "POST", "/Users", user(name)
			switch rnd.IntN(7) {
			case 0, 1:
			case 2:
				path, data = "/Groups", group(name, ref(), ref())
			case 3:
				method, path, data = "PUT", "/Users/"+ref(), user(name, `"title":"T"`)
			case 4:
				method, path, data = "PATCH", "/Groups/"+ref(), patch(`{"op":"add","path":"members","value":[{"value":"`+ref()+`"}]}`)
			case 5:
				method, path, data = "PATCH", "/Groups/"+ref(), patch(`{"op":"remove","path":"members[value eq \"`+ref()+`\"]"}`)
			default:
				method, path, data = "DELETE", []string{"/Users/", "/Groups/"}[rnd.IntN(2)]+ref(), ""
			}
			bulkID := fmt.Sprintf("b%dx", i)
			at, ok := resolved(path)
			body, okay := resolved(data)
			status, location := 409, ""
			if ok && okay {
				got := apart.do(method, at, body)
				if status = got.Code; status == 200 && method == "PATCH" && strings.HasPrefix(at, "/Groups") {
					status = 204
				}
				if location = got.Header().Get("Location"); status == 201 {
					ids[bulkID] = got.resource().ID()
				}
			}
			want = append(want, fmt.Sprint(status, " ", location))
			if ops = append(ops, op(method, path, data, `"bulkId":"`+bulkID+`"`)); method == "POST" {
				posts = append(posts, bulkID)
			}
		}
		all := together.bulk(ops...)
		for i, d := range all {
			if d.method != "POST" {
				d.location = ""
			}
			if got := d.status + " " + d.location; got != want[i] {
				t.Fatalf("job %d, operation %d of %v: %s, want %s", n, i, ops, got, want[i])
			}
			seen[d.method+" "+d.status]++
		}
		got, wanted := passing.ReplaceAllString(together.do("GET", "/", "").Body.String(), ""), passing.ReplaceAllString(apart.do("GET", "/", "").Body.String(), "")
		if got != wanted {
			t.Fatalf("job %d, %v:\n got %s\nwant %s", n, ops, got, wanted)
		}
	}
	for _, what := range []string{"POST 201", "POST 409", "PUT 200", "PUT 404", "PATCH 204", "PATCH 404", "DELETE 204", "DELETE 404"} {
		if seen[what] < 10 {
			t.Errorf("%s: %d times", what, seen[what])
		}
	}
}
