// SPDX-License-Identifier: Apache-2.0

package events

// Waiting is how many polls wait.
func (p *Poller) Waiting() int { return len(p.waiting) }
