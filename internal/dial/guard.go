// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Allow opens what is shut by default. Addresses of cloud metadata services and
// link-local ones stay shut whatever it says.
type Allow struct {
	Loopback  bool // 127.0.0.0/8, ::1
	Private   bool // RFC 1918, unique local, site-local, carrier-grade NAT
	PlainHTTP bool
	// Addresses are those of loopback and private ranges that are open by themselves.
	Addresses []netip.Prefix
}

// opens reports whether an address is open by itself.
func (a Allow) opens(addr netip.Addr) bool {
	return slices.ContainsFunc(a.Addresses, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// ErrAddress is in the chain of errors about an address that must not be dialled.
var ErrAddress = errors.New("the address must not be dialled")

// NewDialer makes a dialer that checks the address it is about to connect to:
// after resolution, for every attempt, so that there is no gap between check and use.
func NewDialer(timeout time.Duration, allow Allow) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w: it is no IP address", ErrAddress)
			}
			return CheckAddress(ap.Addr(), allow)
		},
	}
}

// CheckAddress refuses addresses inside the house unless they are allowed, in
// every spelling: addresses that carry an IPv4 address are judged by it as well.
func CheckAddress(addr netip.Addr, allow Allow) error {
	if !addr.IsValid() {
		return fmt.Errorf("%w: it is no IP address", ErrAddress)
	}
	addr = addr.Unmap().WithZone("")
	if err := checkPlain(addr, allow); err != nil {
		return err
	}
	if inner, ok := carried(addr); ok {
		// One level is enough: what is carried is IPv4, and carries nothing.
		return checkPlain(inner, allow)
	}
	return nil
}

func checkPlain(addr netip.Addr, allow Allow) error {
	switch {
	case isMetadata(addr):
		return fmt.Errorf("%w: %s is a cloud metadata service", ErrAddress, addr)
	case addr.IsLoopback():
		if !allow.Loopback && !allow.opens(addr) {
			return fmt.Errorf("%w: %s is loopback; allow loopback addresses for this app if that is meant", ErrAddress, addr)
		}
		return nil
	case addr.IsLinkLocalUnicast():
		return fmt.Errorf("%w: %s is link-local", ErrAddress, addr)
	case addr.IsMulticast():
		return fmt.Errorf("%w: %s is multicast", ErrAddress, addr)
	case addr.IsUnspecified():
		return fmt.Errorf("%w: %s is unspecified", ErrAddress, addr)
	case isPrivate(addr):
		if !allow.Private && !allow.opens(addr) {
			return fmt.Errorf("%w: %s is private; allow private addresses for this app if that is meant", ErrAddress, addr)
		}
		return nil
	case isReserved(addr):
		return fmt.Errorf("%w: %s is reserved", ErrAddress, addr)
	}
	return nil
}

// isMetadata knows the services that hand out a machine's credentials, where
// they do not sit in a range that is shut anyway.
func isMetadata(addr netip.Addr) bool {
	switch addr.String() {
	case "169.254.169.254", "169.254.170.2", "169.254.170.23", // AWS, Azure, Google and others; containers at AWS
		"fd00:ec2::254", "fd00:ec2::23", // AWS by IPv6
		"fd20:ce::254",    // Google by IPv6
		"100.100.100.200", // Alibaba
		"168.63.129.16",   // Azure's host
		"192.0.0.192":     // Oracle
		return true
	}
	return false
}

func isPrivate(addr netip.Addr) bool {
	return addr.IsPrivate() || within(addr,
		"100.64.0.0/10",  // carrier-grade NAT (RFC 6598)
		"fec0::/10",      // site-local (RFC 3879)
		"64:ff9b:1::/48", // NAT64 for local use (RFC 8215)
	)
}

// isReserved are the ranges of the IANA special-purpose registries where no app
// can be, and tunnels that carry an address out of sight.
func isReserved(addr netip.Addr) bool {
	return within(addr,
		"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", // IPv4-compatible (RFC 4291 §2.5.5.1)
		"100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
	)
}

func within(addr netip.Addr, prefixes ...string) bool {
	for _, p := range prefixes {
		if netip.MustParsePrefix(p).Contains(addr) {
			return true
		}
	}
	return false
}

// carried is the IPv4 address that an IPv6 address leads to.
func carried(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	last := netip.AddrFrom4([4]byte(b[12:16]))
	switch {
	case within(addr, "64:ff9b::/96", "64:ff9b:1::/48"): // NAT64 (RFC 6052, RFC 8215)
		return last, true
	case within(addr, "2002::/16"): // 6to4 (RFC 3056)
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case within(addr, "::ffff:0:0:0/96"): // IPv4-translated (RFC 2765)
		return last, true
	case b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP (RFC 5214)
		return last, true
	}
	return netip.Addr{}, false
}
