// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	fakes "github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/fake/authtest"
	"github.com/usher-id/usher/internal/rest"
)

// pageSecret is the secret of the client that a page has.
const pageSecret = "the-secret-of-a-client+%"

var (
	pageTokenURL  = regexp.MustCompile(`(?m)^        token_url: (\S+)$`)
	pageSealed    = regexp.MustCompile(`client_secret: secret:\S+`)
	pageSealedKey = regexp.MustCompile(`private_key: secret:\S+`)
)

// pageLogin gives the tokens that an app takes.
type pageLogin struct {
	*authtest.Endpoint

	url     string
	private []byte // the client's key
}

// logsIn starts what gives tokens to the client of a page, as its maker's documentation has
// it, and nothing of it as the page has it; nil, if it has none.
func (p *appPage) logsIn(block string) (*pageLogin, func(http.Handler) http.Handler) {
	p.Helper()
	at := pageTokenURL.FindStringSubmatch(block)
	if at == nil {
		return nil, nil
	}
	l := &pageLogin{}
	c := authtest.Config{Secret: pageSecret}
	want := ""
	switch p.id {
	case "entra-scim-api":
		want = "https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0/token"
		c.ClientID, c.InBody, c.Scope, c.Life = "APPLICATION_ID", true, "https://graph.microsoft.com/.default", 3599*time.Second
	case "salesforce":
		want = "https://acme.my.salesforce.com/services/oauth2/token"
		c.ClientID, c.InBody, c.Silent = "CONSUMER_KEY", true, true
	case "zoom":
		want = "https://zoom.us/oauth/token"
		c.ClientID, c.Grant, c.Params = "CLIENT_ID", "account_credentials", url.Values{"account_id": {"ACCOUNT_ID"}}
	case "google-cloud-identity-scim":
		want = "https://oauth2.googleapis.com/token"
		var err error
		if l.private, err = rest.NewKey(); err == nil {
			c.PublicKey, _, err = rest.PublicKeyOf(l.private)
		}
		if err != nil {
			p.Fatal(err)
		}
		c.ClientID, c.Subject, c.KeyID = "usher@my-project.iam.gserviceaccount.com", "usher-admin@acme.example", "PRIVATE_KEY_ID"
		c.Grant, c.Scope = "urn:ietf:params:oauth:grant-type:jwt-bearer", "https://www.googleapis.com/auth/cloud-identity"
	}
	if at[1] != want {
		p.Fatalf("the page asks for tokens at %s, and not at %q", at[1], want)
	}
	login, err := authtest.New(c)
	if err != nil {
		p.Fatal(err)
	}
	base, stop, err := fakes.Listen(p.Context(), login)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(stop)
	l.Endpoint, l.url = login, base+"/token"
	login.SetAudience(l.url)
	return l, func(next http.Handler) http.Handler { return login.Door(next, "a-token-of-the-fake") }
}

// hides holds that nothing that was said shows a credential.
func (p *appPage) hides() {
	p.Helper()
	secrets := []string{pageSecret, url.QueryEscape(pageSecret), "access-token-"}
	if p.login != nil && p.login.private != nil {
		secrets = append(secrets, strings.Split(string(p.login.private), "\n")[1])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(secrets, func(s string) bool { return strings.Contains(p.say.String(), s) }); i >= 0 {
		p.Errorf("Usher has said %q", secrets[i])
	}
}
