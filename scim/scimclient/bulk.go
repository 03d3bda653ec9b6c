// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// BulkOperation is one operation of a bulk request (RFC 7644 §3.7).
type BulkOperation struct {
	Method  string         // POST, PUT, PATCH or DELETE
	BulkID  string         // required for POST, unique in the request
	Path    string         // "/Users", or "/Users/{id}"
	Version string         // as for If-Match
	Data    json.Marshaler // a *scim.Resource or a scim.Patch; nil for DELETE
}

// BulkResult is what came of one operation. Operations that a server left out
// after too many failures have no result: they were not run (RFC 7644 §3.7.3).
type BulkResult struct {
	Method   string
	BulkID   string
	Location string
	Version  string
	Status   int
	Resource *scim.Resource // nil if the server did not send it
	Err      *Error         // nil if the operation succeeded
}

// BulkAnswer is the answer to a bulk request.
type BulkAnswer struct {
	Answer
	Results []BulkResult
}

// Bulk sends the operations in one request. A failOnErrors of 0 lets the server
// go on whatever fails. An error is about the request as a whole; look into the
// results for the operations.
func (c *Client) Bulk(ctx context.Context, failOnErrors int, ops []BulkOperation, opts ...Option) (BulkAnswer, error) {
	message, invalid := bulkMessage(failOnErrors, ops)
	req := &request{method: http.MethodPost, endpoint: "/Bulk"}
	if invalid != nil {
		x := &exchange{req: req, id: requestID(ctx), header: http.Header{}}
		return BulkAnswer{}, x.fail(Terminal, invalid)
	}
	x, err := c.send(ctx, req, call{endpoint: "/Bulk", body: message}, opts)
	if err != nil {
		return BulkAnswer{Answer: x.answer(nil)}, err
	}
	if x.status != http.StatusOK {
		return BulkAnswer{Answer: x.answer(nil)}, x.unreadable(fmt.Errorf("%w: status %d to a bulk request", ErrUnreadable, x.status))
	}
	r, err := x.parse(c.limits)
	if err != nil {
		return BulkAnswer{Answer: x.answer(nil)}, x.unreadable(err)
	}
	results, err := x.bulkResults(r)
	if err != nil {
		return BulkAnswer{Answer: x.answer(nil)}, x.unreadable(err)
	}
	return BulkAnswer{Answer: x.answer(nil), Results: results}, nil
}

func bulkMessage(failOnErrors int, ops []BulkOperation) (object, error) {
	message := object{}
	message.set("schemas", []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"})
	if failOnErrors > 0 {
		message.set("failOnErrors", failOnErrors)
	}
	if len(ops) == 0 {
		return object{}, errors.New("a bulk request needs an operation")
	}
	seen := map[string]bool{}
	list := make([]object, 0, len(ops))
	for i, op := range ops {
		_, id, _ := strings.Cut(strings.TrimPrefix(op.Path, "/"), "/")
		switch {
		case op.Method != http.MethodPost && op.Method != http.MethodPut && op.Method != http.MethodPatch && op.Method != http.MethodDelete:
			return object{}, fmt.Errorf("bulk operation %d: its method is none of POST, PUT, PATCH and DELETE (RFC 7644 §3.7)", i)
		case !strings.HasPrefix(op.Path, "/") || op.Method != http.MethodPost && id == "":
			return object{}, fmt.Errorf("bulk operation %d: its path is not like /Users, or /Users/1 for what is there (RFC 7644 §3.7)", i)
		case op.Method == http.MethodPost && op.BulkID == "":
			return object{}, fmt.Errorf("bulk operation %d: POST needs a bulkId (RFC 7644 §3.7)", i)
		case op.BulkID != "" && seen[op.BulkID]:
			return object{}, fmt.Errorf("bulk operation %d: its bulkId came before", i)
		case op.Method != http.MethodDelete && op.Data == nil:
			return object{}, fmt.Errorf("bulk operation %d: %s needs data (RFC 7644 §3.7)", i, op.Method)
		}
		seen[op.BulkID] = true
		o := object{}
		o.set("method", op.Method)
		if op.BulkID != "" {
			o.set("bulkId", op.BulkID)
		}
		if op.Version != "" {
			o.set("version", op.Version)
		}
		o.set("path", op.Path)
		if op.Data != nil {
			o.set("data", op.Data)
		}
		list = append(list, o)
	}
	message.set("Operations", list)
	return message, nil
}

func (x *exchange) bulkResults(r *scim.Resource) ([]BulkResult, error) {
	v, _ := r.Get("Operations")
	list, ok := v.AsList()
	if !ok {
		return nil, fmt.Errorf("%w: a bulk answer without Operations", ErrUnreadable)
	}
	results := make([]BulkResult, 0, len(list))
	for _, v := range list {
		o, ok := v.AsComplex()
		if !ok {
			return nil, fmt.Errorf("%w: a bulk result that is no object", ErrUnreadable)
		}
		results = append(results, x.bulkResult(o))
	}
	return results, nil
}

func (x *exchange) bulkResult(o scim.Object) BulkResult {
	res := BulkResult{
		Method: text(o, "method"), BulkID: text(o, "bulkId"),
		Location: text(o, "location"), Version: text(o, "version"), Status: bulkStatus(o),
	}
	if v, ok := o.Get("response"); ok {
		if body, ok := v.AsComplex(); ok {
			res.Resource = &scim.Resource{Object: body}
		}
	}
	if res.Status >= 200 && res.Status < 300 {
		return res
	}
	one := &exchange{
		req: &request{method: res.Method, endpoint: "/Bulk"}, id: x.id, secret: x.secret,
		sent: true, status: res.Status, header: http.Header{},
	}
	if res.Resource != nil {
		one.body, _ = res.Resource.MarshalJSON() // an error message to read; without it the status must do
		res.Resource = nil
	}
	scimType, detail := one.words()
	res.Err = one.fail(one.classOf(scimType, false), nil)
	res.Err.ScimType, res.Err.Detail = scimType, detail
	return res
}

// bulkStatus reads the status as the string of RFC 7644 §3.7.3, as a number, or
// as the object that the example of §3.7.2 shows.
func bulkStatus(o scim.Object) int {
	v, _ := o.Get("status")
	if inner, ok := v.AsComplex(); ok {
		v, _ = inner.Get("code")
	}
	if n, ok := v.AsInteger(); ok {
		return int(n)
	}
	s, _ := v.AsString()
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0 // unknown: classified as ambiguous
	}
	return n
}

func text(o scim.Object, name string) string {
	v, _ := o.Get(name)
	s, _ := v.AsString()
	return s
}
