// SPDX-License-Identifier: Apache-2.0

package source

import (
	"slices"
	"sort"
)

// sightings are the keys that a read has shown.
type sightings struct {
	rows []Row           // by key
	more map[string]bool // keys of rows that were set aside: their people are there, too
	less map[string]bool // keys of rows that are no sign that somebody is there
}

// look notes whom a read has shown. Its rows are in the order of their keys.
func look(b *Batch) sightings {
	s := sightings{rows: b.Rows, more: map[string]bool{}, less: map[string]bool{}}
	for _, j := range b.Rejected {
		if j.Key != "" && !s.among(j.Key) {
			s.more[j.Key] = true
		}
	}
	return s
}

func (s sightings) among(key string) bool {
	i := sort.Search(len(s.rows), func(i int) bool { return s.rows[i].Key >= key })
	return i < len(s.rows) && s.rows[i].Key == key
}

func (s sightings) has(key string) bool { return !s.less[key] && (s.more[key] || s.among(key)) }

func (s sightings) count() int { return len(s.rows) + len(s.more) - len(s.less) }

// also notes a key that is there without a row of its own.
func (s sightings) also(key string) {
	if !s.has(key) && !s.less[key] {
		s.more[key] = true
	}
}

// drop forgets a key that was seen.
func (s sightings) drop(key string) {
	if s.has(key) {
		s.less[key] = true
	}
}

// keys returns all keys, in order.
func (s sightings) keys() []string {
	out := make([]string, 0, s.count())
	for _, r := range s.rows {
		out = append(out, r.Key)
	}
	for key := range s.more {
		out = append(out, key)
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(key string) bool { return s.less[key] })
}
