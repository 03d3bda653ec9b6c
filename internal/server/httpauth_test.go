// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim/scimtest"
)

const (
	appToken = "    token: abc\n"
	byClient = "    auth: {oauth: {token_url: \"https://login.example:8443/token\", client_id: usher, "
)

// TestBuildAuth: what is wrong with a key, a certificate or an address is said where it
// stands, without a secret; and a client's secret goes to where tokens come from, and not
// to the app.
func TestBuildAuth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	crt, key := certificate(t, dir, "usher", time.Now().Add(time.Hour))
	_, other := certificate(t, dir, "other", time.Now().Add(time.Hour))
	for name, c := range map[string]struct{ with, says string }{
		"no such key":      {byClient + "private_key: /nowhere/key.pem}}\n", "private_key in auth of app app names no file that can be read"},
		"no key":           {byClient + "private_key: \"-----BEGIN hunter2\"}}\n", "private_key in auth of app app: the private key is no PEM"},
		"elliptic":         {byClient + "private_key: " + key + "}}\n", "private_key in auth of app app: the private key is none of RSA"},
		"another's key":    {appToken + "    tls: {certificate: " + crt + ", private_key: " + other + "}\n", "certificate in tls of app app: the certificate and the private key cannot be read, or are not of one another"},
		"no certificate":   {appToken + "    tls: {certificate: " + key + ", private_key: \"secret:a\"}\n", "certificate in tls of app app: there is no certificate in it"},
		"no file":          {appToken + "    tls: {certificate: /nowhere.crt, private_key: " + key + "}\n", "certificate in tls of app app names no file that can be read"},
		"no authority":     {appToken + "    tls: {ca: " + key + "}\n", "ca in tls of app app holds no certificate in PEM"},
		"sound":            {appToken + "    tls: {certificate: " + crt + ", private_key: " + key + ", ca: " + crt + "}\n", ""},
		"the key is shown": {"    tls: {certificate: " + crt + ", private_key: " + key + "}\n", ""},
	} {
		_, err := build(t, replace(t, appToken, c.with)+"secrets: {key: usher.key}\n")
		var mistakes config.Errors
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says == "":
		case !errors.As(err, &mistakes) || mistakes[0].Pos.Line == 0 || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "nowhere/key"):
			t.Errorf("%s: %v\nwant %s", name, err, c.says)
		}
	}
	b, err := build(t, replace(t, appToken, byClient+"client_secret: \"secret:login\"}}\n    tls: {certificate: "+crt+", private_key: \"secret:shown\"}\n")+"secrets: {key: usher.key}\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"login": "https://login.example:8443", "shown": "https://app.example"} {
		if origin, _, err := b.SecretOrigin(name, ""); err != nil || origin != want {
			t.Errorf("secret:%s goes to %s, %v", name, origin, err)
		}
	}
}

// certificate makes one that vouches for itself, and its key, as files.
func certificate(t *testing.T, dir, name string, until time.Time) (crt, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &text, &text, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	hidden := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	crt, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	if err := errors.Join(os.WriteFile(crt, public, 0o600), os.WriteFile(key, hidden, 0o600)); err != nil {
		t.Fatal(err)
	}
	return crt, key
}

// TestMutualTLS: an app that asks for a certificate is shown ours, a new one counts without
// a new start, and none is shown by who has none. Whom the app must be vouched for by is
// said by ca.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	crt, key := certificate(t, dir, "usher", time.Now().Add(time.Hour))
	there, err := scimtest.New(scimtest.Config{Token: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.TLS.PeerCertificates[0].Subject.CommonName)
		there.ServeHTTP(w, r)
	}))
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	theirs := filepath.Join(dir, "theirs.crt")
	if err := os.WriteFile(theirs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	connect := func(tls string) app.App {
		t.Helper()
		b, err := build(t, strings.Replace(replace(t, appToken, appToken+"    allow: [loopback]\n    tls: "+tls+"\n"), "https://app.example/scim/v2", srv.URL, 1))
		if err != nil {
			t.Fatal(err)
		}
		return b.Targets[0].App
	}
	ask := func(a app.App) error { _, err := a.Get(t.Context(), app.KindUser, "nobody"); return err }
	ours := connect("{certificate: " + crt + ", private_key: " + key + ", ca: " + theirs + "}")
	if err := ask(ours); app.Classify(err).Class != app.NotFound || len(shown) != 1 || shown[0] != "usher" {
		t.Errorf("%v, shown %v", err, shown)
	}
	other, itsKey := certificate(t, dir, "new", time.Now().Add(time.Hour))
	if err := errors.Join(os.Rename(other, crt), os.Rename(itsKey, key)); err != nil {
		t.Fatal(err)
	}
	srv.CloseClientConnections()
	if err := ask(ours); app.Classify(err).Class != app.NotFound || len(shown) != 2 || shown[1] != "new" {
		t.Errorf("a new certificate: %v, shown %v", err, shown)
	}
	if err := ask(connect("{certificate: " + crt + ", private_key: " + key + "}")); app.Classify(err).Class != app.Unreachable {
		t.Errorf("an app for which nobody vouches: %v", err)
	}
	if err := ask(connect("{ca: " + theirs + "}")); err == nil || app.Classify(err).Class == app.NotFound || len(shown) != 2 {
		t.Errorf("without a certificate: %v, shown %v", err, shown)
	}
}
