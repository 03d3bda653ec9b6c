// SPDX-License-Identifier: Apache-2.0

package dial_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/dial"
)

// names answers questions for addresses as DNS does (RFC 1035 §4), the first with the first
// of its answers, and so on; the last one stays.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

func (n *names) next() []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := min(n.asked, len(n.answers)-1)
	n.asked++
	return n.answers[i]
}

// dial is a connection to the name server.
func (n *names) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe() // a stream: messages have their length before them
	go func() {
		defer server.Close()
		for {
			var size [2]byte
			if _, err := readFull(server, size[:]); err != nil {
				return
			}
			question := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := readFull(server, question); err != nil {
				return
			}
			answer := n.answer(question)
			if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
				return
			}
		}
	}()
	return client, nil
}

func readFull(c net.Conn, b []byte) (int, error) {
	for n := 0; n < len(b); {
		k, err := c.Read(b[n:])
		if err != nil {
			return n, err
		}
		n += k
	}
	return len(b), nil
}

func (n *names) answer(question []byte) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5
	var records []byte
	count := uint16(0)
	if kind := binary.BigEndian.Uint16(question[end-4:]); kind == 1 { // A; there is no AAAA
		for _, a := range n.next() {
			four := a.As4()
			records = append(records, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			records = append(records, four[:]...)
			count++
		}
	}
	out := append([]byte{}, question[:2]...)
	out = append(out, 0x85, 0x80, 0, 1)
	out = binary.BigEndian.AppendUint16(out, count)
	out = append(out, 0, 0, 0, 0)
	return append(append(out, question[12:end]...), records...)
}

// TestNamesChangeTheirMind: the guard stands at the address that is dialled, for each
// connection. A name whose first answer is allowed and whose second is not gets through
// once, and one of several answers is judged by itself.
func TestNamesChangeTheirMind(t *testing.T) {
	t.Parallel()
	var came atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(srv.Close)
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	at := func(texts ...string) (list []netip.Addr) {
		for _, s := range texts {
			list = append(list, netip.MustParseAddr(s))
		}
		return list
	}
	for name, tt := range map[string]struct {
		answers [][]netip.Addr
		want    []bool // whether the first, second … connection comes about
	}{
		"then private":                {[][]netip.Addr{at("127.0.0.1"), at("10.0.0.1")}, []bool{true, false, false}},
		"then metadata":               {[][]netip.Addr{at("127.0.0.1"), at("169.254.169.254")}, []bool{true, false}},
		"inner ones among the others": {[][]netip.Addr{at("10.0.0.1", "169.254.169.254", "127.0.0.1")}, []bool{true, true}},
		"inner ones alone":            {[][]netip.Addr{at("10.0.0.1", "192.168.1.1", "100.64.0.1")}, []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &names{answers: tt.answers}
			dialer := dial.NewDialer(5*time.Second, dial.Allow{Loopback: true})
			dialer.Resolver = &net.Resolver{PreferGo: true, Dial: server.dial}
			client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
			for i, want := range tt.want {
				res, err := client.Get("http://app.example" + port + "/")
				if err == nil {
					_ = res.Body.Close()
				}
				if (err == nil) != want || err != nil && !errors.Is(err, dial.ErrAddress) {
					t.Errorf("connection %d: %v", i+1, err)
				}
			}
			if server.asked < len(tt.want) {
				t.Errorf("%d questions for %d connections", server.asked, len(tt.want))
			}
		})
	}
}

// TestSpellings: addresses inside the house are refused in every spelling that a resolver of
// the system or net/http makes one of (inet_aton's octal, decimal and short forms, letters
// that IDNA maps to digits), and so is a name of the house.
func TestSpellings(t *testing.T) {
	t.Parallel()
	var came atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(srv.Close)
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	// The system's resolver makes addresses of some: here it says what inet_aton would.
	inet := &names{answers: [][]netip.Addr{{netip.MustParseAddr("127.0.0.1")}}}
	for _, host := range []string{
		"127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "localhost", "LOCALHOST", "localhost.",
		"１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "ｌｏｃａｌｈｏｓｔ", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[0:0:0:0:0:0:0:1]",
		"127.0.0.1.nip.example", "app.example",
	} {
		dialer := dial.NewDialer(5*time.Second, dial.Allow{})
		dialer.Resolver = &net.Resolver{PreferGo: true, Dial: inet.dial}
		client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
		res, err := client.Get("http://" + host + port + "/")
		if err == nil {
			_ = res.Body.Close()
		}
		var dns *net.DNSError // Go's own resolver makes nothing of some
		if !errors.Is(err, dial.ErrAddress) && !errors.As(err, &dns) {
			t.Errorf("%s: %v", host, err)
		}
		if u, err := url.Parse("http://" + host + port); err == nil && netAddress(u.Hostname()) && dial.CheckURL("http://"+host+port, dial.Allow{PlainHTTP: true}) == nil {
			t.Errorf("%s is a base URL", host)
		}
	}
	if came.Load() > 0 {
		t.Errorf("%d requests came", came.Load())
	}
}

func netAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// TestTyped: a transport for a URL that was typed connects to that one place, and no
// transport asks a proxy of the environment.
func TestTyped(t *testing.T) {
	t.Parallel()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Host)) })
	typed, other := httptest.NewServer(answer), httptest.NewServer(answer)
	t.Cleanup(typed.Close)
	t.Cleanup(other.Close)
	way, err := dial.NewTypedTransport(typed.URL+"/scim/v2", time.Second, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.CloseIdleConnections)
	client := http.Client{Transport: way}
	get := func(url string) error {
		res, err := client.Get(url)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	if err := get(typed.URL + "/any"); err != nil {
		t.Error(err)
	}
	for _, elsewhere := range []string{other.URL, strings.Replace(typed.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/latest/meta-data"} {
		if err := get(elsewhere); !errors.Is(err, dial.ErrAddress) {
			t.Errorf("%s: %v", elsewhere, err)
		}
	}
	if guarded := dial.NewTransport(dial.Allow{}, time.Second, 1, nil); guarded.Proxy != nil || way.Proxy != nil {
		t.Error("a proxy is asked for")
	}
}
