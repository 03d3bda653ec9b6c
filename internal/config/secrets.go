// SPDX-License-Identifier: Apache-2.0

package config

import "strings"

// Secrets says by what sealed secrets are opened.
type Secrets struct {
	Key Secret `json:"-"` // a key ring, or the path of a file with one; unset = none
}

func (d *decoder) sealing(n *node, s *Secrets) {
	d.section(n, "secrets", n.pos,
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
