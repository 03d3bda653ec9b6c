// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// SFTP is a server of ours, for faults that OpenSSH does not have.
type SFTP struct {
	Address  string
	User     string
	Password string
	HostKey  string       // its fingerprint
	Asked    atomic.Int32 // how often a password was said
	// Connections counts those that were let in.
	Connections atomic.Int32
}

// Serve is what an SFTP server does with one client. It returns when the client is gone.
type Serve func(io.ReadWriteCloser)

// ServeFolder serves a folder, as far as it can be read.
func ServeFolder(t testing.TB, dir string) Serve {
	return func(c io.ReadWriteCloser) {
		s, err := sftp.NewServer(c, sftp.ReadOnly(), sftp.WithServerWorkingDirectory(dir))
		if err != nil {
			t.Error(err)
			return
		}
		_ = s.Serve() // ends with the client, however it ends
		_ = s.Close()
	}
}

// SFTPOptions is how a server is: its zero value will do.
type SFTPOptions struct {
	Password  string
	Questions bool // it asks for its password as RFC 4256 has it
	Either    bool // it takes it in both ways
}

// StartSFTP starts one; it ends with the test.
func StartSFTP(t testing.TB, serve Serve, o SFTPOptions) *SFTP {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &SFTP{User: "hr", Password: cmp.Or(o.Password, "a long enough password"), HostKey: ssh.FingerprintSHA256(signer.PublicKey())}
	config := &ssh.ServerConfig{}
	config.AddHostKey(signer)
	check := func(c ssh.ConnMetadata, password string) (*ssh.Permissions, error) {
		s.Asked.Add(1)
		if c.User() != s.User || password != s.Password {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	if o.Questions || o.Either {
		config.KeyboardInteractiveCallback = func(c ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errors.New("no")
			}
			return check(c, answers[0])
		}
	}
	if !o.Questions {
		config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) { return check(c, string(password)) }
	}
	s.Address = listen(t, func(conn net.Conn) { s.accept(conn, config, serve) })
	return s
}

func (s *SFTP) accept(conn net.Conn, config *ssh.ServerConfig, serve Serve) {
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	s.Connections.Add(1)
	var all sync.WaitGroup
	defer all.Wait()
	defer func() { _ = server.Close() }()
	all.Go(func() { ssh.DiscardRequests(requests) })
	for c := range channels {
		channel, asked, err := c.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			for r := range asked {
				ok := r.Type == "subsystem"
				_ = r.Reply(ok, nil) // nobody is there to be told if this fails
				if ok {
					all.Go(func() {
						serve(channel)
						_ = channel.Close()
					})
				}
			}
		})
	}
}

// Wire lies between a client and a server, and can be cut or held.
type Wire struct {
	Address string
	// After so many bytes from the server, of each connection, Hold decides what happens:
	// the connection is cut, or nothing comes any more. Negative is never.
	After atomic.Int64
	Hold  atomic.Bool
	Sent  atomic.Int64 // bytes from the server, of all connections
}

// StartWire starts one to an address; it ends with the test.
func StartWire(t testing.TB, to string) *Wire {
	t.Helper()
	w := &Wire{}
	w.After.Store(-1)
	w.Address = listen(t, func(client net.Conn) {
		server, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
		if err != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(server, client)
			_ = server.Close()
		}()
		w.carry(client, server)
		_ = client.Close()
		_ = server.Close()
		<-done
	})
	return w
}

func (w *Wire) carry(client, server net.Conn) {
	left, buf := w.After.Load(), make([]byte, 32<<10)
	for {
		b := buf
		if left >= 0 {
			b = buf[:min(int64(len(buf)), left)]
		}
		if left == 0 {
			if w.Hold.Load() {
				_, _ = io.Copy(io.Discard, server) // until one of them gives up
			}
			return
		}
		n, err := server.Read(b)
		w.Sent.Add(int64(n))
		if left > 0 {
			left -= int64(n)
		}
		if _, werr := client.Write(b[:n]); err != nil || werr != nil {
			return
		}
	}
}

// listen takes connections on loopback until the test ends, and waits for all of them.
func listen(t testing.TB, each func(net.Conn)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			all.Go(func() {
				each(conn)
				_ = conn.Close()
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}
