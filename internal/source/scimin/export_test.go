// SPDX-License-Identifier: Apache-2.0

package scimin

import "time"

// Hurry bounds how long a query may take.
func (p *Provider) Hurry(longest time.Duration) { p.longest = longest }

// Tire bounds how many resources a query may have looked at one by one.
func (p *Provider) Tire(most int) { p.most = most }
