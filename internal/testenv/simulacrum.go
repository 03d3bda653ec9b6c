// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed simulacrum/package.json simulacrum/package-lock.json simulacrum/server.mjs
var simulacrumFiles embed.FS

// simulacrumStart bounds the start of a server, on a machine that does much else.
const simulacrumStart = time.Minute

// SimulacrumServer is a running Auth0 of the npm package @simulacrum/auth0-simulator: the token endpoint, its keys, and the
// pages of a login. It has no Management API, takes any secret, and tells no scope beside the token.
type SimulacrumServer struct {
	URL   string         // of the tenant, without a slash at the end
	Roots *x509.CertPool // who vouches for its certificate
}

// Simulacrum starts a server that ends with the test and gives a client tokens with a scope. It needs Node.js 20.11 and npm,
// and a package registry the first time.
func Simulacrum(t testing.TB, client, scope string) *SimulacrumServer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node.js (node)")
	}
	if old, version := tooOld(t, node); old {
		missing(t, "Node.js 20.11 or later; this is "+version)
	}
	home := t.TempDir()
	s := &SimulacrumServer{Roots: certify(t, filepath.Join(home, ".simulacrum", "certs"))}
	cmd := exec.Command(node, installNPM(t, "simulacrum", simulacrumFiles)) //nolint:noctx // ended in order by closing its stdin, see stopServer
	cmd.Dir = home                                                          // it looks for a configuration from here upwards
	cmd.Env = append(os.Environ(), "NODE_ENV=production", "HOME="+home, "SIMULACRUM_CLIENT="+client, "SIMULACRUM_SCOPE="+scope)
	line := startServer(t, "auth0-simulator", cmd, simulacrumStart)
	var told struct{ Port int }
	if err := json.Unmarshal(line, &told); err != nil || told.Port == 0 {
		t.Fatalf("auth0-simulator says %q where its port was expected: %v", line, err)
	}
	s.URL = fmt.Sprintf("https://127.0.0.1:%d", told.Port)
	return s
}

// tooOld reports whether a module of the simulator does not know the folder that it lies in.
func tooOld(t testing.TB, node string) (bool, string) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version := string(bytes.TrimSpace(text))
	var major, minor int
	if _, err := fmt.Sscanf(version, "v%d.%d.", &major, &minor); err != nil {
		t.Fatalf("node says that its version is %q", version)
	}
	return major < 20 || major == 20 && minor < 11, version
}

// certify makes a certificate for loopback, good for a day, where the simulator looks for one. Its key stays in the folder
// of the test.
func certify(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"localhost.pem": {Type: "CERTIFICATE", Bytes: der}, "localhost-key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return roots
}
