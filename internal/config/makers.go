// SPDX-License-Identifier: Apache-2.0

package config

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// A maker's HR system is a source of type http of which most is written already: a file
// in makers/, which holds the keys of such a source and, as base, where the maker's API is
// if that is the same for all its customers. {url} in it is what the configuration says
// as url, or base. What the configuration says wins, key by key; optional adds.

//go:embed makers/*.yaml
var makerFiles embed.FS

const (
	makersFolder = "makers/"
	makerBase    = "base"
	baseIn       = "{url}"
)

// Makers are the types of source that are HR systems of known makers.
func Makers() []string {
	files, _ := fs.Glob(makerFiles, makersFolder+"*.yaml")
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, makersFolder), ".yaml")
	}
	return files
}

// maker is the tree of a maker's file. Those who read it must not change it.
func maker(name string) *node { return makersRead()[name] }

var makersRead = sync.OnceValue(func() map[string]*node {
	all := map[string]*node{}
	for _, name := range Makers() {
		data, err := makerFiles.ReadFile(makersFolder + name + ".yaml")
		if err != nil {
			panic(err) // it is embedded
		}
		r := &reader{file: name + ".yaml"}
		if all[name] = r.read(data); len(r.errs) > 0 {
			panic(r.errs) // TestMakers holds them to be right
		}
	}
	return all
})

// made fills a source of a maker's type in with what its file says, as a source of type
// http. Where that is wrong, or lacks something, the source's type is where it is told.
func (d *decoder) made(n *node, what string) *node {
	kind := n.at("type")
	if n.kind != kindMap || kind == nil || !slices.Contains(Makers(), kind.value) {
		return n
	}
	file := maker(kind.value)
	base := ""
	if b := file.at(makerBase); b != nil {
		base = b.value
	}
	if u := n.at("url"); u != nil {
		if t, ok := d.text(u, "url of "+what); ok {
			base = strings.TrimRight(t.Value, "/")
			d.address(u, what, t, []Text{{Value: AllowPlainHTTP}}) // which is looked at with the addresses made of it
		}
	} else if base == "" {
		d.fail(kind.pos, what+" has no url", "where your "+kind.value+" is: "+hintOf(file))
	}
	if n.at("auth") == nil {
		d.fail(kind.pos, what+" has no auth", "it must have one")
	}
	out := &node{kind: kindMap, pos: n.pos}
	for _, e := range filled(file, kind.pos, base).entries {
		switch key := e.key.Value; {
		case key == makerBase, key == makerHint:
		case key == "webhook" && n.at(key) == nil: // it does not call us
		default:
			out.entries = append(out.entries, e)
		}
	}
	for _, e := range n.entries {
		switch mine := out.at(e.key.Value); {
		case e.key.Value == "url" || e.key.Value == "type":
		case mine == nil:
			out.entries = append(out.entries, e)
		default:
			*mine = *over(mine, e.value, e.key.Value)
		}
	}
	out.entries = append(out.entries, entry{Text{Value: "type", Pos: kind.pos}, &node{kind: kindText, pos: kind.pos, raw: SourceHTTP, value: SourceHTTP}})
	return out
}

// makerHint says, for people, what the url of a maker's system looks like.
const makerHint = "url_hint"

func hintOf(file *node) string {
	if h := file.at(makerHint); h != nil {
		return h.value
	}
	return "https://…"
}

// filled is a copy of a maker's tree, which is nowhere but at pos.
func filled(n *node, pos Position, base string) *node {
	out := *n
	out.pos, out.value = pos, strings.ReplaceAll(n.value, baseIn, base)
	out.entries, out.items = nil, nil
	for _, e := range n.entries {
		out.entries = append(out.entries, entry{Text{Value: e.key.Value, Pos: pos}, filled(e.value, pos, base)})
	}
	for _, item := range n.items {
		out.items = append(out.items, filled(item, pos, base))
	}
	return &out
}

// over lays what a configuration says over what a maker's file says for the same key.
func over(mine, yours *node, key string) *node {
	switch {
	case key == "optional" && mine.kind == kindList && yours.kind == kindList:
		yours.items = append(slices.Clone(mine.items), yours.items...)
		return yours
	case key == "columns" && yours.kind == kindList: // the name is the path
		named := &node{kind: kindMap, pos: yours.pos}
		for _, item := range yours.items {
			named.entries = append(named.entries, entry{Text{Value: item.value, Pos: item.pos}, item})
		}
		yours = named
	case key == "paging", key == "auth" && !slices.ContainsFunc(mine.entries, func(e entry) bool { return yours.at(e.key.Value) != nil }):
		return yours // it is of another kind
	}
	if mine.kind != kindMap || yours.kind != kindMap {
		return yours
	}
	out := &node{kind: kindMap, pos: yours.pos, entries: slices.Clone(mine.entries)}
	for _, e := range yours.entries {
		i := slices.IndexFunc(out.entries, func(o entry) bool {
			return o.key.Value == e.key.Value || key == "person" && strings.EqualFold(o.key.Value, e.key.Value)
		})
		if i < 0 {
			out.entries = append(out.entries, e)
			continue
		}
		v := e.value
		if key == "auth" || key == "webhook" {
			v = over(out.entries[i].value, v, e.key.Value)
		}
		out.entries[i] = entry{e.key, v}
	}
	return out
}
