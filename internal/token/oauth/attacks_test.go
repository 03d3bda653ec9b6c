// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/token/oauth"
)

// TestForgedAssertions tries what has opened other servers. Each is answered with
// invalid_client, gets no token, and does not see again what it has sent.
func TestForgedAssertions(t *testing.T) {
	t.Parallel()
	thief, other, weak := ecKey(t), ecKey(t), rsaKey(t, 2048)
	d := newDesk(t,
		oauth.Client{ID: "other", Source: "elsewhere", Keys: []oauth.Key{public(t, other, "k1")}, Life: time.Hour},
		oauth.Client{ID: "ps", Source: "elsewhere", Keys: []oauth.Key{public(t, weak, "r")}, Life: time.Hour, Algorithms: []string{"PS256"}},
	)
	now := time.Now().Unix()
	spki, err := x509.MarshalPKIXPublicKey(&d.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	mine := es256(d.key)
	good := func(h map[string]any) string { return jwt(header(h), claims(nil), mine) }
	text := func(changes map[string]any, from, to string) string { // claims as text
		raw, err := base64.RawURLEncoding.DecodeString(encode(claims(changes)))
		if err != nil || !strings.Contains(string(raw), from) {
			t.Fatal(from, err)
		}
		return strings.Replace(string(raw), from, to, 1)
	}
	whole := d.assertion(nil)
	head, rest, _ := strings.Cut(whole, ".")
	body, sig, _ := strings.Cut(rest, ".")

	for name, assertion := range map[string]string{
		// A57, A81: nothing, or a part.
		"no signature":               head + "." + body + ".",
		"two parts":                  head + "." + body,
		"five parts":                 whole + ".a.b",
		"the signature twice":        whole + "." + sig,
		"a blank":                    " " + whole,
		"a line break":               head + ".\n" + body + "." + sig,
		"padded":                     head + "=." + body + "." + sig,
		"as JSON":                    `{"protected":"` + head + `","payload":"` + body + `","signature":"` + sig + `"}`,
		"longer than there is place": jwt(header(map[string]any{"pad": strings.Repeat("x", 9_000)}), claims(nil), mine),
		"deep":                       jwt(header(nil), text(nil, `"iss"`, `"x":`+strings.Repeat("[", 2_000)+strings.Repeat("]", 1_999)+`,"iss"`), mine),
		"changed claims":             head + "." + encode(claims(map[string]any{"jti": "x"})) + "." + sig,

		// A67: by whose key, and how, is not for the text to say.
		"alg none":                   jwt(header(map[string]any{"alg": "none"}), claims(nil), unsigned),
		"alg None, signed":           jwt(header(map[string]any{"alg": "None"}), claims(nil), mine),
		"alg empty":                  jwt(header(map[string]any{"alg": ""}), claims(nil), mine),
		"no alg":                     jwt(header(map[string]any{"alg": nil}), claims(nil), mine),
		"alg in lower case":          jwt(header(map[string]any{"alg": "es256"}), claims(nil), mine),
		"alg twice":                  jwt(`{"alg":"none","alg":"ES256","kid":"k1"}`, claims(nil), mine),
		"alg ES384":                  jwt(header(map[string]any{"alg": "ES384"}), claims(nil), mine),
		"HS256 by the public key":    jwt(header(map[string]any{"alg": "HS256"}), claims(nil), hs256(spki)),
		"HS256 by the JWK":           jwt(header(map[string]any{"alg": "HS256"}), claims(nil), hs256(jwk(t, &d.key.PublicKey, "k1", nil))),
		"HS256 by nothing":           jwt(header(map[string]any{"alg": "HS256"}), claims(nil), hs256(nil)),
		"RS256 by a key that is not": jwt(header(map[string]any{"alg": "RS256"}), claims(nil), rs256(weak)),
		"RS256 of who does PS256":    jwt(header(map[string]any{"alg": "RS256", "kid": "r"}), claims(map[string]any{"iss": "ps", "sub": "ps"}), rs256(weak)),
		"the thief's key":            jwt(header(nil), claims(nil), es256(thief)),
		"the thief's key, embedded": jwt(header(map[string]any{"jwk": map[string]any{
			"kty": "EC", "crv": "P-256", "x": encode(string(thief.X.Bytes())), "y": encode(string(thief.Y.Bytes())),
		}}), claims(nil), es256(thief)),
		"its own key, embedded": good(map[string]any{"jwk": map[string]any{"kty": "EC"}}),
		"jku":                   good(map[string]any{"jku": "https://thief.example/keys"}),
		"x5u":                   good(map[string]any{"x5u": "https://thief.example/cert"}),
		"x5c":                   good(map[string]any{"x5c": []string{"MII"}}),
		"crit":                  good(map[string]any{"crit": []string{"exp"}, "exp": 1}),
		"crit that is empty":    good(map[string]any{"crit": []string{}}),
		"b64":                   good(map[string]any{"b64": false, "crit": []string{"b64"}}),
		"cty":                   good(map[string]any{"cty": "JWT"}),
		"kid as a path":         good(map[string]any{"kid": "../../../dev/null"}),
		"kid as a query":        good(map[string]any{"kid": "k1' OR '1'='1"}),
		"kid as a number":       good(map[string]any{"kid": 1}),
		"kid in another case":   good(map[string]any{"kid": "K1"}),
		"for an API":            good(map[string]any{"typ": "at+jwt"}),
		"an event":              good(map[string]any{"typ": "application/secevent+jwt"}),
		"typ as a list":         good(map[string]any{"typ": []string{"JWT"}}),

		// A68, A70: of another client, whose key has the same name.
		"another client's key":     jwt(header(nil), claims(nil), es256(other)),
		"another client's subject": d.assertion(map[string]any{"sub": "other"}),
		"another client's issuer":  d.assertion(map[string]any{"iss": "other"}),
		"another client's name":    d.assertion(map[string]any{"iss": "other", "sub": "other"}),
		"nobody's name":            d.assertion(map[string]any{"iss": "nobody", "sub": "nobody"}),
		"no name":                  d.assertion(map[string]any{"iss": "", "sub": ""}),
		"no issuer":                d.assertion(map[string]any{"iss": nil}),
		"no subject":               d.assertion(map[string]any{"sub": nil}),
		"names in another case":    d.assertion(map[string]any{"iss": "IDP", "sub": "IDP"}),
		"issuer twice":             jwt(header(nil), text(nil, `"iss":"idp"`, `"iss":"other","iss":"idp"`), mine),
		"claims in another case":   jwt(header(nil), text(nil, `"iss"`, `"ISS"`), mine),
		"issuer as a list":         d.assertion(map[string]any{"iss": []string{"idp"}}),
		"claims as a list":         jwt(header(nil), []any{claims(nil)}, mine),
		"claims as no JSON":        jwt(header(nil), "iss=idp", mine),
		"claims and more":          jwt(header(nil), text(nil, `"iss"`, `"iss"`)+"{}", mine),

		// A65: made out to somebody else, or to more than us.
		"no audience":               d.assertion(map[string]any{"aud": nil}),
		"audience null":             jwt(header(nil), text(nil, `"aud":"`+issuer+`"`, `"aud":null`), mine),
		"another audience":          d.assertion(map[string]any{"aud": "https://other.example"}),
		"audience with a slash":     d.assertion(map[string]any{"aud": issuer + "/"}),
		"audience by another way":   d.assertion(map[string]any{"aud": "http://usher.example"}),
		"audience in another case":  d.assertion(map[string]any{"aud": strings.ToUpper(issuer)}),
		"an audience that begins":   d.assertion(map[string]any{"aud": issuer + ".thief.example"}),
		"audience of the resource":  d.assertion(map[string]any{"aud": issuer + "/scim/v2"}),
		"several audiences":         d.assertion(map[string]any{"aud": []string{issuer, "https://other.example"}}),
		"us twice":                  d.assertion(map[string]any{"aud": []string{issuer, issuer}}),
		"audiences that are none":   d.assertion(map[string]any{"aud": []string{}}),
		"audience within audiences": d.assertion(map[string]any{"aud": [][]string{{issuer}}}),
		"audience as a number":      d.assertion(map[string]any{"aud": 1}),

		// A59, A63: not now, or for too long.
		"no end":                   d.assertion(map[string]any{"exp": nil}),
		"ended":                    d.assertion(map[string]any{"exp": now - 61}),
		"ends in an hour":          d.assertion(map[string]any{"exp": now + 3600}),
		"ends in six minutes":      d.assertion(map[string]any{"exp": now + 365, "iat": nil}),
		"ends with a text":         d.assertion(map[string]any{"exp": fmt.Sprint(now + 60)}),
		"ends beyond all time":     jwt(header(nil), text(map[string]any{"exp": 7}, `"exp":7`, `"exp":1e400`), mine),
		"ends after time":          d.assertion(map[string]any{"exp": math.MaxInt64}),
		"ended before time":        d.assertion(map[string]any{"exp": -1}),
		"end null":                 jwt(header(nil), text(map[string]any{"exp": 7}, `"exp":7`, `"exp":null`), mine),
		"begins later":             d.assertion(map[string]any{"nbf": now + 120}),
		"made later":               d.assertion(map[string]any{"iat": now + 120, "exp": now + 180}),
		"made long ago":            d.assertion(map[string]any{"iat": now - 3600, "exp": now + 60}),
		"made before time":         d.assertion(map[string]any{"iat": -5}),
		"no number":                d.assertion(map[string]any{"jti": nil}),
		"an empty number":          d.assertion(map[string]any{"jti": ""}),
		"a number of any size":     d.assertion(map[string]any{"jti": strings.Repeat("j", 257)}),
		"a number that is no text": d.assertion(map[string]any{"jti": 4711}),
	} {
		a := d.ask(params(assertion))
		if a.status != http.StatusUnauthorized || a.Error != "invalid_client" || a.Token != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if strings.Contains(a.body, sig) || strings.Contains(a.body, "thief") || strings.Contains(a.body, "dev/null") {
			t.Errorf("%s: what was sent comes back: %s", name, a.body)
		}
	}
	if n := d.issued(); n != 0 {
		t.Errorf("%d tokens", n)
	}
	if a := d.ask(params(whole)); a.status != http.StatusOK {
		t.Errorf("the good one: %d %s", a.status, a.body)
	}
	_, payloads := d.events()
	for _, secret := range []string{sig, "thief", "jti-"} {
		if strings.Contains(payloads, secret) {
			t.Errorf("the ledger has %s", secret)
		}
	}
}

// TestCutAssertions: no proper beginning, end or other spelling of an assertion is one
// (A81).
func TestCutAssertions(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	whole := d.assertion(nil)
	for i := range len(whole) {
		swapped := []byte(whole)
		if c := swapped[i] ^ 0x20; swapped[i] != '.' && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			swapped[i] = c
		} else {
			swapped = nil
		}
		for _, part := range []string{whole[:i], whole[i+1:], string(swapped)} {
			// The last character of a part has bits that nobody reads.
			if last := i == len(whole)-1 || whole[min(i+1, len(whole)-1)] == '.'; last && part == string(swapped) {
				continue
			}
			if a := d.ask(params(part)); a.status != http.StatusUnauthorized {
				t.Fatalf("%d of %d: %d %s", i, len(whole), a.status, a.body)
			}
		}
	}
	if n := d.issued(); n != 0 {
		t.Errorf("%d tokens", n)
	}
}

