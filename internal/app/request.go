// SPDX-License-Identifier: Apache-2.0

package app

import "context"

type requestIDKey struct{}

// WithRequestID names the requests that are made with the context, so that the
// journal, the app's own log and a support person speak of the same one.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the name that WithRequestID gave, "" for none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
