// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimtest"
)

// A page that fails is asked for again as long as its caller says so, and the
// list is whole; without that the first mishap ends it.
func TestAllAgain(t *testing.T) {
	t.Parallel()
	const people, each = 50, 5
	app, err := scimtest.New(scimtest.Config{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range people {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(string(rune('a'+i%26))+string(rune('a'+i/26))))
		if _, err := app.Add("User", u); err != nil {
			t.Fatal(err)
		}
	}
	app.SetFaults(scimtest.Seeded(3, 0.5, 0, scimtest.TooMany, scimtest.ServerError, scimtest.Reset))
	base, stop, err := scimtest.Listen(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c, err := scimclient.New(scimclient.Config{BaseURL: base, Token: func(context.Context) (string, error) { return "t", nil }})
	if err != nil {
		t.Fatal(err)
	}
	walk := func(opt scimclient.PageOptions) (n int, err error) {
		for _, failed := range c.All(t.Context(), "/Users", scimclient.Query{Count: each}, opt) {
			if failed != nil {
				return n, failed
			}
			n++
		}
		return n, nil
	}
	asked := 0
	again := func(_ context.Context, failed *scimclient.Error, times int) bool {
		asked++
		if failed.Class != scimclient.Retry || times < 1 || times > 4 {
			t.Errorf("asked about %v, time %d", failed, times)
		}
		return true
	}
	if n, err := walk(scimclient.PageOptions{Again: again}); err != nil || n != people {
		t.Errorf("%d people, %v", n, err)
	}
	if asked == 0 {
		t.Error("nothing failed: that is no test")
	}
	app.SetFaults(scimtest.Rules(scimtest.Rule{Method: "GET", Fault: scimtest.Fault{Kind: scimtest.TooMany}}))
	app.ResetCounts()
	if n, err := walk(scimclient.PageOptions{}); err == nil || n != 0 || app.Counts().Total() != 1 {
		t.Errorf("%d people, %v, %v", n, err, app.Counts())
	}
	app.ResetCounts()
	thrice := func(_ context.Context, _ *scimclient.Error, times int) bool { return times < 3 }
	if _, err := walk(scimclient.PageOptions{Again: thrice}); err == nil || app.Counts().Total() != 3 {
		t.Errorf("%v, %v", err, app.Counts())
	}
}
