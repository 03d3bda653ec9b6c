// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// SFTP is the server on which a source's file lies, and who we are there.
type SFTP struct {
	Pos        Position `json:"-"`
	URL        Text     `json:"url"`         // sftp://user@host[:port]
	Password   Secret   `json:"password"`    // this, or
	Key        Secret   `json:"private_key"` // PEM, or the path of a file that holds it; or both
	Passphrase Secret   `json:"passphrase"`  // of the key
	HostKeys   []Text   `json:"host_keys"`   // fingerprints, or lines of a known_hosts file
	Allow      []Text   `json:"allow"`
	Timeout    Duration `json:"timeout"`
	Every      Duration `json:"every"` // between two looks by serve
}

// Allows reports whether the list of what may be connected to holds what.
func (s SFTP) Allows(what string) bool { return allows(s.Allow, what) }

// Server is whom to be and where: user name, host and port.
func (s SFTP) Server() (user, address string) {
	u, err := url.Parse(s.URL.Value)
	if err != nil {
		return "", ""
	}
	port := u.Port()
	if port == "" {
		port = "22"
	}
	return u.User.Username(), net.JoinHostPort(u.Hostname(), port)
}

const (
	sftpScheme   = "sftp"
	howToPin     = `ask whoever runs the server for its fingerprint (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, run there) and write host_keys: ["SHA256:…"]`
	mostHostKeys = 8
	defaultLook  = time.Minute
)

func (d *decoder) sftp(n *node, what string) *SFTP {
	s := &SFTP{Pos: n.pos, Timeout: Duration(30 * time.Second), Every: Duration(defaultLook)}
	what = "sftp of " + what
	d.section(n, what, n.pos,
		field{key: "url", required: true, read: func(n *node) {
			if s.URL, _ = d.text(n, "url of "+what); !s.URL.IsZero() {
				d.sftpAddress(n, what, s.URL)
			}
		}},
		field{key: "password", read: func(n *node) { s.Password = d.secret(n, "password of "+what) }},
		field{key: "private_key", read: func(n *node) { s.Key = d.signingKey(n, "private_key of "+what) }},
		field{key: "passphrase", read: func(n *node) { s.Passphrase = d.secret(n, "passphrase of "+what) }},
		field{key: "host_keys", read: func(n *node) { s.HostKeys, _ = d.texts(n, "host_keys of "+what, "host key") }},
		field{key: "allow", read: func(n *node) {
			s.Allow = d.allow(n, "allow of "+what, AllowLoopback, AllowPrivate)
		}},
		field{key: "timeout", read: func(n *node) {
			set(&s.Timeout)(d.duration(n, "timeout of "+what, time.Millisecond, 10*time.Minute))
		}},
		field{key: "every", read: func(n *node) {
			set(&s.Every)(d.duration(n, "every of "+what, time.Second, 24*time.Hour))
		}},
	)
	n.note(func(shape *Schema) {
		shape.AnyOf = []*Schema{{Required: []string{"password"}}, {Required: []string{"private_key"}}}
		shape.Required = append(shape.Required, "host_keys")
	})
	if n.kind != kindMap {
		return s
	}
	if n.at("password") == nil && n.at("private_key") == nil {
		d.fail(n.pos, what+" has neither private_key nor password", "private_key is safer: what it proves never leaves this machine")
	}
	if n.at("passphrase") != nil && n.at("private_key") == nil {
		d.fail(n.at("passphrase").pos, "passphrase of "+what+" is for a private_key", "remove it, or write password")
	}
	keys := n.at("host_keys")
	switch {
	case keys == nil:
		d.fail(n.pos, what+" has no host_keys, so that anybody could pretend to be the server", howToPin)
	case keys.kind == kindList && len(keys.items) == 0:
		d.fail(keys.pos, "host_keys of "+what+" is empty, so that anybody could pretend to be the server", howToPin)
	case keys.kind == kindList && len(keys.items) > mostHostKeys:
		d.fail(keys.pos, "host_keys of "+what+" has more than 8 keys", "")
	}
	return s
}

func (d *decoder) sftpAddress(n *node, what string, t Text) {
	u, err := url.Parse(t.Value)
	switch {
	case err != nil || u.Scheme != sftpScheme || u.Hostname() == "":
		d.fail(n.pos, "url of "+what+" is no address of SFTP", "write sftp://user@host")
		return
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(t.Value, "#"):
		d.fail(n.pos, "url of "+what+" holds more than the server", "the file's path belongs into path of the source")
	}
	if _, secret := u.User.Password(); secret {
		d.fail(n.pos, "url of "+what+" holds a password", "it belongs into password")
	}
	if name := u.User.Username(); name == "" || strings.ContainsFunc(name, unicode.IsControl) {
		d.fail(n.pos, "url of "+what+" names no user", "write sftp://user@host")
	}
}

// placed checks that what the path of a source says and where it lies do not differ.
func (d *decoder) placed(s Source, what string) {
	if s.SFTP == nil && strings.HasPrefix(strings.ToLower(s.Path.Value), sftpScheme+"://") {
		d.fail(s.Path.Pos, "path of "+what+" is an address", "write the path on the server alone, and beside it sftp: {url: sftp://user@host, …}")
	}
}

const longestDone = 32

// done reads what is added to a file's name.
func (d *decoder) done(n *node, what string) Text {
	t, ok := d.text(n, "done of "+what)
	if ok && (t.Value[0] != '.' || len(t.Value) > longestDone || strings.ContainsAny(t.Value, `/\*?[`)) {
		d.fail(t.Pos, "done of "+what+" is no ending of a file's name", "such as .done or .sha256")
	}
	return t
}
