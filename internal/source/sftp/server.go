// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	wire "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/usher-id/usher/internal/dial"
)

// Config says which server, and who we are there. Address, User, HostKeys and
// Credential are required.
type Config struct {
	Address string // host:port
	User    string
	// HostKeys are fingerprints or lines of a known_hosts file; the server must have one
	// of these keys.
	HostKeys []string
	Allow    dial.Allow
	// Timeout is how long connecting with all that belongs to it may take, and each
	// answer after it; 0 means 30 s.
	Timeout time.Duration
	// Credential is asked for with each connection.
	Credential func() (Credential, error)
}

// Credential is how we prove who we are: by a key, a password, or both where the server
// asks for both.
type Credential struct {
	Password   string
	Key        []byte // a private key in PEM, as OpenSSH or PKCS #8 has it
	Passphrase string // of the key
}

// Server is one that can be connected to.
type Server struct {
	config Config
	pins   pins
	name   string // for messages

	mu      sync.Mutex
	refused []string // types of host keys that were shown and are not pinned, while another one is
	shut    shut
	opened  opened
}

// opened is a private key that was opened: a passphrase is made slow to try.
type opened struct {
	credential [sha256.Size]byte
	signer     ssh.Signer
}

// signer opens the private key of a credential, once.
func (s *Server) signer(cred Credential) (ssh.Signer, error) {
	known := cred.sum()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened.signer != nil && s.opened.credential == known {
		return s.opened.signer, nil
	}
	signer, err := ParseKey(cred.Key, cred.Passphrase)
	if err == nil {
		s.opened = opened{known, signer}
	}
	return signer, err
}

// sum tells one credential from another.
func (cred Credential) sum() [sha256.Size]byte {
	return sha256.Sum256([]byte(fmt.Sprintf("%q %q %q", cred.Password, cred.Key, cred.Passphrase)))
}

// shut is a credential that was refused.
type shut struct {
	credential [sha256.Size]byte
	until      time.Time
	err        error
}

// again is when a credential that was refused is tried again: accounts are locked by
// whoever tries on.
const again = 15 * time.Minute

// refusedError says that the server does not let us in.
type refusedError struct{ user, tried string }

func (e *refusedError) Error() string {
	return fmt.Sprintf("the server does not let %q in: the password or key is not the account's, or the account does not take it (%s)", shorten(e.user), e.tried)
}

// tried returns why a credential need not be tried, or notes that it was refused.
func (s *Server) tried(credential [sha256.Size]byte, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && refused(err):
		s.shut = shut{credential, time.Now().Add(again), &refusedError{s.config.User, clean(ways(err))}}
		return s.shut.err
	case err == nil && s.shut.credential == credential && time.Now().Before(s.shut.until):
		return s.shut.err
	}
	return err
}

// New checks the configuration. Nothing is dialled.
func New(c Config) (*Server, error) {
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return nil, errors.New("the server's address must be host and port")
	}
	switch {
	case c.User == "":
		return nil, errors.New("no user name for the server")
	case strings.ContainsFunc(c.User, unicode.IsControl):
		return nil, errors.New("the user name holds a control character")
	case c.Credential == nil:
		return nil, errors.New("neither a key nor a password for the server")
	}
	p, err := parsePins(c.HostKeys)
	if err != nil {
		return nil, err
	}
	return &Server{config: c, pins: p, name: "sftp://" + strings.TrimSuffix(c.Address, ":22")}, nil
}

// String names the server.
func (s *Server) String() string { return s.name }

// Connect connects. The connection ends with ctx, or when it is closed.
//
// A server has host keys of several types and shows one of the type that it is asked
// for, which a fingerprint does not tell: they are asked for one after the other.
func (s *Server) Connect(ctx context.Context) (*Conn, error) {
	var wrong *wrongKeyError // what was shown
	for {
		c, err := s.connect(ctx)
		if err == nil {
			return c, nil
		}
		var shown *wrongKeyError
		var differ *ssh.AlgorithmNegotiationError
		switch {
		case errors.As(err, &shown):
			wrong = wrong.and(shown)
			if s.another(shown.types[0]) {
				continue
			}
			err = wrong
		case !errors.As(err, &differ): // no word about keys
		case wrong != nil: // it has no more keys
			s.forget()
			err = wrong
		case s.forget(): // it may have other keys than at the last time
			continue
		}
		return nil, fmt.Errorf("%s: %w", s.name, s.unconnected(ctx, err))
	}
}

