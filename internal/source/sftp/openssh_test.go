// SPDX-License-Identifier: Apache-2.0

package sftp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/source/sftp"
	"github.com/usher-id/usher/internal/testenv"
)

func keyed(t testing.TB, path, passphrase string) func() (sftp.Credential, error) {
	t.Helper()
	pem, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() (sftp.Credential, error) { return sftp.Credential{Key: pem, Passphrase: passphrase}, nil }
}

func configOf(t testing.TB, s *testenv.SSHD) sftp.Config {
	t.Helper()
	return sftp.Config{
		Address: s.Address, User: s.User, HostKeys: s.HostKey[:1], Allow: dial.Allow{Loopback: true},
		Timeout: 10 * time.Second, Credential: keyed(t, s.Key, ""),
	}
}

func connect(t testing.TB, c sftp.Config) (*sftp.Conn, error) {
	t.Helper()
	server, err := sftp.New(c)
	if err != nil {
		return nil, err
	}
	conn, err := server.Connect(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

// TestOpenSSH reads from a server that is not ours.
func TestOpenSSH(t *testing.T) {
	t.Parallel()
	s := testenv.StartSSHD(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 300_000) // 4.8 MB: many requests
	for _, err := range []error{
		os.WriteFile(filepath.Join(s.Dir, "a.csv"), content, 0o600), os.WriteFile(filepath.Join(s.Dir, "b.txt"), nil, 0o600),
		os.Mkdir(filepath.Join(s.Dir, "sub"), 0o700), os.WriteFile(filepath.Join(s.Dir, "sub", "c.csv"), []byte("c"), 0o600),
		os.Symlink("/etc/passwd", filepath.Join(s.Dir, "link.csv")),
		os.Chtimes(filepath.Join(s.Dir, "a.csv"), time.Unix(1_700_000_000, 5), time.Unix(1_700_000_000, 5)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	conn, err := connect(t, configOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	info, err := conn.Stat(t.Context(), "a.csv")
	if err != nil || info.Size() != int64(len(content)) || !info.ModTime().Equal(time.Unix(1_700_000_000, 0)) || !info.Mode().IsRegular() {
		t.Errorf("%+v, %v", info, err)
	}
	if info, err := conn.Stat(t.Context(), "link.csv"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("a link is not seen as one: %+v, %v", info, err)
	}
	var names []string
	for _, folder := range []string{"", s.Dir + "/", "sub"} {
		infos, err := conn.List(t.Context(), folder, func(name string) bool { return strings.HasSuffix(name, ".csv") })
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range infos {
			names = append(names, info.Name())
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"a.csv", "a.csv", "c.csv", "link.csv", "link.csv"}) {
		t.Errorf("%v", names)
	}
	f, err := conn.Open(t.Context(), "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, content) || f.Close() != nil {
		t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
	}
	if _, err := conn.Stat(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := conn.List(t.Context(), "none", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestOpenSSHLetsIn tries whom the server lets in, and whom we believe.
func TestOpenSSHLetsIn(t *testing.T) {
	t.Parallel()
	s := testenv.StartSSHD(t)
	password := func(text string) func() (sftp.Credential, error) {
		return func() (sftp.Credential, error) { return sftp.Credential{Password: text}, nil }
	}
	t.Run("remembered", func(t *testing.T) { // which of its keys is not the one
		t.Parallel()
		c := configOf(t, s)
		c.HostKeys = s.HostKey[2:]
		server, err := sftp.New(c)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			conn, err := server.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		}
	})
	const stranger = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, test := range map[string]struct {
		change func(c *sftp.Config)
		want   []string // nil: we are in
	}{
		"key":                    {func(*sftp.Config) {}, nil},
		"key with a passphrase":  {func(c *sftp.Config) { c.Credential = keyed(t, s.Locked, testenv.Passphrase) }, nil},
		"ECDSA pinned":           {func(c *sftp.Config) { c.HostKeys = s.HostKey[1:2] }, nil},
		"RSA pinned":             {func(c *sftp.Config) { c.HostKeys = s.HostKey[2:] }, nil},
		"a known_hosts line":     {func(c *sftp.Config) { c.HostKeys = []string{s.KeyLine} }, nil},
		"rotation":               {func(c *sftp.Config) { c.HostKeys = []string{stranger, s.HostKey[0]} }, nil},
		"another host key":       {func(c *sftp.Config) { c.HostKeys = []string{stranger} }, append([]string{"not the pinned one", stranger, "do not just put the new one in"}, s.HostKey...)},
		"a key of another kind":  {func(c *sftp.Config) { c.HostKeys = []string{strings.Replace(ecdsaLine(t), "x ", "files.example ", 1)} }, []string{"not the pinned one", s.HostKey[1]}},
		"a stray key":            {func(c *sftp.Config) { c.Credential = keyed(t, s.Stray, "") }, []string{fmt.Sprintf("does not let %q in", s.User), "publickey"}},
		"a wrong password":       {func(c *sftp.Config) { c.Credential = password("hunter2") }, []string{fmt.Sprintf("does not let %q in", s.User)}},
		"a wrong passphrase":     {func(c *sftp.Config) { c.Credential = keyed(t, s.Locked, "hunter2") }, []string{"the passphrase does not open the private key"}},
		"no passphrase":          {func(c *sftp.Config) { c.Credential = keyed(t, s.Locked, "") }, []string{"locked by a passphrase"}},
		"a passphrase too many":  {func(c *sftp.Config) { c.Credential = keyed(t, s.Key, "hunter2") }, []string{"the private key has none"}},
		"no loopback":            {func(c *sftp.Config) { c.Allow = dial.Allow{} }, []string{"127.0.0.1 is loopback"}},
		"no credential":          {func(c *sftp.Config) { c.Credential = password("") }, []string{"neither a key nor a password"}},
		"no host key":            {func(c *sftp.Config) { c.HostKeys = nil }, []string{"no host key is pinned", "ssh-keygen -lf"}},
		"a fingerprint in MD5":   {func(c *sftp.Config) { c.HostKeys = []string{"MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48"} }, []string{"is no host key"}},
		"half a fingerprint":     {func(c *sftp.Config) { c.HostKeys = []string{s.HostKey[0][:30]} }, []string{"is no fingerprint"}},
		"a certificate's author": {func(c *sftp.Config) { c.HostKeys = []string{"@cert-authority " + s.KeyLine} }, []string{"@cert-authority is not understood"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := configOf(t, s)
			test.change(&c)
			_, err := connect(t, c)
			if (err == nil) != (test.want == nil) {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%q", err)
			}
		})
	}
}

// ecdsaLine is a host key that no server has.
func ecdsaLine(testing.TB) string {
	return "x ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
}

// TestNobodyThere tells of a server that cannot be reached, or does not answer.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := sftp.Config{
		Address: l.Addr().String(), User: "u", HostKeys: []string{"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, Allow: dial.Allow{Loopback: true},
		Timeout: 200 * time.Millisecond, Credential: func() (sftp.Credential, error) { return sftp.Credential{Password: "p"}, nil },
	}
	if _, err := connect(t, c); err == nil || !strings.Contains(err.Error(), "did not let us in within 200ms") {
		t.Errorf("silent: %v", err)
	}
	server, err := sftp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, enough)
	defer cancel()
	if _, err := server.Connect(ctx); !errors.Is(err, enough) {
		t.Errorf("stopped: %v", err)
	}
	_ = l.Close()
	if _, err := connect(t, c); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("gone: %v", err)
	}
}
