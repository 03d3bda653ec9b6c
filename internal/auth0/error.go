// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"cmp"
	"context"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/rest"
)

// Error is a refusal, or the lack of an answer.
type Error = rest.Error

// IsNotFound reports whether what was asked for is not there, in Auth0's own words.
func IsNotFound(err error) bool { return rest.IsNotFound(err) }

// IsConflict reports whether what was to be made is there already.
func IsConflict(err error) bool { return rest.IsConflict(err) }

// request is one call of the tenant.
type request = rest.Request

func op(r *request) string { return r.Name(apiPath) }

// call sends a request and reads its answer into a value; nil reads nothing.
func (c *Client) call(ctx context.Context, r request, into any) error {
	_, err := c.rest.Call(ctx, r, into)
	return err
}

// said reads a refusal. All of Auth0's have words. An "error" alone may be anybody's.
func said(body []byte) (rest.Said, bool) {
	var said struct {
		Error       string `json:"error"`
		Code        string `json:"errorCode"`
		Message     string `json:"message"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return rest.Said{}, false
	}
	return rest.Said{Code: cmp.Or(rest.Keyword(said.Code), rest.Keyword(said.Error)), Message: cmp.Or(said.Message, said.Description)},
		said.Code+said.Message+said.Description != ""
}
