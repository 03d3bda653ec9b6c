// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
)

// over has a company's HR file lie on a server.
func over(t testing.TB, conf, address, user, pin, credential string) string {
	t.Helper()
	const local = "    path: DIR/hr.csv\n"
	if strings.Count(conf, local) != 1 {
		t.Fatal("the HR file is not where it was")
	}
	return strings.Replace(conf, local, fmt.Sprintf("    path: outbox/hr.csv\n    settle: 200ms\n    sftp: {url: 'sftp://%s@%s', %s, host_keys: ['%s'], allow: [loopback], timeout: 5s, every: 1s}\n",
		user, address, credential, pin), 1)
}

// table is an HR file, with something behind each row that nobody reads.
func table(staff []worker, padding int) []byte {
	var b strings.Builder
	b.WriteString("id,first,dept,start,end,leave,back,note\n")
	for _, r := range staff {
		b.WriteString(strings.Join([]string{r.id, r.first, r.dept, r.start, r.end, r.leave, r.back, strings.Repeat("x", padding)}, ",") + "\n")
	}
	return []byte(b.String())
}

func save(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestServeFollowsSFTP: an HR file is put on OpenSSH's server by OpenSSH's client, and the
// people are there; half of one is not read; quiet looks read nothing; and while the line
// is cut everybody stays.
func TestServeFollowsSFTP(t *testing.T) {
	t.Parallel()
	sshd := testenv.StartSSHD(t)
	wire := testenv.StartWire(t, sshd.Address)
	s := newServed(t)
	s.conf = strings.Replace(over(t, s.conf, wire.Address, sshd.User, sshd.HostKey[0], "private_key: "+sshd.Locked+", passphrase: '"+testenv.Passphrase+"'"),
		"    settle: 200ms\n", "    settle: 200ms\n    done: .sha256\n", 1)
	at := func(name string) string { return filepath.Join(s.dir, name) }
	const padding = 20_000
	first := table(staff(20), padding)
	save(t, at("day1"), first)
	save(t, at("day1.sum"), []byte(fmt.Sprintf("%x  hr.csv\n", sha256.Sum256(first))))
	sshd.Do(t, "mkdir outbox", "put "+at("day1")+" outbox/hr.csv", "put "+at("day1.sum")+" outbox/hr.csv.sha256")
	s.serve(t) // only now: a read that fails is tried again at a time of its own, which may be that of the quiet looks
	until(t, "all 20 have accounts", func() bool { return len(s.live()) == 20 })

	// Two looks and more, and not the file.
	before := wire.Sent.Load()
	connections := strings.Count(s.log.String(), "source read")
	time.Sleep(2500 * time.Millisecond) // that nothing comes cannot be waited for
	if sent := wire.Sent.Load() - before; sent == 0 || sent > int64(len(first))/4 {
		t.Errorf("quiet looks cost %d bytes, and the file has %d", sent, len(first))
	}
	if n := strings.Count(s.log.String(), "source read"); n != connections {
		t.Errorf("the file was read %d times more, and nothing had changed", n-connections)
	}

	// Half an upload, which ends like a whole one: two people less, had it been read.
	second := table(slices.Concat(staff(20), []worker{{id: "21", first: "p021", dept: "B", start: "2020-01-01"}}), padding)
	half := second[:strings.LastIndex(string(second[:len(second)-padding*3]), "\n")+1]
	save(t, at("half"), half)
	sshd.Do(t, "put "+at("half")+" outbox/hr.csv")
	until(t, "it is told that the file is not whole", func() bool { return strings.Contains(s.log.String(), "is not the one in hr.csv.sha256") })
	if n := len(s.live()); n != 20 {
		t.Errorf("%d have accounts", n)
	}

	// The whole one, over a line that breaks.
	wire.After.Store(int64(len(second)) / 2)
	save(t, at("day2"), second)
	save(t, at("day2.sum"), []byte(fmt.Sprintf("%x  hr.csv\n", sha256.Sum256(second))))
	sshd.Do(t, "put "+at("day2")+" outbox/.hr.csv.part", "rename outbox/.hr.csv.part outbox/hr.csv", "put "+at("day2.sum")+" outbox/hr.csv.sha256")
	until(t, "it is told that the connection broke off", func() bool { return strings.Contains(s.log.String(), "the connection broke off") })
	if n := len(s.live()); n != 20 {
		t.Errorf("%d have accounts", n)
	}
	wire.After.Store(-1)
	until(t, "the 21st has an account", func() bool { return len(s.live()) == 21 })
	s.end(t)
	if text := s.log.String(); strings.Contains(text, testenv.Passphrase) {
		t.Error("the passphrase is in the log")
	}
}

// TestServeWaitsForSFTP: while there is no file that is told, and when it comes it is read.
func TestServeWaitsForSFTP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "outbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	fake := testenv.StartSFTP(t, testenv.ServeFolder(t, dir), testenv.SFTPOptions{})
	s := newServed(t)
	s.conf = over(t, s.conf, fake.Address, fake.User, fake.HostKey, "password: '"+fake.Password+"'")
	s.serve(t)
	until(t, "it is told that there is no file", func() bool { return strings.Contains(s.log.String(), "source cannot be read") })
	save(t, filepath.Join(dir, "outbox", "hr.csv"), table(staff(2), 0))
	s.alive(t, "p001", "p002")
}

