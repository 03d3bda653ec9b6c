// SPDX-License-Identifier: Apache-2.0

package scimin

import "time"

// Hurry bounds how long a query may take.
func (p *Provider) Hurry(longest time.Duration) { p.longest = longest }
