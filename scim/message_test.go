// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/usher-id/usher/scim"
)

func TestParseListResponse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text         string
		total, count int
		cursor       string
	}{
		{`{"schemas":["x"],"totalResults":2,"startIndex":1,"itemsPerPage":2,"Resources":[{"id":"1"},{"id":"2"}]}`, 2, 2, ""},
		{`{"totalResults":"0"}`, 0, 0, ""},
		{`{"totalResults":0,"Resources":null}`, 0, 0, ""},
		{`{"totalResults":1.0,"resources":[{}]}`, 1, 1, ""},
		{`{"Resources":[{}],"nextCursor":"abc"}`, -1, 1, "abc"},
	} {
		l, err := scim.ParseListResponse([]byte(c.text), scim.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if l.TotalResults != c.total || len(l.Resources) != c.count || l.NextCursor != c.cursor {
			t.Errorf("%s: %+v", c.text, l)
		}
	}
	for _, text := range []string{
		`{}`, `[]`, `{"id":"1"}`, `{"Resources":{}}`, `{"Resources":null}`, `{"Resources":[1]}`, `{"totalResults":-1}`, `{"totalResults":"many"}`, `{"totalResults":1.5}`,
		`{"schemas":["` + scim.ErrorURN + `"],"totalResults":0}`, `<html>`,
	} {
		if l, err := scim.ParseListResponse([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: taken for %+v", text, l)
		}
	}
}

func TestListResponseMarshal(t *testing.T) {
	t.Parallel()
	data, err := scim.ListResponse{TotalResults: -1, NextCursor: "c", Resources: []*scim.Resource{scim.NewResource("x")}}.MarshalJSON()
	if want := `{"schemas":["` + scim.ListResponseURN + `"],"nextCursor":"c","Resources":[{"schemas":["x"]}]}`; err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
	data, err = scim.ListResponse{TotalResults: 0, StartIndex: 1}.MarshalJSON()
	if want := `{"schemas":["` + scim.ListResponseURN + `"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`; err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
}

func TestErrorMessage(t *testing.T) {
	t.Parallel()
	e := &scim.Error{Status: 409, ScimType: scim.UniquenessBreach, Detail: "taken"}
	data, err := e.MarshalJSON()
	if want := `{"schemas":["` + scim.ErrorURN + `"],"status":"409","scimType":"uniqueness","detail":"taken"}`; err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
	if got, err := scim.ParseError(data); err != nil || *got != *e {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := scim.ParseError([]byte(`{"detail":"x","status":404}`)); err != nil || got.Status != 404 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{`{}`, `{"error":"x"}`, `[]`, `oops`} {
		if got, err := scim.ParseError([]byte(text)); err == nil {
			t.Errorf("%s: taken for %v", text, got)
		}
	}
	if scim.ErrorOf(io.EOF) != nil || scim.ErrorOf(nil) != nil {
		t.Error("other errors have no answer")
	}
	if got := scim.ErrorOf(fmt.Errorf("x: %w", e)); !errors.Is(got, e) {
		t.Error("a wrapped error is found")
	}
}