// TestSFTPCutRemovesNobody cuts the line after every few KB of an HR file.
func TestSFTPCutRemovesNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake := testenv.StartSFTP(t, testenv.ServeFolder(t, dir), testenv.SFTPOptions{})
	wire := testenv.StartWire(t, fake.Address)
	s := newServed(t)
	w := s.world
	w.conf, w.file = over(t, company, wire.Address, fake.User, fake.HostKey, "password: '"+fake.Password+"'"), nil
	if err := os.Mkdir(filepath.Join(dir, "outbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "outbox", "hr.csv")
	data := table(staff(30), 1500)
	save(t, path, data)
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := w.try(server.Options{}); err != nil || len(s.live()) != 30 {
		t.Fatalf("%d, %v", len(s.live()), err)
	}
	// Another file of the same people, and one more: what is read whole shows.
	save(t, path, table(staff(31), 1500))
	if err := os.Chtimes(path, old.Add(time.Minute), old.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for after := int64(0); after < 60<<10; after += 3 << 10 {
		wire.After.Store(after)
		doc, err := w.try(server.Options{})
		if err == nil {
			break
		}
		cuts++
		if n := len(s.live()); n != 30 || doc.People.Total != 30 || doc.People.Missing+doc.People.Leaver > 0 {
			t.Errorf("after %d bytes: %d accounts, %+v, %v", after, n, doc.People, err)
		}
	}
	if cuts < 10 || len(s.live()) != 31 {
		t.Errorf("%d cuts, %d accounts at the end", cuts, len(s.live()))
	}
}

// TestSFTPRefusals are what somebody reads who has made a mistake, or has been cheated.
func TestSFTPRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake := testenv.StartSFTP(t, testenv.ServeFolder(t, dir), testenv.SFTPOptions{})
	const stranger = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, test := range map[string]struct {
		old, with string
		want      []string
		built     bool // it is found before anything starts
	}{
		"missing":     {"", "", []string{"source hr: csv: the file does not exist on the server"}, false},
		"password":    {fake.Password, "hunter2", []string{`does not let "hr" in`, "sftp://" + fake.Address}, false},
		"host key":    {fake.HostKey, stranger, []string{"not the pinned one", fake.HostKey, stranger, "do not just put the new one in"}, false},
		"address":     {", allow: [loopback]", "", []string{"is loopback"}, false},
		"fingerprint": {fake.HostKey, "SHA256:abc", []string{"usher.yaml:8:", "is no fingerprint"}, true},
		"key file":    {"password: '" + fake.Password + "'", "private_key: DIR/none", []string{"names no file that can be read"}, true},
		"key":         {"password: '" + fake.Password + "'", "private_key: DIR/usher.yaml", []string{"the private key cannot be read"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServed(t)
			w := s.world
			w.conf = over(t, company, fake.Address, fake.User, fake.HostKey, "password: '"+fake.Password+"'")
			w.conf = strings.Replace(w.conf, test.old, test.with, 1)
			file := filepath.Join(w.dir, "usher.yaml")
			save(t, file, []byte(strings.ReplaceAll(w.conf, "DIR", w.dir)))
			cfg, err := config.Load(t.Context(), file, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, err := server.Build(cfg)
			if (err != nil) != test.built {
				t.Fatal(err)
			}
			if err == nil {
				b.Targets[0].App = w.app
				_, err = opened(t, b).Apply(t.Context(), server.Options{})
			}
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), fake.Password) {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

// TestSFTPSealed: a sealed password goes to the server that it was sealed for, and to no
// other.
func TestSFTPSealed(t *testing.T) {
	t.Parallel()
	dir := keyed(t, sqlitetest.Dir(t))
	if err := os.Mkdir(filepath.Join(dir, "outbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "outbox", "hr.csv"), table(staff(2), 0))
	fake := testenv.StartSFTP(t, testenv.ServeFolder(t, dir), testenv.SFTPOptions{})
	conf := over(t, company, fake.Address, fake.User, fake.HostKey, "password: 'secret:files'") + "secrets: {key: DIR/usher.key}\n"
	b := built(t, dir, conf)
	uses := server.UsesOf(b.Config)
	if len(uses) != 1 || uses[0].Origin != "sftp://"+fake.Address || uses[0].What != "password of source hr" {
		t.Fatalf("%+v", uses)
	}
	u := opened(t, b)
	if err := u.Unseal(t.Context()); err == nil || !strings.Contains(err.Error(), "secret:files is not set (usher secret set files)") {
		t.Errorf("%v", err)
	}
	put(t, u, "files", fake.Password, false)
	if err := u.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.Targets[0].App = newFakeApp()
	if doc, err := u.Apply(t.Context(), server.Options{}); err != nil || doc.People.Total != 2 {
		t.Errorf("%+v, %v", doc.People, err)
	}
	_ = u.Close()
	other := opened(t, built(t, dir, strings.Replace(conf, fake.Address, "127.0.0.1:22", 1)))
	if err := other.Unseal(t.Context()); err == nil || !strings.Contains(err.Error(), "is sealed for sftp://"+fake.Address+" and not given to sftp://127.0.0.1 (the password of source hr)") {
		t.Errorf("%v", err)
	}
}

// TestSFTPDays: the days of a real HR export make the same people over SFTP as on this
// machine.
func TestSFTPDays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("tens of thousands of people, twice")
	}
	hr := filepath.Join(testenv.Shared(t), "data", "hr")
	sshd := testenv.StartSSHD(t)
	example, err := os.ReadFile(filepath.Join("..", "..", "examples", "hr-csv", "usher.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, ok := strings.Cut(string(example), "\nteams:")
	if !ok {
		t.Fatal("the example has no teams")
	}
	far := strings.Replace(text, "    path: ${HR_FILE}\n", fmt.Sprintf("    path: hr.csv\n    settle: 100ms\n    sftp: {url: 'sftp://%s@%s', private_key: %s, host_keys: ['%s'], allow: [loopback]}\n",
		sshd.User, sshd.Address, sshd.Key, sshd.HostKey[0]), 1)
	text = strings.Replace(text, "    path: ${HR_FILE}\n", "    path: ${HR_FILE}\n    #\n    #\n", 1) // so that lines are the same
	var both []*server.Usher
	here := filepath.Join(t.TempDir(), "hr.csv")
	for i, conf := range []string{text, far} {
		env := map[string]string{"STORE": filepath.Join(t.TempDir(), fmt.Sprint(i)), "HR_FILE": here, "TODAY": "2026-11-23"}
		cfg, err := config.Parse("usher.yaml", []byte(conf), func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		if err != nil {
			t.Fatal(err)
		}
		b, err := server.Build(cfg)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, opened(t, b))
	}
	for _, day := range []string{"day1", "day2", "dirty", "truncated", "empty"} {
		data, err := os.ReadFile(filepath.Join(hr, day+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		// The first rows are as wild as the others, and the rest of them is read in
		// internal/source/csv.
		lines := bytes.SplitAfterN(data, []byte("\n"), 4001)
		if len(lines) > 4000 {
			data = bytes.Join(lines[:4000], nil)
		}
		save(t, here, data)
		sshd.Do(t, "put "+here+" hr.csv")
		people, said := [2]string{}, [2]string{}
		for i, u := range both {
			people[i], said[i] = dayOf(t, u)
		}
		if people[0] != people[1] || !strings.Contains(people[0], "\n") {
			t.Errorf("%s: the people differ:%s", day, apart(people[0], people[1]))
		}
		if said[0] != said[1] {
			t.Errorf("%s: what is said differs:%s", day, apart(said[0], said[1]))
		}
	}
}

// apart shows where two texts begin to differ.
func apart(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	around := func(s string) string { return s[max(0, i-300):min(len(s), i+200)] }
	return "\n" + around(a) + "\nand over SFTP\n" + around(b)
}

// dayOf applies and returns everybody, and what is said of the read.
func dayOf(t *testing.T, u *server.Usher) (people, said string) {
	t.Helper()
	doc, err := u.Apply(t.Context(), server.Options{})
	if err != nil || len(doc.Sources) != 1 {
		t.Fatal(err)
	}
	r := doc.Sources[0]
	r.File = ""
	text, err := json.Marshal(struct {
		Report any
		People any
	}{r, doc.People})
	if err != nil {
		t.Fatal(err)
	}
	var h strings.Builder
	var bad error
	err = u.List(t.Context(), "", func(l directory.Listing) {
		for i := range l.Records {
			r := &l.Records[i]
			r.File, r.At = "", time.Time{}
			if !r.Missing.IsZero() { // when is the clock's affair
				r.Missing = time.Unix(1, 0)
			}
		}
		line, jsonErr := json.Marshal(l)
		bad = errors.Join(bad, jsonErr)
		fmt.Fprintf(&h, "%s\n", line)
	})
	if err = errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	return h.String(), string(text)
}

// TestServeSeesDone: on this machine, too, a file is taken when it is said to be whole, and
// that is seen when it is said.
func TestServeSeesDone(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.level = slog.LevelDebug
	s.conf = strings.Replace(s.conf, "    path: DIR/hr.csv\n", "    path: DIR/hr.csv\n    done: .sha256\n", 1)
	s.hr(t, staff(2))
	s.serve(t)
	until(t, "it is told that the file is not whole", func() bool { return strings.Contains(s.log.String(), "there is no hr.csv.sha256 beside it") })
	changed := func() int { return strings.Count(s.log.String(), `msg="source changed" source=hr`) }
	before := changed()
	data, err := os.ReadFile(filepath.Join(s.dir, "hr.csv"))
	if err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(s.dir, "hr.csv.sha256"), []byte(fmt.Sprintf("%x  hr.csv\n", sha256.Sum256(data))))
	until(t, "the change is seen", func() bool { return changed() > before })
	s.alive(t, "p001", "p002")
}
