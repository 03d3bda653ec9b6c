// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	fingerprintPrefix = "SHA256:"
	mostHostKeys      = 8
	shortestRSA       = 2048 // bits
)

// HowToFind says where a fingerprint comes from.
const HowToFind = "ask whoever runs the server for its fingerprints, or run there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; " +
	"what ssh-keyscan shows from here is to be compared with what they say"

// pins are the host keys that a server may have.
type pins struct {
	fingerprints []string
	types        []string // of the keys; nil: any, as a fingerprint does not tell
}

// parsePins reads fingerprints (SHA256:…) and lines of a known_hosts file, of which
// the key counts and the names do not.
func parsePins(keys []string) (pins, error) {
	var p pins
	if len(keys) == 0 {
		return p, errors.New("no host key is pinned, so that anybody could pretend to be the server: " + HowToFind)
	}
	if len(keys) > mostHostKeys {
		return p, fmt.Errorf("more than %d host keys", mostHostKeys)
	}
	open := false
	for _, text := range keys {
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, fingerprintPrefix) {
			sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text[len(fingerprintPrefix):], "="))
			if err != nil || len(sum) != 32 {
				return p, fmt.Errorf("%q is no fingerprint: SHA256: and 43 characters of base64, as ssh-keygen -lf shows it", shorten(text))
			}
			p.fingerprints, open = append(p.fingerprints, fingerprintPrefix+base64.RawStdEncoding.EncodeToString(sum)), true
			continue
		}
		key, err := parseLine(text)
		if err != nil {
			return p, err
		}
		p.fingerprints, p.types = append(p.fingerprints, ssh.FingerprintSHA256(key)), append(p.types, key.Type())
	}
	if open {
		p.types = nil
	}
	return p, nil
}

func parseLine(text string) (ssh.PublicKey, error) {
	bad := func(why string) error {
		return fmt.Errorf("%q is no host key: %s", shorten(text), why)
	}
	marker, _, key, _, rest, err := ssh.ParseKnownHosts([]byte(text))
	if err != nil { // a key without the names before it, as it stands in a .pub file
		if key, _, _, rest, err = ssh.ParseAuthorizedKey([]byte(text)); err != nil {
			return nil, bad("write SHA256:… as ssh-keygen -lf shows it, or a line of a known_hosts file")
		}
	}
	switch {
	case marker != "":
		return nil, bad("@" + marker + " is not understood here; pin the key itself")
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, bad("it has more than one line; give each key its own entry")
	case !slices.Contains(hostKeyTypes(), key.Type()):
		return nil, bad("keys of type " + shorten(key.Type()) + " are not taken")
	}
	return key, weak(key)
}

// weak refuses RSA keys that are too short.
func weak(key ssh.PublicKey) error {
	if of, ok := key.(ssh.CryptoPublicKey); ok {
		if k, ok := of.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < shortestRSA {
			return fmt.Errorf("the RSA host key has %d bits, and less than %d are not taken", k.N.BitLen(), shortestRSA)
		}
	}
	return nil
}

// algorithmsOf are how a key of a type may sign, the best first.
func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256} // never with SHA-1 (RFC 8332 §5.1)
	}
	return []string{keyType}
}

// hostKeyTypes are the types of keys that are taken, in the order in which they are
// asked for. Certificates are none: what is pinned is a key.
func hostKeyTypes() []string {
	return []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}
}

// wrongKeyError says that the server has shown host keys that are not pinned.
type wrongKeyError struct{ types, shown, pinned []string }

func (e *wrongKeyError) and(more *wrongKeyError) *wrongKeyError {
	if e == nil {
		return more
	}
	return &wrongKeyError{append(e.types, more.types...), append(e.shown, more.shown...), e.pinned}
}

func (e *wrongKeyError) Error() string {
	shown := make([]string, len(e.shown))
	for i, f := range e.shown {
		shown[i] = f + " (" + e.types[i] + ")"
	}
	return fmt.Sprintf("the server's host key is not the pinned one: it shows %s, and host_keys has %s. Nothing was sent to it. "+
		"Either its key was exchanged, or somebody stands in between: do not just put the new one in, but ask whoever runs the server, on another way than this one",
		strings.Join(shown, " and "), strings.Join(e.pinned, " and "))
}

// check is called with the server's host key, before we say who we are.
func (p pins) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	shown := ssh.FingerprintSHA256(key)
	if !slices.Contains(p.fingerprints, shown) {
		return &wrongKeyError{[]string{key.Type()}, []string{shown}, p.fingerprints}
	}
	return weak(key)
}
