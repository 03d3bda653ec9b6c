// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// SSHD is OpenSSH's server with its SFTP server, run by this user for this user, on loopback and with keys of its own.
type SSHD struct {
	Address string // host:port
	User    string
	Dir     string   // where the account begins
	Key     string   // the path of a private key that it takes
	Locked  string   // the path of one that it takes, too, which Passphrase opens
	Stray   string   // the path of one that it does not take
	HostKey []string // the fingerprints of its host keys: Ed25519, ECDSA, RSA
	KeyLine string   // the first of these, as a line of a known_hosts file

	config string
	home   string
}

// Passphrase opens [SSHD.Locked].
const Passphrase = "correct horse battery staple"

// serverPrograms are where distributions keep what is not in everybody's path.
var serverPrograms = map[string][]string{
	"sshd":        {"/usr/sbin/sshd", "/usr/local/sbin/sshd"},
	"sftp-server": {"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"},
}

func program(t testing.TB, name string) string {
	t.Helper()
	for _, path := range serverPrograms[name] {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" of OpenSSH (Debian: openssh-server, openssh-sftp-server)")
	}
	return path
}

// StartSSHD starts one; it ends with the test.
func StartSSHD(t testing.TB) *SSHD {
	t.Helper()
	daemon, subsystem := program(t, "sshd"), program(t, "sftp-server")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &SSHD{User: me.Username, Dir: t.TempDir(), home: t.TempDir()}
	at := func(name string) string { return filepath.Join(s.home, name) }
	var hosts strings.Builder
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		s.HostKey = append(s.HostKey, s.keygen(t, at("host_"+kind), kind, ""))
		fmt.Fprintf(&hosts, "HostKey %s\n", at("host_"+kind))
	}
	s.Key, s.Locked, s.Stray = at("key"), at("locked"), at("stray")
	s.keygen(t, s.Key, "ed25519", "")
	s.keygen(t, s.Locked, "ed25519", Passphrase)
	s.keygen(t, s.Stray, "ed25519", "")
	var taken bytes.Buffer
	for _, name := range []string{s.Key, s.Locked} {
		taken.Write(readFile(t, name+".pub"))
	}
	if err := os.WriteFile(at("authorized_keys"), taken.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.KeyLine = "files.example " + strings.TrimSpace(string(readFile(t, at("host_ed25519.pub"))))
	s.config = hosts.String() + "PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication yes\n" +
		"AuthorizedKeysFile " + at("authorized_keys") + "\nMaxStartups 100\nSubsystem sftp " + subsystem + " -d " + s.Dir + "\n"
	if me.Uid == "0" { // which only root needs
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 { // somebody may take the port before it does
		if err = s.start(t, daemon); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

func (s *SSHD) start(t testing.TB, daemon string) error {
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Address = free.Addr().String()
	config := filepath.Join(s.home, "sshd_config")
	if err := errors.Join(free.Close(), os.WriteFile(config, []byte("ListenAddress "+s.Address+"\n"+s.config), 0o600)); err != nil {
		return err
	}
	// Not with t's context, which ends before the clean-up: sshd is stopped there.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), daemon, "-D", "-e", "-f", config)
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	killer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	var said bytes.Buffer
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if !strings.Contains(lines.Text(), "Server listening") {
			continue
		}
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			for lines.Scan() { // so that it never waits for us
				fmt.Fprintln(&said, lines.Text())
			}
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed is no success
			select {
			case <-drained: // its children hold the other end as long as somebody is connected
			case <-time.After(time.Second):
				return
			}
			if t.Failed() {
				t.Logf("sshd:\n%s", said.Bytes())
			}
		})
		return nil
	}
	return fmt.Errorf("sshd does not start: %w\n%s", cmd.Wait(), said.Bytes())
}

// keygen makes a key and returns its fingerprint.
func (s *SSHD) keygen(t testing.TB, path, kind, passphrase string) string {
	t.Helper()
	keygen := program(t, "ssh-keygen")
	for _, args := range [][]string{{"-q", "-a", "1", "-t", kind, "-N", passphrase, "-C", "test", "-f", path}, {"-l", "-f", path + ".pub"}} {
		out, err := exec.CommandContext(t.Context(), keygen, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
		if fields := strings.Fields(string(out)); len(fields) > 1 {
			return fields[1]
		}
	}
	t.Fatal("ssh-keygen shows no fingerprint")
	return ""
}

// Do has OpenSSH's own client carry out commands such as "put hr.csv outbox/hr.csv".
func (s *SSHD) Do(t testing.TB, commands ...string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Address)
	cmd := exec.CommandContext(t.Context(), program(t, "sftp"), "-q", "-b", "-", "-i", s.Key, "-P", port, "-F", "none",
		"-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile="+filepath.Join(s.home, "known"), "-o", "StrictHostKeyChecking=accept-new", s.User+"@"+host)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sftp: %v\n%s", err, out)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
