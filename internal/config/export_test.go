// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"slices"
)

// DescribedPaths are the keys that have a description.
func DescribedPaths() []string { return slices.Collect(maps.Keys(descriptions())) }
