// SPDX-License-Identifier: Apache-2.0

package httpauth

import (
	"encoding/base64"
	"errors"
	"net/url"
)

// Kind is how we say who we are.
type Kind string

// The kinds of authentication.
const (
	None   Kind = ""
	Bearer Kind = "bearer" // RFC 6750
	Basic  Kind = "basic"  // RFC 7617
	Header Kind = "header" // a header of the maker's own
	OAuth  Kind = "oauth"  // an access token that is asked for: RFC 6749 §4.4, RFC 7523
)

// Auth is who we are. The functions return a credential as it is now, so that one that
// was exchanged counts at once.
type Auth struct {
	Kind   Kind
	User   func() (string, error) // of Basic; the client id of OAuth
	Secret func() (string, error) // token, password, value, or the client's secret
	Header string                 // name, of Header

	// Of OAuth:
	TokenURL string
	Scope    string
	InBody   bool                   // the client's credentials go in the body, and not by Basic
	Key      func() (string, error) // a private key, PEM, in place of Secret: the client proves itself by what it signs
	KeyID    string                 // of Key; "" is its thumbprint
	Audience string                 // for whom that is signed; "" is TokenURL
	Grant    string                 // grant_type; "" is client_credentials
	Subject  string                 // of [GrantJWT]: for whom we act; "" is the client itself
	Params   url.Values             // what else the maker wants to be sent
}

// The grants that are known here; a maker may have one of another name.
const (
	GrantClient = "client_credentials"
	GrantJWT    = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 §2.1
)

// Check says what is missing. Whether TokenURL is an address that can be asked, whoever
// sends must see to.
func (a Auth) Check() error {
	switch {
	case a.Kind == None:
		return nil
	case a.Kind == OAuth && a.Key != nil && a.Secret != nil:
		return errors.New("it has a secret and a private key")
	case a.Kind == OAuth && a.Key != nil && a.User != nil:
		return nil
	case a.Kind == OAuth && a.Grant == GrantJWT:
		return errors.New("it has nothing to sign with")
	case a.Secret == nil, (a.Kind == Basic || a.Kind == OAuth) && a.User == nil:
		return errors.New("it lacks a credential")
	case a.Kind == Header && a.Header == "":
		return errors.New("it has no name of a header")
	}
	return nil
}

// UserPass is what stands behind the scheme of Basic (RFC 7617 §2).
func (a Auth) UserPass() (string, error) {
	user, err := a.User()
	if err != nil {
		return "", err
	}
	password, err := a.Secret()
	if err != nil {
		return "", err
	}
	return userPass(user, password), nil
}

func userPass(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
