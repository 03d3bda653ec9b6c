// SPDX-License-Identifier: Apache-2.0

package dial_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/usher-id/usher/internal/dial"
)

// Who may dial an address.
const (
	everybody = iota
	withLoopback
	withPrivate
	nobody
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	v4 := map[string]int{
		"8.8.8.8": everybody, "1.1.1.1": everybody, "93.184.216.34": everybody, "172.15.255.255": everybody,
		"172.32.0.0": everybody, "11.0.0.0": everybody, "100.63.255.255": everybody, "100.128.0.0": everybody,
		"192.167.255.255": everybody, "192.169.0.0": everybody, "126.255.255.255": everybody, "128.0.0.0": everybody,
		"169.253.255.255": everybody, "169.255.0.0": everybody, "223.255.255.255": everybody, "198.17.255.255": everybody,

		"127.0.0.1": withLoopback, "127.0.0.2": withLoopback, "127.1.1.1": withLoopback, "127.255.255.255": withLoopback,

		"10.0.0.0": withPrivate, "10.255.255.255": withPrivate, "172.16.0.1": withPrivate, "172.31.255.255": withPrivate,
		"192.168.0.1": withPrivate, "192.168.255.255": withPrivate, "100.64.0.0": withPrivate, "100.127.255.255": withPrivate,

		"0.0.0.0": nobody, "0.0.0.1": nobody, "0.255.255.255": nobody,
		"169.254.0.1": nobody, "169.254.169.254": nobody, "169.254.170.2": nobody, "169.254.170.23": nobody, "169.254.255.255": nobody,
		"100.100.100.200": nobody, "168.63.129.16": nobody, "192.0.0.192": nobody, "192.0.0.1": nobody,
		"192.0.2.1": nobody, "198.51.100.7": nobody, "203.0.113.9": nobody, "198.18.0.1": nobody, "198.19.255.255": nobody,
		"192.88.99.1": nobody, "224.0.0.1": nobody, "239.255.255.250": nobody, "240.0.0.1": nobody, "255.255.255.255": nobody,
	}
	v6 := map[string]int{
		"2606:4700:4700::1111": everybody, "2a00:1450:4001:800::200e": everybody, "2400:cb00::1": everybody,

		"::1": withLoopback, "0:0:0:0:0:0:0:1": withLoopback, "::1%eth0": withLoopback,

		"fc00::1": withPrivate, "fdff:ffff::1": withPrivate, "fec0::1": withPrivate, "feff::1": withPrivate,
		"64:ff9b:1::808:808": withPrivate,

		"::": nobody, "::2": nobody, "fe80::1": nobody, "fe80::1%eth0": nobody, "febf::1": nobody,
		"fd00:ec2::254": nobody, "fd00:ec2::254%eth0": nobody, "fd00:ec2::23": nobody, "fd20:ce::254": nobody, "fe80::a9fe:a9fe": nobody,
		"ff02::1": nobody, "ff0e::1": nobody, "2001:db8::1": nobody, "2001::1": nobody, "2001:0:4136:e378:8000:63bf:3fff:fdd2": nobody,
		"100::1": nobody, "3fff::1": nobody, "5f00::1": nobody, "2001:10::1": nobody,
	}
	table := map[string]int{}
	for s, who := range v6 {
		table[s] = who
	}
	// Every IPv4 address again, in each IPv6 spelling that leads to it.
	for s, who := range v4 {
		table[s] = who
		b := netip.MustParseAddr(s).As4()
		hex := fmt.Sprintf("%02x%02x:%02x%02x", b[0], b[1], b[2], b[3])
		table["::ffff:"+s] = who
		table["0:0:0:0:0:ffff:"+hex] = who
		table["64:ff9b::"+s] = who
		table["64:ff9b:0:0:0:0:"+hex] = who
		table["2002:"+hex+"::1"] = who
		table["::ffff:0:"+s] = who
		table["2a00:1450::5efe:"+s] = who
		table["2a00:1450::200:5efe:"+s] = who
		table["::"+s] = nobody // IPv4-compatible: out of use
	}
	table["::0.0.0.1"] = withLoopback // which is ::1
	t.Logf("%d spellings", len(table))
	for s, who := range table {
		addr := netip.MustParseAddr(s)
		for _, tt := range []struct {
			allow dial.Allow
			want  bool
		}{
			{dial.Allow{}, who == everybody},
			{dial.Allow{Loopback: true}, who == everybody || who == withLoopback},
			{dial.Allow{Private: true}, who == everybody || who == withPrivate},
			{dial.Allow{Loopback: true, Private: true}, who != nobody},
			{dial.Allow{PlainHTTP: true}, who == everybody},
			{dial.Allow{Addresses: prefixes("0.0.0.0/0", "::/0")}, who != nobody}, // which opens nothing that is never open
		} {
			err := dial.CheckAddress(addr, tt.allow)
			if (err == nil) != tt.want {
				t.Errorf("%s with %+v: %v", s, tt.allow, err)
			}
			if err != nil && !errors.Is(err, dial.ErrAddress) {
				t.Errorf("%s: %v is no ErrAddress", s, err)
			}
		}
	}
	// A private spelling of a loopback address needs both.
	both := netip.MustParseAddr("64:ff9b:1::7f00:1")
	for _, tt := range []struct {
		allow dial.Allow
		want  bool
	}{
		{dial.Allow{Private: true}, false},
		{dial.Allow{Loopback: true}, false},
		{dial.Allow{Private: true, Loopback: true}, true},
		{dial.Allow{Addresses: prefixes("127.0.0.1/32")}, false},
	} {
		if err := dial.CheckAddress(both, tt.allow); (err == nil) != tt.want {
			t.Errorf("%s with %+v: %v", both, tt.allow, err)
		}
	}
	if err := dial.CheckAddress(netip.Addr{}, dial.Allow{Loopback: true, Private: true}); err == nil {
		t.Error("no address at all is accepted")
	}
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, s := range texts {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

// TestAddressesThatAreOpen: what is opened by itself opens nothing beside it, in any
// spelling.
func TestAddressesThatAreOpen(t *testing.T) {
	t.Parallel()
	allow := dial.Allow{Addresses: prefixes("10.1.2.3/32", "10.2.0.0/16", "127.0.0.1/32", "fd00:1::/32")}
	for s, want := range map[string]bool{
		"10.1.2.3": true, "10.1.2.4": false, "10.2.0.0": true, "10.2.255.255": true, "10.3.0.0": false, "127.0.0.1": true, "127.0.0.2": false, "::1": false,
		"fd00:1::7": true, "fd00:2::7": false, "fd00:ec2::254": false, "::ffff:10.1.2.3": true, "::ffff:10.1.2.4": false, "64:ff9b::10.2.3.4": true, "64:ff9b::10.3.3.4": false,
		"169.254.169.254": false, "fe80::1": false, "192.168.1.1": false, "8.8.8.8": true,
	} {
		if err := dial.CheckAddress(netip.MustParseAddr(s), allow); (err == nil) != want {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// FuzzCheckAddress: the IPv6 spelling of an address is judged as the address is.
func FuzzCheckAddress(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{169, 254, 169, 254})
	f.Add([]byte{8, 8, 8, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 4 {
			t.Skip()
		}
		v4 := netip.AddrFrom4([4]byte(b))
		mapped := netip.AddrFrom16(v4.As16())
		nat64 := netip.AddrFrom16([16]byte{0: 0x00, 1: 0x64, 2: 0xff, 3: 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]})
		for _, allow := range []dial.Allow{{}, {Loopback: true}, {Private: true}} {
			want := dial.CheckAddress(v4, allow) == nil
			for _, addr := range []netip.Addr{mapped, nat64} {
				if got := dial.CheckAddress(addr, allow) == nil; got != want {
					t.Errorf("%s: %v, %s: %v", v4, want, addr, got)
				}
			}
		}
	})
}