// TestAtOnce: of 64 who present one assertion at once, one gets a token (A82).
func TestAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	form := params(d.assertion(nil))
	var won, replayed atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		r := d.request(http.MethodPost, endpoint, form.Encode())
		wg.Go(func() {
			switch a := d.send(r); {
			case a.status == http.StatusOK:
				won.Add(1)
			case a.status == http.StatusUnauthorized && a.Says == oauth.ErrReplayed.Error():
				replayed.Add(1)
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || replayed.Load() != 63 || d.issued() != 1 {
		t.Errorf("%d got a token, %d were told that it was used; %d tokens", won.Load(), replayed.Load(), d.issued())
	}
	kinds, _ := d.events()
	slices.Sort(kinds)
	if !slices.Equal(kinds, []string{"token.issued", "token.refused"}) {
		t.Errorf("the ledger tells of %v", kinds)
	}
}

// TestReplay: an assertion is used once, whoever serves, and under whatever spelling.
// Another client's number is another number.
func TestReplay(t *testing.T) {
	t.Parallel()
	other := ecKey(t)
	d := newDesk(t, oauth.Client{ID: "other", Source: "elsewhere", Keys: []oauth.Key{public(t, other, "")}, Life: time.Hour})
	c := claims(nil)
	first := jwt(header(nil), c, es256(d.key))
	if a := d.ask(params(first)); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	c["nonce"] = "x"
	d.serve(oauth.Client{ID: "idp", Source: "upstream", Keys: []oauth.Key{public(t, d.key, "k1")}, Life: time.Hour},
		oauth.Client{ID: "other", Source: "elsewhere", Keys: []oauth.Key{public(t, other, "")}, Life: time.Hour})
	for name, again := range map[string]string{"the same": first, "signed again": jwt(header(nil), c, es256(d.key))} {
		if a := d.ask(params(again)); a.status != http.StatusUnauthorized || a.Says != oauth.ErrReplayed.Error() {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	c["iss"], c["sub"] = "other", "other"
	if a := d.ask(params(jwt(header(nil), c, es256(other)))); a.status != http.StatusOK {
		t.Errorf("another client: %d %s", a.status, a.body)
	}
}

// TestForm: what is asked for, and how.
func TestForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	type change func(r *http.Request)
	with := func(name, value string) change { return func(r *http.Request) { r.Header.Set(name, value) } }
	same := func(*http.Request) {}
	form := func(more ...string) string { return params(d.assertion(nil), more...).Encode() }
	without := func(name string) string {
		v := params(d.assertion(nil))
		v.Del(name)
		return v.Encode()
	}
	for name, c := range map[string]struct {
		method, target, body string
		change               change
		status               int
		code                 string
	}{
		"GET":                           {"GET", endpoint, "", same, 405, "invalid_request"},
		"HEAD":                          {"PUT", endpoint, form(), same, 405, "invalid_request"},
		"OPTIONS":                       {"OPTIONS", endpoint, "", same, 405, "invalid_request"},
		"in the address":                {"POST", endpoint + "?" + form(), "", same, 400, "invalid_request"},
		"some of it in the address":     {"POST", endpoint + "?scope=scim", form(), same, 400, "invalid_request"},
		"a mark of a query":             {"POST", endpoint + "?", form(), same, 400, "invalid_request"},
		"JSON":                          {"POST", endpoint, `{"grant_type":"client_credentials"}`, with("Content-Type", "application/json"), 415, "invalid_request"},
		"parts":                         {"POST", endpoint, form(), with("Content-Type", "multipart/form-data; boundary=x"), 415, "invalid_request"},
		"no type":                       {"POST", endpoint, form(), func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "invalid_request"},
		"two types":                     {"POST", endpoint, form(), func(r *http.Request) { r.Header.Add("Content-Type", "application/json") }, 415, "invalid_request"},
		"too long":                      {"POST", endpoint, form("pad", strings.Repeat("x", 20_000)), same, 413, "invalid_request"},
		"no form":                       {"POST", endpoint, "grant_type=%zz", same, 400, "invalid_request"},
		"semicolons":                    {"POST", endpoint, "grant_type=client_credentials;scope=scim", same, 400, "invalid_request"},
		"nothing":                       {"POST", endpoint, "", same, 400, "invalid_request"},
		"grant_type twice":              {"POST", endpoint, form() + "&grant_type=client_credentials", same, 400, "invalid_request"},
		"client_assertion twice":        {"POST", endpoint, form() + "&client_assertion=x", same, 400, "invalid_request"},
		"what is not known, twice":      {"POST", endpoint, form() + "&x=1&x=2", same, 400, "invalid_request"},
		"no grant_type":                 {"POST", endpoint, without("grant_type"), same, 400, "invalid_request"},
		"an empty grant_type":           {"POST", endpoint, form("grant_type", ""), same, 400, "invalid_request"},
		"a password":                    {"POST", endpoint, form("grant_type", "password"), same, 400, "unsupported_grant_type"},
		"a JWT as a grant":              {"POST", endpoint, form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), same, 400, "unsupported_grant_type"},
		"no assertion":                  {"POST", endpoint, without("client_assertion"), same, 401, "invalid_client"},
		"an empty assertion":            {"POST", endpoint, form("client_assertion", ""), same, 401, "invalid_client"},
		"no type of it":                 {"POST", endpoint, without("client_assertion_type"), same, 400, "invalid_request"},
		"another type":                  {"POST", endpoint, form("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), same, 400, "invalid_request"},
		"a secret":                      {"POST", endpoint, form("client_secret", "hunter2"), same, 400, "invalid_request"},
		"a password in the header, too": {"POST", endpoint, form(), with("Authorization", "Basic aWRwOmh1bnRlcjI="), 400, "invalid_request"},
		"a password in the header":      {"POST", endpoint, without("client_assertion"), with("Authorization", "Basic aWRwOmh1bnRlcjI="), 401, "invalid_client"},
		"another client_id":             {"POST", endpoint, form("client_id", "other"), same, 401, "invalid_client"},
		"another scope":                 {"POST", endpoint, form("scope", "admin"), same, 400, "invalid_scope"},
		"one scope more":                {"POST", endpoint, form("scope", "scim admin"), same, 400, "invalid_scope"},
		"a scope in another case":       {"POST", endpoint, form("scope", "SCIM"), same, 400, "invalid_scope"},
		"a scope with a line break":     {"POST", endpoint, form("scope", "scim\nscim"), same, 400, "invalid_scope"},
		"another resource":              {"POST", endpoint, form("resource", "https://other.example/scim/v2"), same, 400, "invalid_target"},
		"its own client_id":             {"POST", endpoint, form("client_id", "idp"), same, 200, ""},
		"no scope":                      {"POST", endpoint, without("scope"), same, 200, ""},
		"an empty scope":                {"POST", endpoint, form("scope", ""), same, 200, ""},
		"the resource":                  {"POST", endpoint, form("resource", issuer+"/scim/v2"), same, 200, ""},
		"what is not known":             {"POST", endpoint, form("x", "y"), same, 200, ""},
		"a charset":                     {"POST", endpoint, form(), with("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"), 200, ""},
	} {
		r := d.request(c.method, c.target, c.body)
		c.change(r)
		a := d.send(r)
		if a.status != c.status || a.Error != c.code || (a.Token != "") != (c.status == 200) || strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if c.status == 405 && a.header.Get("Allow") != "POST" {
			t.Errorf("%s: %v", name, a.header)
		}
		if name == "a password in the header" && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: %v", name, a.header)
		}
	}
}

// TestRates: who asks too often is told when to come back, and nobody uses up what is
// a client's by its name alone.
func TestRates(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	told := func(a answer) bool {
		return a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "1" && a.Error == "temporarily_unavailable"
	}
	here := func(form url.Values) answer {
		r := d.request(http.MethodPost, endpoint, form.Encode())
		r.RemoteAddr = "[2001:db8::" + fmt.Sprint(1+visitors.Add(1)%9_000) + "]:4711" // one network
		return d.send(r)
	}
	refused := 0
	for range 70 {
		if a := here(params("a.b.c")); told(a) {
			refused++
		} else if a.status != http.StatusUnauthorized {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if refused == 0 || refused > 10 {
		t.Errorf("%d of 70 refused", refused)
	}
	replayed := d.assertion(nil)
	for i := range 60 { // a thief's replays cost the client nothing
		if a := d.ask(params(replayed)); i > 0 && a.status != http.StatusUnauthorized {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	got := 1
	for got < 60 {
		a := d.ask(params(d.assertion(nil)))
		if told(a) {
			break
		}
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		got++
	}
	if got < 30 || got > 40 {
		t.Errorf("%d tokens at once", got)
	}
}

// FuzzAssertion: whatever is sent is refused in the form of the protocol, unless the
// client's key has signed it, which nobody has here.
func FuzzAssertion(f *testing.F) {
	d := newDesk(f)
	thief := es256(ecKey(f))
	for _, seed := range []string{
		"", "..", "a.b.c", d.assertion(map[string]any{"exp": 1}), jwt(header(nil), claims(nil), thief), jwt(`{"alg":"none"}`, claims(nil), unsigned),
		jwt(header(map[string]any{"crit": []string{"b64"}, "b64": false}), claims(nil), thief), jwt(`{"alg":"ES256","jwk":{}}`, `{"iss":"idp"}`, thief),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, request(t.Context(), http.MethodPost, endpoint, params(text).Encode()))
		if w.Code != http.StatusUnauthorized && w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), `"error":"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
