// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads 30d, 12h, 2m30s, 1d12h or 500ms. A day is 24 hours; there
// is no sign, and no number without a unit but 0.
func ParseDuration(s string) (Duration, error) {
	const maxDays = 36_500
	var total time.Duration
	rest := s
	if days, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxDays {
			return 0, errDuration
		}
		total, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			return Duration(total), nil
		}
	}
	if rest == "" || strings.ContainsAny(rest, "+-") {
		return 0, errDuration
	}
	t, err := time.ParseDuration(rest)
	if err != nil || t > maxDays*24*time.Hour {
		return 0, errDuration
	}
	return Duration(total + t), nil
}

var errDuration = errors.New("not a duration")

// String writes the duration so that ParseDuration reads it back.
func (d Duration) String() string {
	const day = 24 * time.Hour
	t := time.Duration(d)
	if t != 0 && t%day == 0 {
		return strconv.FormatInt(int64(t/day), 10) + "d"
	}
	return t.String()
}

// MarshalText writes what String writes.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
