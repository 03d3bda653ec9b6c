// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// version is a table, and what is in it.
type version struct {
	table table[number, *int]
	want  map[number]int
}

// Tables behave as sorted maps of which every committed version stays as it was,
// whatever later transactions do to theirs, and whether they end or are given up.
func TestTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		kept := []version{{want: map[number]int{}}}
		for range rapid.IntRange(1, 12).Draw(rt, "transactions") {
			from := rapid.SampledFrom(kept).Draw(rt, "from") // not always the last: a copy goes on by itself
			now, own := version{from.table, maps.Clone(from.want)}, new(owner)
			for _, step := range rapid.SliceOfN(rapid.IntRange(0, 1000), 1, 120).Draw(rt, "steps") {
				now.step(own, rapid.SampledFrom([]string{"put", "put", "add", "drop", "edit"}).Draw(rt, "what"), number(step%200), step)
			}
			now.check(rt)
			for _, v := range kept {
				v.check(rt)
			}
			if rapid.Bool().Draw(rt, "commits") {
				kept = append(kept, now)
			}
		}
	})
}

func (v *version) step(own *owner, what string, k number, n int) {
	switch what {
	case "put":
		v.table.put(own, k, &n)
		v.want[k] = n
	case "add": // as what is only ever appended to
		v.table.put(own, number(1000+len(v.want)), &n)
		v.want[number(1000+len(v.want))] = n
	case "drop":
		v.table.drop(own, k)
		delete(v.want, k)
	case "edit":
		if edit(&v.table, own, k, func(p *int) { *p++ }) {
			v.want[k]++
		}
	}
}

func (v *version) check(rt *rapid.T) {
	keys := slices.Sorted(maps.Keys(v.want))
	var got []number
	for k, p := range v.table.all() {
		if *p != v.want[k] {
			rt.Fatalf("%d is %d, want %d", k, *p, v.want[k])
		}
		got = append(got, k)
	}
	if !slices.Equal(got, keys) {
		rt.Fatalf("keys %v, want %v", got, keys)
	}
	var back []number
	for k := range v.table.backward() {
		back = append(back, k)
	}
	if slices.Reverse(back); !slices.Equal(back, keys) {
		rt.Fatalf("backward %v, want %v", back, keys)
	}
	for k := range number(200) {
		n, there := v.want[k]
		if p, ok := v.table.get(k); ok != there || ok && *p != n {
			rt.Fatalf("%d: there %t, want %t", k, ok, there)
		}
		at, _ := slices.BinarySearch(keys, k)
		for next := range v.table.from(k) {
			if next != keys[at] {
				rt.Fatalf("from %d comes %d, want %d", k, next, keys[at])
			}
			break
		}
	}
	if p, ok := v.table.last(); ok != (len(keys) > 0) || ok && *p != v.want[keys[len(keys)-1]] {
		rt.Fatal("the last one is not the last")
	}
	for _, c := range v.table.chunks {
		if len(c.rows) == 0 || len(c.rows) > most {
			rt.Fatalf("a chunk of %d", len(c.rows))
		}
	}
}
