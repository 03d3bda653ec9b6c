// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fakes "github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/fake/authtest"
)

// rivalClients: an app that takes tokens of OAuth gets them for as long as Usher serves,
// though each of them ends, and one that asks for a certificate is shown ours. Somebody is
// told before the client's secret runs out, and what becomes of a wrong one.
func rivalClients(t *testing.T) {
	t.Helper()
	login, err := authtest.New(authtest.Config{ClientID: "usher", Secret: pageSecret, Scope: "scim"})
	if err != nil {
		t.Fatal(err)
	}
	tokens, stop, err := fakes.Listen(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	var refused atomic.Int64
	var shown atomic.Pointer[x509.Certificate]
	r := newRival(t, nil, rivalApp{name: "wiki"})
	inside := login.Door(r.apps["wiki"], r.apps["wiki"].token)
	at := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		shown.Store(req.TLS.PeerCertificates[0])
		inside.ServeHTTP(&counting{w, &refused}, req)
	}))
	at.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}
	at.StartTLS()
	t.Cleanup(at.Close)
	pair := at.TLS.Certificates[0] // it does for both sides
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	r.must(err)
	crt, pem8 := filepath.Join(r.dir, "both.crt"), filepath.Join(r.dir, "both.key")
	r.must(os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	r.must(os.WriteFile(pem8, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	r.edit("    url: "+r.apps["wiki"].base, "    url: "+at.URL+"/scim/v2")
	auth := "    auth: {oauth: {token_url: '" + tokens + "/token', client_id: usher, client_secret: '" + pageSecret + "', scope: scim}}\n"
	r.edit("    token: a-token-of-the-fake\n", auth+fmt.Sprintf("    tls: {certificate: %s, private_key: %s, ca: %s}\n    expires: %s\n", crt, pem8, crt, time.Now().UTC().AddDate(0, 0, 10).Format(time.DateOnly)))
	r.put("ada", "R&D")

	right := r.conf
	r.edit(pageSecret, "a-secret-of-nobody")
	if said, errs := r.usher(4, "apply"); !strings.Contains(said, "wiki: paused, nothing more is sent: token_url "+tokens+"/token gives no token (status 401 invalid_client") || strings.Contains(said+errs, "a-secret-of-nobody") {
		t.Errorf("of a wrong secret is said\n%s", said)
	}
	r.conf = right
	out, _ := r.usher(0, "check")
	if !strings.Contains(out, "client_secret of app wiki runs out in 9 days, on ") {
		t.Errorf("check says\n%s", out)
	}
	r.edit("changes: none", "changes: stream")
	r.serve()
	names := []string{"ada", "bea", "cy", "dan"}
	for i, name := range names {
		if i > 0 {
			login.Revoke()
			r.put(name, "R&D")
		}
		r.until(name+" is there", func() bool { return len(r.live("wiki")) == i+1 })
	}
	r.sees("wiki", names...)
	if n := refused.Load(); n < 3 || r.apps["wiki"].Counts()["POST /Users"] != len(names) {
		t.Errorf("%d requests met a token that had ended; made were %d", n, r.apps["wiki"].Counts()["POST /Users"])
	}
	if c := shown.Load(); c == nil || !c.Equal(at.Certificate()) {
		t.Errorf("shown was %v", c)
	}
}

// counting counts who is sent away.
type counting struct {
	http.ResponseWriter

	refused *atomic.Int64
}

func (c *counting) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.refused.Add(1)
	}
	c.ResponseWriter.WriteHeader(status)
}
