// SPDX-License-Identifier: Apache-2.0

package httpauth

import (
	"encoding/base64"
	"errors"
)

// Kind is how we say who we are.
type Kind string

// The kinds of authentication.
const (
	None   Kind = ""
	Bearer Kind = "bearer" // RFC 6750
	Basic  Kind = "basic"  // RFC 7617
	Header Kind = "header" // a header of the maker's own
	OAuth  Kind = "oauth"  // client credentials, RFC 6749 §4.4
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
	InBody   bool // the client's credentials go in the body, and not by Basic
}

// Check says what is missing. Whether TokenURL is an address that can be asked, whoever
// sends must see to.
func (a Auth) Check() error {
	switch {
	case a.Kind == None:
		return nil
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
