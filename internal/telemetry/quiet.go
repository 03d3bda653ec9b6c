// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"log/slog"
)

// Least returns a log that lets through only what is at least as grave, for a
// library that tells more than anybody wants to know.
func Least(log *slog.Logger, least slog.Level) *slog.Logger {
	return slog.New(atLeast{log.Handler(), least})
}

type atLeast struct {
	slog.Handler
	least slog.Level
}

func (a atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= a.least && a.Handler.Enabled(ctx, l)
}

func (a atLeast) WithAttrs(as []slog.Attr) slog.Handler {
	return atLeast{a.Handler.WithAttrs(as), a.least}
}

func (a atLeast) WithGroup(name string) slog.Handler {
	return atLeast{a.Handler.WithGroup(name), a.least}
}
