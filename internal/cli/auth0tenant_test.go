// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/rest"
)

type tenantKey struct{}

// auth0tenantCommand steers a tenant:
//
//	auth0tenant                  start it, with the application usher and the secret in APP_TOKEN, and set AUTH0_URL
//	auth0tenant key ID FILE      add an application that is known by a private key, and write that to FILE
//	auth0tenant poor ID SCOPE…   add an application with the same secret and these scopes alone
//	auth0tenant keys ID          print its public keys: in use, or not
//	auth0tenant foreign ID       register a public key of somebody else
//	auth0tenant holds            print whether usher still has the first secret
//	auth0tenant refuse, accept   refuse every change of an application, or do not
//	auth0tenant hang             make such a change, and do not answer
func auth0tenantCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("auth0tenant cannot be negated")
	}
	if len(args) == 0 {
		startTenant(ts)
		return
	}
	t := tenantOf(ts)
	switch args[0] {
	case "key":
		private, public := keyPair(ts)
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), private, 0o600))
		ts.Check(t.AddClient(auth0test.Client{ID: args[1], PublicKeys: [][]byte{public}}))
	case "poor":
		ts.Check(t.AddClient(auth0test.Client{ID: args[1], Secret: canary, Scopes: args[2:]}))
	case "keys":
		for _, k := range t.ClientKeys(args[1]) {
			fmt.Fprintf(ts.Stdout(), "%s %s in use: %t\n", k.Name, k.Kid, k.Active)
		}
	case "foreign":
		_, public := keyPair(ts)
		_, err := t.PutClientKey(args[1], "of somebody else", public, true)
		ts.Check(err)
	case "holds":
		fmt.Fprintln(ts.Stdout(), t.HoldsSecret("usher", canary))
	case "refuse":
		t.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Path: "/clients/:id", Fault: auth0test.Fault{Kind: auth0test.Forbidden}}))
	case "hang":
		t.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Path: "/clients/:id", Fault: auth0test.Fault{Kind: auth0test.AnswerHangs, Hold: time.Minute}}))
	case "accept":
		t.SetFaults(nil)
	default:
		ts.Fatalf("auth0tenant cannot %s", strings.Join(args, " "))
	}
}

// tenantOf is the tenant of a script.
func tenantOf(ts *testscript.TestScript) *auth0test.Tenant {
	t, _ := ts.Value(tenantKey{}).(*tenantBox)
	if t == nil || t.Tenant == nil {
		ts.Fatalf("there is no tenant yet")
	}
	return t.Tenant
}

// tenantBox is where a script's tenant is, once it is started.
type tenantBox struct{ *auth0test.Tenant }

func startTenant(ts *testscript.TestScript) {
	t, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: canary, SecretLag: time.Second})
	ts.Check(err)
	url, stop, err := t.Listen(context.Background())
	ts.Check(err)
	ts.Defer(stop)
	ts.Value(tenantKey{}).(*tenantBox).Tenant = t
	ts.Setenv("AUTH0_URL", url)
}

func keyPair(ts *testscript.TestScript) (private, public []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	private = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	public, _, err = rest.PublicKeyOf(private)
	ts.Check(err)
	return private, public
}
