// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/source/csv"
	"github.com/usher-id/usher/internal/source/sftp"
	"github.com/usher-id/usher/internal/testenv"
)

// onSSHD is the place that is an OpenSSH server, at an address that leads to it.
func onSSHD(t *testing.T, s *testenv.SSHD, address string) func(context.Context) (csv.Place, error) {
	t.Helper()
	pem, err := os.ReadFile(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	server, err := sftp.New(sftp.Config{
		Address: address, User: s.User, HostKeys: s.HostKey, Allow: dial.Allow{Loopback: true}, Timeout: 10 * time.Second,
		Credential: func() (sftp.Credential, error) { return sftp.Credential{Key: pem}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) (csv.Place, error) {
		conn, err := server.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}

// TestHumanResourcesOverSFTP: a snapshot is the same wherever the file lies.
func TestHumanResourcesOverSFTP(t *testing.T) {
	t.Parallel()
	hr(t, "day1.csv") // skips, if there are none
	s := testenv.StartSSHD(t)
	place := onSSHD(t, s, s.Address)
	for _, name := range []string{"day1", "day2", "dirty", "truncated", "empty"} {
		path := hr(t, name+".csv")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		here := filepath.Join(s.Dir, name+".csv")
		write(t, here, string(data), 1_700_000_000)
		want, err := csv.Read(t.Context(), hrConfig(here))
		if err != nil {
			t.Fatal(err)
		}
		c := hrConfig(name + ".csv")
		c.Place = place
		got, err := csv.Read(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) || len(want.Rows)+len(want.Rejected) == 0 && name != "empty" {
			t.Errorf("%s: %+v, and here %+v; %d rows and %d rejects, and here %d and %d", name, got.Proof, want.Proof, len(got.Rows), len(got.Rejected), len(want.Rows), len(want.Rejected))
		}
	}
}

// TestLookIsCheap: to look at a large file costs what a connection costs.
func TestLookIsCheap(t *testing.T) {
	t.Parallel()
	s := testenv.StartSSHD(t)
	wire := testenv.StartWire(t, s.Address)
	data := "id,name,note\n" + strings.Repeat("1,a,b\n", 200_000)
	write(t, filepath.Join(s.Dir, "hr.csv"), data, 1_700_000_000)
	c := team()
	c.Path, c.Place = "hr.csv", onSSHD(t, s, wire.Address)
	first, err := csv.Look(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if sent := wire.Sent.Load(); sent == 0 || sent > 16<<10 {
		t.Errorf("a look at %d bytes costs %d", len(data), sent)
	}
	write(t, filepath.Join(s.Dir, "hr.csv"), data, 1_700_000_001)
	if second, err := csv.Look(t.Context(), c); err != nil || second == first {
		t.Errorf("a new time of change is not seen: %v", err)
	}
}

// TestCutIsNoShortFile cuts the line to OpenSSH's server after every few KB.
func TestCutIsNoShortFile(t *testing.T) {
	t.Parallel()
	s := testenv.StartSSHD(t)
	wire := testenv.StartWire(t, s.Address)
	data := "id,name,note\n"
	for i := range 4000 {
		data += strings.Repeat("9", 1+i%7) + string(rune('a'+i%26)) + ",name,note\n"
	}
	write(t, filepath.Join(s.Dir, "hr.csv"), data, 1_700_000_000)
	c := team()
	c.Path = filepath.Join(s.Dir, "hr.csv")
	want, err := csv.Read(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Path, c.Place = "hr.csv", onSSHD(t, s, wire.Address)
	cut, read := 0, 0
	for after := int64(0); after < int64(len(data))+16<<10; after += 5 << 10 {
		wire.After.Store(after)
		snap, err := csv.Read(t.Context(), c)
		switch {
		case err != nil:
			cut++
		case snap.Proof != want.Proof:
			t.Errorf("after %d bytes: %+v, want %+v", after, snap.Proof, want.Proof)
		default:
			read++
		}
	}
	if cut < 8 || read == 0 {
		t.Errorf("%d were cut, %d read", cut, read)
	}
}
