// SPDX-License-Identifier: Apache-2.0

package sftp_test

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/source/sftp"
	"github.com/usher-id/usher/internal/testenv"
)

func fakeConfig(s *testenv.SFTP, address string, timeout time.Duration) sftp.Config {
	return sftp.Config{
		Address: address, User: s.User, HostKeys: []string{s.HostKey}, Allow: dial.Allow{Loopback: true}, Timeout: timeout,
		Credential: func() (sftp.Credential, error) { return sftp.Credential{Password: s.Password}, nil },
	}
}

// TestPasswords: a password is said once, whichever way the server asks for it.
func TestPasswords(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]testenv.SFTPOptions{"password": {}, "questions": {Questions: true}, "either": {Either: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a"), []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := testenv.StartSFTP(t, testenv.ServeFolder(t, dir), options)
			conn, err := connect(t, fakeConfig(s, s.Address, 10*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			f, err := conn.Open(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(f); string(text) != "hello" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
			if n := s.Asked.Load(); n != 1 {
				t.Errorf("the password was said %d times", n)
			}
			s.Asked.Store(0)
			c := fakeConfig(s, s.Address, 10*time.Second)
			password := "hunter2"
			c.Credential = func() (sftp.Credential, error) { return sftp.Credential{Password: password}, nil }
			server, err := sftp.New(c)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := server.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), `does not let "hr" in`) || strings.Contains(err.Error(), "hunter2") {
					t.Error(err)
				}
			}
			if n := s.Asked.Load(); n != 1 {
				t.Errorf("a wrong password was said %d times, which locks accounts", n)
			}
			password = s.Password // another one is tried at once
			conn, err = server.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		})
	}
}

// packet frames an answer.
func packet(kind byte, id uint32, rest ...any) []byte {
	b := binary.BigEndian.AppendUint32([]byte{kind}, id)
	for _, r := range rest {
		switch r := r.(type) {
		case uint32:
			b = binary.BigEndian.AppendUint32(b, r)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, r)
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(r))), r...)
		}
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// Kinds of packets (draft-ietf-secsh-filexfer-02 §3).
const (
	fxpOpen, fxpClose, fxpRead, fxpLstat, fxpOpendir, fxpReaddir = 3, 4, 5, 7, 11, 12
	fxpStatus, fxpHandle, fxpData, fxpName, fxpAttrs, fxpVersion = 101, 102, 103, 104, 105, 2
	codeOK, codeEOF, codeFailure                                 = uint32(0), uint32(1), uint32(4)
	withSize                                                     = uint32(1)
)

// lying is a server that answers by a script. What it does not answer hangs.
func lying(answer func(kind byte, id uint32) []byte) testenv.Serve {
	return func(c io.ReadWriteCloser) {
		for {
			var head [4]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return
			}
			body := make([]byte, binary.BigEndian.Uint32(head[:]))
			if _, err := io.ReadFull(c, body); err != nil {
				return
			}
			id := binary.BigEndian.Uint32(body[1:])
			reply := packet(fxpVersion, 3)
			if body[0] != 1 { // SSH_FXP_INIT
				if reply = answer(body[0], id); reply == nil {
					reply = honest(body[0], id)
				}
			}
			if _, err := c.Write(reply); err != nil {
				return
			}
		}
	}
}

func honest(kind byte, id uint32) []byte {
	switch kind {
	case fxpOpen, fxpOpendir:
		return packet(fxpHandle, id, "h")
	case fxpLstat:
		return packet(fxpAttrs, id, withSize, uint64(10))
	case fxpClose:
		return packet(fxpStatus, id, codeOK, "", "")
	}
	return packet(fxpStatus, id, codeEOF, "", "")
}

