// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	redacted     = "[redacted]"
	secretPrefix = "secret:"
)

// Secret is a credential from the environment or the name of a sealed one. No
// way of printing it shows the value; Reveal does.
type Secret struct {
	// A pointer, because fmt cannot call methods on a field that is unexported
	// in the struct around it: it then prints an address, not the value.
	value *string
	ref   string
	pos   Position
}

// NewSecret makes a secret; a value of the form "secret:NAME" is the name of a
// sealed one.
func NewSecret(value string, pos Position) Secret {
	if strings.HasPrefix(value, secretPrefix) {
		return Secret{ref: value, pos: pos}
	}
	return Secret{value: &value, pos: pos}
}

// Reveal returns the value; empty if the secret is sealed (see Ref) or unset.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Ref returns "secret:NAME" if this names a sealed secret, else "".
func (s Secret) Ref() string { return s.ref }

// Name returns the name of the sealed secret, "" if this names none.
func (s Secret) Name() string { return strings.TrimPrefix(s.ref, secretPrefix) }

// Pos returns where the secret stands in the file.
func (s Secret) Pos() Position { return s.pos }

// IsZero reports whether there is neither a value nor a name.
func (s Secret) IsZero() bool { return s.ref == "" && s.Reveal() == "" }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb, %x and %d too.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON writes "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText writes "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
