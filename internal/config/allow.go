// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"strings"
)

// The words of allow: what is refused unless it stands there. Beside them stand addresses
// and prefixes of loopback and private ranges, each of which opens itself alone.
const (
	AllowLoopback  = "loopback"
	AllowPrivate   = "private"
	AllowPlainHTTP = "plain-http"
)

func allows(list []Text, what string) bool {
	return slices.ContainsFunc(list, func(t Text) bool { return t.Value == what })
}

// Addresses are the addresses and prefixes of an allow.
func Addresses(allow []Text) (out []netip.Prefix) {
	for _, t := range allow {
		if p, ok := addressOf(t.Value); ok {
			out = append(out, p)
		}
	}
	return out
}

// addressOf reads an address, or a prefix.
func addressOf(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// inner are the ranges of which an allow may open a part: those of its words.
func inner() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// allow reads a list of words, and of addresses and prefixes inside the house.
func (d *decoder) allow(n *node, what string, words ...string) []Text {
	out, _ := d.texts(n, what, "allow")
	n.note(func(s *Schema) { *s.Items = allowShape(words) })
	for _, t := range out {
		if slices.Contains(words, t.Value) {
			continue
		}
		item := n.items[slices.IndexFunc(n.items, func(item *node) bool { return item.pos == t.Pos })]
		p, ok := addressOf(t.Value)
		switch {
		case !ok && strings.ContainsAny(t.Value, ".:/"):
			d.fail(t.Pos, what+" has "+quote(item.raw)+", which is no address", "write one like 10.1.2.3 or fd00::1, or a prefix like 10.2.0.0/16")
		case !ok:
			d.unknown(item, "allow", words)
		case p != p.Masked():
			d.fail(t.Pos, what+" has "+quote(item.raw)+", which is one address and many", "write "+p.Masked().String()+", or the address alone")
		case !slices.ContainsFunc(inner(), func(r netip.Prefix) bool { return r.Bits() <= p.Bits() && r.Contains(p.Addr()) }):
			d.fail(t.Pos, what+" has "+quote(item.raw)+", which is no part of a loopback or private range",
				"take it out: others are open anyway, or never (link-local addresses and metadata services)")
		}
	}
	return out
}
