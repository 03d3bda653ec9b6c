// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"sort"

	"github.com/usher-id/usher/scim"
)

// merge computes a person's resource from their records. For each attribute
// the source of the highest authority that states a value has it; a record
// that is missing from its source still counts until the departure is
// accepted, as a missing person keeps everything.
func (d *Directory) merge(records []Record) (*scim.Resource, error) {
	sort.SliceStable(records, func(i, j int) bool { return d.rank[records[i].Source] < d.rank[records[j].Source] })
	merged := scim.NewResource(scim.UserURN)
	for _, r := range records {
		view, err := scim.ParseResource(r.User, scim.Limits{})
		if err != nil {
			return nil, err
		}
		for _, p := range d.cfg.Paths {
			if _, taken := merged.At(p); taken {
				continue
			}
			if v, ok := view.At(p); ok {
				if err := merged.Put(p, v); err != nil {
					return nil, err
				}
			}
		}
	}
	return merged, nil
}
