// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"testing"

	"github.com/usher-id/usher/scim"
)

// What people cannot tell apart is one; see TestFoldPrepares of internal/archtest for all
// of Unicode.
func TestFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"Ada", "ADA", "ａｄａ", "ＡＤＡ"},
		{"Zo\u00eb", "zoe\u0308", "ZO\u00cb"},
		{"\u1e69", "s\u0323\u0307", "s\u0307\u0323", "\u1e61\u0323", "S\u0323\u0307"},
		{"\uac01", "\u1100\u1161\u11a8", "\uac00\u11a8"},
		{"\u212b", "\u00c5", "a\u030a"},
		{"\u30ac", "\uff76\uff9e", "\u30ab\u3099"},
		{"\u1fb3", "\u1fbc", "\u03b1\u0345"},
		{"j\u030c", "\u01f0", "J\u030c"},
		{"\u212a", "k", "K"},
	} {
		for _, s := range same {
			if scim.Fold(s) != scim.Fold(same[0]) {
				t.Errorf("%+q folds to %+q, %+q to %+q", s, scim.Fold(s), same[0], scim.Fold(same[0]))
			}
		}
	}
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String("Zo\u00eb"))
	u.SetExternalID("Zo\u00eb")
	for filter, want := range map[string]bool{
		"userName eq \"ZOE\u0308\"": true, "userName ne \"zoe\u0308\"": false, "userName eq \"zoe\"": false, "userName co \"oe\u0308\"": true,
		"userName sw \"zoe\"": false, "userName ew \"\uff25\u0308\"": true, "externalId eq \"Zoe\u0308\"": false, "externalId eq \"Zo\u00eb\"": true,
	} {
		f, err := scim.ParseFilter(filter, scim.FilterLimits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := scim.CoreSchemas().Match(scim.UserURN, f, u); got != want {
			t.Errorf("%s: %t", filter, got)
		}
	}
}

// An element that is sent twice is kept once; what differs in its type, or has another
// value, is another.
func TestAcceptedOnce(t *testing.T) {
	t.Parallel()
	sent := resource(t, `{"schemas":["`+scim.UserURN+`"],"userName":"ada","emails":[{"value":"a","type":"work"},{"value":"a","type":"work"},
		{"value":"a","type":"home"},{"value":"b","type":"work"},{"type":"work","value":"a"}]}`)
	got, err := scim.CoreSchemas().Accept(scim.CoreResourceTypes()[0], sent, scim.AcceptRules{})
	if err != nil {
		t.Fatal(err)
	}
	v, _ := got.Get("emails")
	if list, _ := v.AsList(); len(list) != 3 {
		t.Errorf("%s", v)
	}
}

// What a filter finds equal is what an index of folded names does, whatever the order of
// marks.
func TestMatchIsFold(t *testing.T) {
	t.Parallel()
	r := scim.NewResource(scim.UserURN)
	r.Set("userName", scim.String("α\u0345\u0301"))
	other := "α\u0399\u0301"
	got := scim.CoreSchemas().Match(scim.UserURN, scim.Eq(scim.MustPath("userName"), other), r)
	if got != (scim.Fold(other) == scim.Fold(r.UserName())) {
		t.Errorf("%v, and they fold to %q and %q", got, scim.Fold(other), scim.Fold(r.UserName()))
	}
}
