// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/usher-id/usher/internal/config"
)

// shown is a certificate of ours that an app asks for, and whose certificates the app may
// show.
type shown struct {
	roots       *x509.CertPool // nil: those whom this machine trusts
	certificate func() (*tls.Certificate, error)
}

// clientTLS reads what an app's tls says. What is in files is read anew when a connection is
// made, so that a certificate that was renewed there counts without a new start.
func (b *Built) clientTLS(a config.App) (out shown, err error) {
	c := a.TLS
	if c == nil {
		return out, nil
	}
	var errs []error
	if !c.CA.IsZero() {
		text, err := certificateOf(c.CA, "ca in tls of app "+a.Name)
		if out.roots = x509.NewCertPool(); err == nil && !out.roots.AppendCertsFromPEM(text) {
			err = &config.Error{Pos: c.CA.Pos, Msg: "ca in tls of app " + a.Name + " holds no certificate in PEM"}
		}
		errs = append(errs, err)
	}
	if c.Certificate.IsZero() {
		return out, errors.Join(errs...)
	}
	what := "certificate in tls of app " + a.Name
	out.certificate = func() (*tls.Certificate, error) { return b.certificate(c, a.Name) }
	if c.Key.Ref() != "" { // which is not open yet
		var text []byte
		if text, err = certificateOf(c.Certificate, what); err == nil {
			_, err = firstEnd(text)
		}
	} else {
		_, err = out.certificate()
	}
	if err != nil && !hasPlace(err) {
		err = &config.Error{Pos: c.Certificate.Pos, Msg: what + ": " + err.Error()}
	}
	return out, errors.Join(append(errs, err)...)
}

// hasPlace reports whether an error says where in the file it is.
func hasPlace(err error) bool {
	var one *config.Error
	var all config.Errors
	return errors.As(err, &one) || errors.As(err, &all)
}

// certificate is ours as it is now. Its errors show nothing of the key.
func (b *Built) certificate(c *config.ClientTLS, app string) (*tls.Certificate, error) {
	text, err := certificateOf(c.Certificate, "certificate in tls of app "+app)
	if err != nil {
		return nil, err
	}
	var key []byte
	if c.Key.Ref() != "" {
		value, err := b.vault.reveal(c.Key)
		if err != nil {
			return nil, err
		}
		key = []byte(value)
	} else if key, err = pemOf(c.Key, "private_key in tls of app "+app); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, key)
	if err != nil {
		return nil, errors.New("the certificate and the private key cannot be read, or are not of one another")
	}
	return &pair, nil
}

// firstEnd is when the first certificate of a PEM runs out, which is ours.
func firstEnd(text []byte) (time.Time, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, errors.New("the certificate cannot be read")
		}
		return cert.NotAfter, nil
	}
	return time.Time{}, errors.New("there is no certificate in it; its PEM begins with -----BEGIN CERTIFICATE-----")
}