// another notes that a type of key is not the pinned one, and reports whether there is
// another type to ask for; if not, the next connection begins anew.
func (s *Server) another(keyType string) bool {
	s.mu.Lock()
	s.refused = append(s.refused, keyType)
	more := len(s.typesLocked()) > 0
	s.mu.Unlock()
	return more || !s.forget()
}

// forget reports whether something was known of the server's keys.
func (s *Server) forget() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := len(s.refused) > 0
	s.refused = nil
	return known
}

func (s *Server) typesLocked() (out []string) {
	for _, t := range hostKeyTypes() {
		if (s.pins.types == nil || slices.Contains(s.pins.types, t)) && !slices.Contains(s.refused, t) {
			out = append(out, t)
		}
	}
	return out
}

func (s *Server) hostKeyAlgorithms() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.typesLocked() {
		out = append(out, algorithmsOf(t)...)
	}
	return out
}

// connect makes one connection, all of it within the timeout.
func (s *Server) connect(ctx context.Context) (*Conn, error) {
	cred, err := s.config.Credential()
	if err != nil {
		return nil, &credentialError{err}
	}
	auth, err := s.methods(cred)
	if err != nil {
		return nil, &credentialError{err}
	}
	known := cred.sum()
	if err := s.tried(known, nil); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	tcp, err := dial.NewDialer(s.config.Timeout, s.config.Allow).DialContext(within, "tcp", s.config.Address)
	if err != nil {
		return nil, err
	}
	// Whatever hangs from here on ends with the connection.
	stop := context.AfterFunc(within, func() { _ = tcp.Close() })
	c, err := s.shakeHands(tcp, auth)
	if !stop() && err == nil {
		err = errors.Join(within.Err(), c.Close())
	}
	if err != nil {
		_ = tcp.Close()
		if within.Err() != nil && ctx.Err() == nil {
			return nil, &lateError{s.config.Timeout}
		}
		return nil, s.tried(known, err)
	}
	return c, nil
}

func (s *Server) shakeHands(tcp net.Conn, auth []ssh.AuthMethod) (*Conn, error) {
	able := ssh.SupportedAlgorithms() // the secure ones; what is taken by default has more
	config := &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: able.KeyExchanges, Ciphers: able.Ciphers,
			MACs: slices.DeleteFunc(able.MACs, func(mac string) bool { return mac == ssh.HMACSHA1 }),
		},
		User: s.config.User, Auth: auth, HostKeyCallback: s.pins.check, HostKeyAlgorithms: s.hostKeyAlgorithms(), ClientVersion: "SSH-2.0-Usher",
	}
	conn, channels, requests, err := ssh.NewClientConn(tcp, s.config.Address, config)
	if err != nil {
		return nil, err
	}
	client := ssh.NewClient(conn, channels, requests)
	c := &Conn{server: s, tcp: tcp, ssh: client}
	if err := c.begin(); err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("the server lets us in, but offers no SFTP: %w", err)
	}
	return c, nil
}

// begin starts the subsystem (draft-ietf-secsh-filexfer-02 §3).
func (c *Conn) begin() error {
	session, err := c.ssh.NewSession()
	if err != nil {
		return err
	}
	in, err := session.StdinPipe()
	if err != nil {
		return err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	noise, err := session.StderrPipe()
	if err != nil {
		return err
	}
	if err := session.RequestSubsystem("sftp"); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, noise) }() // ends with the connection
	c.meter = &meter{from: out}
	c.meter.allow(mostAnswer)
	c.client, err = wire.NewClientPipe(c.meter, in)
	return err
}

// errRefused says that the server did not take a password.
var errRefused = errors.New("attempted methods [password]")

