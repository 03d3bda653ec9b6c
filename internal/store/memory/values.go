// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/scim"
)

// instant is a time as it is kept: to the microsecond, or none. As with SQL's NULL,
// nothing is before or after none.
type instant struct {
	micro int64
	is    bool
}

// stamp keeps a time; the zero time is none.
func stamp(t time.Time) instant {
	if t.IsZero() {
		return instant{}
	}
	return instant{t.UnixMicro(), true}
}

func (i instant) time() time.Time {
	if !i.is {
		return time.Time{}
	}
	return time.UnixMicro(i.micro).UTC()
}

func (i instant) after(j instant) bool { return i.is && j.is && i.micro > j.micro }
func (i instant) upTo(j instant) bool  { return i.is && j.is && i.micro <= j.micro }

// earlier is the earlier of two, or the one that there is.
func earlier(i, j instant) instant {
	if !i.is || i.after(j) {
		return j
	}
	return i
}

// document is a resource as it is kept. It is read when it is put, as what a store on
// disk gives back is what was written: text that is valid UTF-8, schemas first. What
// cannot be read again is an error each time somebody asks for it.
type document struct {
	value scim.Value
	err   error
}

func keep(r *scim.Resource) *document {
	if r == nil {
		return nil
	}
	v, err := scim.ParseValue(r.AppendJSON(make([]byte, 0, 512)), scim.Limits{})
	if err != nil {
		err = fmt.Errorf("store: %w", err)
	}
	return &document{v, err}
}

// read returns a resource of the caller's own: values are never written to, and the
// list of attributes is copied before the first change.
func (d *document) read() (*scim.Resource, error) {
	switch {
	case d == nil:
		return nil, nil //nolint:nilnil // nothing was kept
	case d.err != nil:
		return nil, d.err
	}
	o, _ := d.value.AsComplex()
	return &scim.Resource{Object: o}, nil
}

// distinct returns ids in order, each once.
func distinct(ids []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
