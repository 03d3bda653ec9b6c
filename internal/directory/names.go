// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// maxLocalPart is how much of a name may stand before its @: what RFC 5321
// §4.5.3.1.1 allows an e-mail's local part.
const maxLocalPart = 64

// maxNamesakes bounds the search for a free number.
const maxNamesakes = 100_000

// reserve replaces the wished names in user by names that are owner's for
// ever. A name once given stays, whatever the wish becomes, and is never given
// to anybody else (RFC 7643 §4.1.1 asks userName to be unique; mail sent to a
// leaver must not reach a namesake).
func reserve(ctx context.Context, tx Tx, scope, owner string, paths []scim.Path, user *scim.Resource) error {
	for _, p := range paths {
		v, _ := user.At(p)
		wish, _ := v.AsString()
		name, err := nameFor(ctx, tx, scope, p.String(), owner, wish)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if err := user.Put(p, scim.String(name)); err != nil {
			return err
		}
	}
	return nil
}

func nameFor(ctx context.Context, tx Tx, scope, attribute, owner, wish string) (string, error) {
	had, err := tx.NameOf(ctx, scope, attribute, owner)
	if err != nil || had != "" || wish == "" {
		return had, err
	}
	for n := 1; n <= maxNamesakes; n++ {
		name := mapping.NumberedName(wish, n, maxLocalPart)
		canonical := strings.ToLower(name)
		holder, err := tx.NameOwner(ctx, scope, attribute, canonical)
		if err != nil {
			return "", err
		}
		if holder == "" {
			return name, tx.Reserve(ctx, scope, attribute, canonical, name, owner)
		}
	}
	return "", fmt.Errorf("%s: %d people already wished for this name", attribute, maxNamesakes)
}
