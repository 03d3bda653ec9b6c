// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"time"
)

// Secrets says by what sealed secrets are opened.
type Secrets struct {
	Key Secret `json:"-"` // a key ring, or the path of a file with one; unset = none
	// OldAfter is the age from which on a sealed secret is told of as old.
	OldAfter Duration `json:"old_after,omitzero"`
}

// DefaultOldAfter holds if the file has a section without the key.
const DefaultOldAfter = Duration(180 * 24 * time.Hour)

func (d *decoder) sealing(n *node, s *Secrets) {
	s.OldAfter = DefaultOldAfter
	d.section(n, "secrets", n.pos,
		field{key: "old_after", read: func(n *node) { set(&s.OldAfter)(d.duration(n, "secrets.old_after", leastAge, mostAge)) }},
		field{key: "key", required: true, read: func(n *node) {
			t, ok := d.text(n, "secrets.key")
			switch {
			case !ok:
			case strings.HasPrefix(t.Value, secretPrefix):
				d.fail(t.Pos, "secrets.key is what sealed secrets are opened with, and cannot be one", "take it from the environment, or name a file")
			default:
				s.Key = NewSecret(t.Value, t.Pos)
			}
		}},
	)
}
