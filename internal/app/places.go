// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"

	"github.com/usher-id/usher/scim"
)

// NoPlaceError says that users of a maker's have nothing that an attribute could go into.
type NoPlaceError struct {
	Maker string // for people: "Okta"
	Path  scim.Path
	Why   string // what to do
}

func (e *NoPlaceError) Error() string {
	return fmt.Sprintf("%s has no place for %s: %s", e.Maker, e.Path, e.Why)
}

// CheckPlaces says whether a mapping can have attributes: each has a place, as name names
// it or says why not, and no two have the same. What is wrong with one stands at its index.
// lacking are those of needed whose place nothing goes into.
//
// active and externalId are left out: the one is not mapped, and the other has a place of
// its own.
func CheckPlaces(maker string, paths []scim.Path, needed []Paths, name func(scim.Path) (string, error)) (errs []error, lacking []string) {
	taken := map[string]scim.Path{}
	errs = make([]error, len(paths))
	for i, path := range paths {
		if path.URN == "" && (path.Attr == "externalId" || path.Attr == "active") {
			continue
		}
		place, err := name(path)
		if first, twice := taken[place]; err == nil && twice {
			err = &NoPlaceError{maker, path, fmt.Sprintf("%s is its %s already; take one of them out", first, place)}
		}
		errs[i] = err
		taken[place] = path
	}
	for _, need := range needed { // which are ways to write the same
		place, err := name(need[0])
		if _, there := taken[place]; err == nil && !there {
			lacking = append(lacking, need[0].String())
		}
	}
	return errs, lacking
}
