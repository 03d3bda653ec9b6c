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

// Names keeps reserved names: for ever, and never for another. A scope is the
// organisation or an app.
type Names interface {
	// NameOwner returns who reserved a name, "" if nobody. NameOf returns the
	// name that an owner has reserved for an attribute, "" if none.
	NameOwner(ctx context.Context, scope, attribute, canonical string) (string, error)
	NameOf(ctx context.Context, scope, attribute, owner string) (string, error)
	Reserve(ctx context.Context, scope, attribute, canonical, name, owner string) error
}

// reserve replaces the wished names in user by names that are owner's for
// ever. A name once given stays, whatever the wish becomes, and is never given
// to anybody else (RFC 7643 §4.1.1 asks userName to be unique; mail sent to a
// leaver must not reach a namesake).
func reserve(ctx context.Context, tx Tx, scope, owner string, paths []scim.Path, user *scim.Resource) error {
	for _, p := range paths {
		v, _ := user.At(p)
		wish, _ := v.AsString()
		name, err := NameFor(ctx, tx, scope, p.String(), owner, wish, maxLocalPart)
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

// NameFor returns the owner's name for an attribute: the one that they have, or
// else their wish with the first number that makes it nobody's, of at most most
// characters before an @, which is reserved for them. "" is for who has none
// and wishes for none.
func NameFor(ctx context.Context, tx Names, scope, attribute, owner, wish string, most int) (string, error) {
	had, err := tx.NameOf(ctx, scope, attribute, owner)
	if err != nil || had != "" || wish == "" {
		return had, err
	}
	for n := 1; n <= maxNamesakes; n++ {
		name := mapping.NumberedName(wish, n, most)
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