// TestLies: whatever a server says ends in one sentence, and soon.
func TestLies(t *testing.T) {
	t.Parallel()
	list := func(c *sftp.Conn, t *testing.T) error {
		_, err := c.List(t.Context(), "", func(string) bool { return true })
		return err
	}
	stat := func(c *sftp.Conn, t *testing.T) error {
		_, err := c.Stat(t.Context(), "a")
		return err
	}
	read := func(c *sftp.Conn, t *testing.T) error {
		f, err := c.Open(t.Context(), "a")
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(f, 1<<20), make([]byte, 256<<10))
		return errors.Join(err, f.Close())
	}
	named := func(names ...string) func(byte, uint32) []byte {
		var told atomic.Bool
		return func(kind byte, id uint32) []byte {
			if kind != fxpReaddir || told.Swap(true) {
				return nil
			}
			parts := []any{uint32(len(names))}
			for _, n := range names {
				parts = append(parts, n, "long", withSize, uint64(1))
			}
			return packet(fxpName, id, parts...)
		}
	}
	to := func(kind byte, reply func(id uint32) []byte) func(byte, uint32) []byte {
		return func(k byte, id uint32) []byte {
			if k != kind {
				return nil
			}
			return reply(id)
		}
	}
	for name, test := range map[string]struct {
		answer func(kind byte, id uint32) []byte
		do     func(*sftp.Conn, *testing.T) error
		want   string
	}{
		"endless listing": {to(fxpReaddir, func(id uint32) []byte {
			return packet(fxpName, id, uint32(1), strings.Repeat("n", 200), strings.Repeat("l", 200<<10), uint32(0))
		}), list, "longer than 65536 KiB"},
		"endless listing of nothing": {to(fxpReaddir, func(id uint32) []byte { return packet(fxpName, id, uint32(0)) }), list, "has not answered within 1s"},
		"huge name":                  {named(strings.Repeat("n", 10_000)), list, "a name of 10000 bytes"},
		"control character":          {named("a\x1b[2Jb"), list, `the name "a\x1b[2Jb"`},
		"no UTF-8":                   {named("a\xff"), list, "no UTF-8"},
		"twice":                      {named("a", "b", "a"), list, `lists "a" twice`},
		"more names than there are":  {to(fxpReaddir, func(id uint32) []byte { return packet(fxpName, id, uint32(1<<31-1)) }), list, "broke off"},
		"negative size": {
			to(fxpLstat, func(id uint32) []byte { return packet(fxpAttrs, id, withSize, uint64(1<<63)) }), stat,
			"more bytes than there can be",
		},
		"another's answer": {to(fxpLstat, func(id uint32) []byte { return packet(fxpAttrs, id+7, withSize, uint64(1)) }), stat, "broke off"},
		"no such packet":   {to(fxpLstat, func(id uint32) []byte { return packet(250, id) }), stat, "broke off"},
		"half an answer":   {to(fxpLstat, func(id uint32) []byte { return packet(fxpAttrs, id, withSize) }), stat, "broke off"},
		"endless packet":   {to(fxpLstat, func(uint32) []byte { return []byte{0xff, 0xff, 0xff, 0xff, 1} }), stat, "broke off"},
		"a long excuse": {to(fxpLstat, func(id uint32) []byte {
			return packet(fxpStatus, id, codeFailure, strings.Repeat("no\n", 5000), "")
		}), stat, "the server refuses"},
		"silence":               {to(fxpLstat, func(uint32) []byte { return []byte{} }), stat, "has not answered within 1s"},
		"data of no length":     {to(fxpRead, func(id uint32) []byte { return packet(fxpData, id, "") }), read, ""}, // which is an end
		"data that is no data":  {to(fxpRead, func(id uint32) []byte { return packet(fxpData, id, uint32(1<<30)) }), read, "broke off"},
		"a file that is a name": {to(fxpOpen, func(id uint32) []byte { return packet(fxpName, id, uint32(0)) }), read, "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testenv.StartSFTP(t, lying(test.answer), testenv.SFTPOptions{})
			c := fakeConfig(s, s.Address, 20*time.Second)
			if strings.Contains(test.want, "within 1s") {
				c.Timeout = time.Second
			}
			conn, err := connect(t, c)
			if err != nil {
				t.Fatal(err)
			}
			err = test.do(conn, t)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, want %q", err, test.want)
			}
			if text := err.Error(); len(text) > 500 || strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("%d bytes: %q", len(text), text)
			}
		})
	}
}

// TestPermission: what the server does not permit is told as such.
func TestPermission(t *testing.T) {
	t.Parallel()
	s := testenv.StartSFTP(t, lying(func(kind byte, id uint32) []byte {
		return packet(fxpStatus, id, uint32(3), "no", "")
	}), testenv.SFTPOptions{})
	conn, err := connect(t, fakeConfig(s, s.Address, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	_, stat := conn.Stat(t.Context(), "a")
	_, list := conn.List(t.Context(), "", nil)
	_, open := conn.Open(t.Context(), "a")
	for what, err := range map[string]error{"stat": stat, "list": list, "open": open} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestShortAnswers: a server may give less than was asked for, and that is no end.
func TestShortAnswers(t *testing.T) {
	t.Parallel()
	var given atomic.Int32
	s := testenv.StartSFTP(t, lying(func(kind byte, id uint32) []byte {
		if kind == fxpRead && given.Add(1) <= 50 {
			return packet(fxpData, id, "abc")
		}
		return nil
	}), testenv.SFTPOptions{})
	conn, err := connect(t, fakeConfig(s, s.Address, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	f, err := conn.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f) // by pieces of 512 bytes, each filled up
	if err != nil || string(text) != strings.Repeat("abc", 50) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestWireFails cuts and holds the line after every few bytes: connecting and reading end
// in an error, in time, and what is read is never short.
func TestWireFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content := strings.Repeat("0123456789", 5000)
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testenv.StartSFTP(t, testenv.ServeFolder(t, dir), testenv.SFTPOptions{})
	for name, hold := range map[string]bool{"cut": false, "held": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testenv.StartWire(t, s.Address)
			w.Hold.Store(hold)
			whole := 0
			step, timeout := int64(1000), 10*time.Second
			if hold {
				step, timeout = 9000, 300*time.Millisecond
			}
			for after := int64(0); after < 60_000; after += step {
				w.After.Store(after)
				server, err := sftp.New(fakeConfig(s, w.Address, timeout))
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				text, err := readAll(t, server)
				switch {
				case err == nil && text == content:
					whole++
				case err == nil:
					t.Errorf("after %d bytes: %d bytes, and no error", after, len(text))
				case strings.Contains(err.Error(), "\n"):
					t.Errorf("%q", err)
				}
				if took := time.Since(start); took > timeout+5*time.Second {
					t.Errorf("after %d bytes: took %v", after, took)
				}
			}
			if whole == 0 || whole > 8 {
				t.Errorf("%d were read whole", whole)
			}
		})
	}
}

func readAll(t *testing.T, server *sftp.Server) (string, error) {
	conn, err := server.Connect(t.Context())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	f, err := conn.Open(t.Context(), "a")
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(f)
	return string(text), err
}