// methods are the ways in which we prove who we are.
func (s *Server) methods(cred Credential) ([]ssh.AuthMethod, error) {
	var out []ssh.AuthMethod
	if len(cred.Key) > 0 {
		signer, err := s.signer(cred)
		if err != nil {
			return nil, err
		}
		out = append(out, ssh.PublicKeys(signer))
	}
	if cred.Password != "" {
		// Some servers ask for it as a question (RFC 4256). Anything but one hidden answer
		// is no password, and one that was refused is not said a second time: accounts are
		// locked by such.
		said := false
		say := func() (string, error) {
			said = true
			return cred.Password, nil
		}
		asked := func(_, _ string, questions []string, echos []bool) ([]string, error) {
			switch {
			case len(questions) == 0:
				return nil, nil
			case said:
				return nil, errRefused
			case len(questions) == 1 && !echos[0]:
				said = true
				return []string{cred.Password}, nil
			}
			return nil, errors.New("the server asks for more than a password, which nobody is here to answer")
		}
		out = append(out, ssh.PasswordCallback(say), ssh.KeyboardInteractive(asked))
	}
	if len(out) == 0 {
		return nil, errors.New("neither a key nor a password for the server")
	}
	return out, nil
}

// ParseKey reads a private key. Its errors show nothing of it.
func ParseKey(pem []byte, passphrase string) (ssh.Signer, error) {
	var signer ssh.Signer
	var err error
	if passphrase == "" {
		signer, err = ssh.ParsePrivateKey(pem)
	} else {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
	}
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, errors.New("the private key is locked by a passphrase, and there is none")
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, errors.New("the passphrase does not open the private key")
	case err != nil && (strings.Contains(err.Error(), "not an encrypted key") || strings.Contains(err.Error(), "not password protected")):
		return nil, errors.New("there is a passphrase, but the private key has none: remove it")
	case err != nil:
		return nil, errors.New("the private key cannot be read: it must be PEM, as ssh-keygen and openssl write it")
	}
	if err := weak(signer.PublicKey()); err != nil {
		return nil, fmt.Errorf("the private key is too weak: an RSA key needs %d bits", shortestRSA)
	}
	algorithms := algorithmsOf(signer.PublicKey().Type())
	able, ok := signer.(ssh.AlgorithmSigner)
	if !ok || !slices.Contains(hostKeyTypes(), signer.PublicKey().Type()) {
		return nil, fmt.Errorf("private keys of type %s are not used: make one with ssh-keygen -t ed25519", signer.PublicKey().Type())
	}
	limited, err := ssh.NewSignerWithAlgorithms(able, algorithms)
	if err != nil {
		return nil, fmt.Errorf("private keys of type %s are not used: make one with ssh-keygen -t ed25519", signer.PublicKey().Type())
	}
	return limited, nil
}

// lateError says that connecting took too long.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string {
	return fmt.Sprintf("the server did not let us in within %v", e.after)
}

// credentialError is what is wrong with what we have, which no server has heard of.
type credentialError struct{ error }

// unconnected puts into words why there is no connection.
func (s *Server) unconnected(ctx context.Context, err error) error {
	var wrong *wrongKeyError
	var late *lateError
	var ours *credentialError
	var out *refusedError
	var differ *ssh.AlgorithmNegotiationError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &wrong):
		return wrong
	case errors.As(err, &late):
		return late
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &differ) && s.pins.types != nil && strings.Contains(err.Error(), "host key"):
		return fmt.Errorf("the server has no host key of the pinned type (%s); it may have been exchanged: %s", strings.Join(s.pins.types, ", "), HowToFind)
	case errors.As(err, &differ):
		return fmt.Errorf("the server speaks none of the algorithms that are safe (%s)", clean(err.Error()))
	case errors.As(err, &out):
		return out
	case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
		return errors.New("the server hung up before we were in")
	}
	var op *net.OpError
	if errors.As(err, &op) || errors.Is(err, dial.ErrAddress) { // of this machine, in its words
		return err
	}
	return errors.New(clean(err.Error()))
}

// refused reports whether the server has not let us in. The library has no error of its
// own for that; message 51 is SSH_MSG_USERAUTH_FAILURE (RFC 4252 §6).
func refused(err error) bool {
	return errors.Is(err, errRefused) || strings.Contains(err.Error(), "unable to authenticate") || strings.Contains(err.Error(), "unexpected message type 51")
}

// ways is what of an error of authentication says which ways were tried.
func ways(err error) string {
	text := err.Error()
	if i := strings.Index(text, "attempted methods"); i >= 0 {
		return text[i:]
	}
	return "attempted methods [password]"
}

const longestText = 200 // characters of what a server says

// clean is text that a server may have had a hand in.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return cut(text, longestText)
}

func shorten(text string) string { return cut(text, 60) }

func cut(text string, longest int) string {
	if r := []rune(text); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return text
}
