// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// longestAssertion is how long an assertion may be good.
const longestAssertion = 5 * time.Minute

// assertedClient checks an assertion by private_key_jwt, which is for the tenant's
// address with its slash.
func (c *call) assertedClient(g grant) (*client, error) {
	id, why := c.assertions.Check(g.Assertion, g.ClientID, c.base(c.r)+"/", c.now, func(id string) ([]fake.PublicKey, bool) {
		who := c.clients[id]
		if who == nil {
			return nil, false
		}
		var keys []fake.PublicKey
		for _, cred := range who.credentials {
			if cred.active {
				keys = append(keys, fake.PublicKey{ID: cred.kid, Key: cred.key})
			}
		}
		return keys, true
	})
	if why != "" {
		return nil, oauthRefusal(http.StatusUnauthorized, "invalid_client", why)
	}
	return c.clients[id], nil
}
