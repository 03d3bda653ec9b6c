// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// LogConfig is what a log is made of.
type LogConfig struct {
	Writer  io.Writer
	JSON    bool
	Level   slog.Level
	Secrets []string // never written, whatever they stand in
}

// NewLog returns a log that writes no secret. Beyond the given ones, the value
// of an attribute whose name says that it is one is not written either.
func NewLog(c LogConfig) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	var h slog.Handler = slog.NewTextHandler(c.Writer, o)
	if c.JSON {
		h = slog.NewJSONHandler(c.Writer, o)
	}
	return slog.New(redacting{h, newSecrets(c.Secrets)})
}

// Redacted stands for a secret.
const Redacted = "[redacted]"

// secrets replaces what must not be seen.
type secrets struct{ replace *strings.Replacer }

// shortest is how long a secret must be to be looked for: "1" would make
// nonsense of every line, and is none.
const shortest = 4

func newSecrets(values []string) secrets {
	values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return len(s) < shortest })
	// The longest first: one may be the beginning of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range values {
		pairs = append(pairs, v, Redacted)
	}
	return secrets{strings.NewReplacer(pairs...)}
}

// names are words that no harmless attribute's name holds.
func names(key string) bool {
	key = strings.ToLower(key)
	for _, word := range [...]string{"password", "secret", "token", "authorization", "cookie", "credential"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

func (s secrets) attr(a slog.Attr) slog.Attr {
	if names(a.Key) {
		return slog.String(a.Key, Redacted)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(s.replace.Replace(v.String()))
	case slog.KindAny: // errors, and whatever else prints itself
		a.Value = slog.StringValue(s.replace.Replace(fmt.Sprint(v.Any())))
	case slog.KindGroup:
		a.Value = slog.GroupValue(s.attrs(v.Group())...)
	default:
		a.Value = v
	}
	return a
}

func (s secrets) attrs(as []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(as))
	for i, a := range as {
		out[i] = s.attr(a)
	}
	return out
}

// redacting hands on what is left when the secrets are taken out.
type redacting struct {
	next slog.Handler
	secrets
}

func (r redacting) Enabled(ctx context.Context, l slog.Level) bool { return r.next.Enabled(ctx, l) }

func (r redacting) Handle(ctx context.Context, rec slog.Record) error {
	clean := slog.NewRecord(rec.Time, rec.Level, r.replace.Replace(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(r.attr(a))
		return true
	})
	return r.next.Handle(ctx, clean)
}

func (r redacting) WithAttrs(as []slog.Attr) slog.Handler {
	return redacting{r.next.WithAttrs(r.attrs(as)), r.secrets}
}

func (r redacting) WithGroup(name string) slog.Handler {
	return redacting{r.next.WithGroup(name), r.secrets}
}
