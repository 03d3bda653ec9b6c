// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/token/oauth"
)

// TestParseKey: what is private, symmetric, weak or meant for something else is
// refused, with a sentence that repeats nothing of the key.
func TestParseKey(t *testing.T) {
	t.Parallel()
	ec, r := ecKey(t), rsaKey(t, 2048)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	odd := r.PublicKey
	odd.E = 3
	even := r.PublicKey
	even.N = new(big.Int).Lsh(big.NewInt(1), 2047)
	short := r.PublicKey
	short.N = new(big.Int).Rsh(r.N, 1)
	short.N.SetBit(short.N, 0, 1)
	key := func(k any, more map[string]any) string { return string(jwk(t, k, "k", more)) }
	for name, c := range map[string]struct{ jwk, fault string }{
		"EC":                  {key(&ec.PublicKey, nil), ""},
		"RSA":                 {key(&r.PublicKey, nil), ""},
		"OKP":                 {key(ed.Public(), nil), ""},
		"with all it may say": {key(&ec.PublicKey, map[string]any{"use": "sig", "alg": "ES256", "key_ops": []string{"verify"}, "x-own": 1}), ""},
		"EC, private":         {key(ec, nil), "the key is private: it has d"},
		"RSA, private":        {key(r, nil), "the key is private: it has d"},
		"OKP, private":        {key(ed, nil), "the key is private: it has d"},
		"RSA with a prime":    {key(&r.PublicKey, map[string]any{"p": "AQAB"}), "the key is private: it has p"},
		"symmetric":           {key([]byte("a secret that two know, or more"), nil), "the key is private: it has k"},
		"P-384":               {key(&p384.PublicKey, nil), "the curve of the key is not taken"},
		"off the curve":       {key(&ec.PublicKey, map[string]any{"x": encode(strings.Repeat("\x01", 32))}), "cannot be read"},
		"half a point":        {key(&ec.PublicKey, map[string]any{"y": ""}), "cannot be read"},
		"2047 bits":           {key(&short, nil), "the RSA key has 2047 bits"},
		"5000 bits":           {key(&r.PublicKey, map[string]any{"n": encode(strings.Repeat("\xff", 625))}), "cannot be read"},
		"exponent 3":          {key(&odd, nil), "the RSA key is weak"},
		"an even modulus":     {key(&even, nil), "the RSA key is weak"},
		"for encryption":      {key(&ec.PublicKey, map[string]any{"use": "enc"}), "not for signatures"},
		"to sign with":        {key(&ec.PublicKey, map[string]any{"key_ops": []string{"sign"}}), "not for signatures"},
		"of another alg":      {key(&ec.PublicKey, map[string]any{"alg": "ES384"}), "alg of the key does not fit"},
		"HS256":               {key(&r.PublicKey, map[string]any{"alg": "HS256"}), "alg of the key does not fit"},
		"no kind":             {`{"x":"AQAB"}`, "cannot be read"},
		"a kind twice":        {`{"kty":"EC","kty":"RSA"}`, "no JSON object"},
		"a kind of number":    {`{"kty":1}`, "kty of the key is no text"},
		"a list":              {`[]`, "no JSON object"},
		"nothing":             {``, "no JSON object"},
	} {
		k, err := oauth.ParseKey([]byte(c.jwk))
		switch {
		case c.fault == "" && (err != nil || k.ID != "k" || len(k.Thumbprint) != 43):
			t.Errorf("%s: %+v %v", name, k, err)
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
			t.Errorf("%s: %v, want %q", name, err, c.fault)
		}
	}
}

// TestWeakEdwardsKeys: under each of these keys a signature holds that needed no
// private key, so that whoever is configured with one is everybody.
func TestWeakEdwardsKeys(t *testing.T) {
	t.Parallel()
	forged := append([]byte{1}, make([]byte, 63)...) // R is the neutral point, S is 0
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		for _, sign := range []byte{0, 0x80} {
			key, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			key[31] |= sign
			// By hand: the library writes none of these.
			if k, err := oauth.ParseKey([]byte(`{"kty":"OKP","crv":"Ed25519","x":"` + encode(string(key)) + `"}`)); err == nil {
				t.Errorf("%x is taken: %+v", key, k)
			}
		}
	}
	if !ed25519.Verify(append([]byte{1}, make([]byte, 31)...), []byte("anything"), forged) {
		t.Error("the forgery is none: this test shows nothing")
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	one := string(jwk(t, &ecKey(t).PublicKey, "a", nil))
	for name, c := range map[string]struct {
		set   string
		keys  int
		fault string
	}{
		"one":         {`{"keys":[` + one + `]}`, 1, ""},
		"two":         {`{"keys":[` + one + "," + string(jwk(t, &rsaKey(t, 2048).PublicKey, "b", nil)) + `],"more":1}`, 2, ""},
		"none":        {`{"keys":[]}`, 0, "no JSON Web Key Set"},
		"a key alone": {one, 0, "no JSON Web Key Set"},
		"a PEM":       {"-----BEGIN PUBLIC KEY-----", 0, "no JSON Web Key Set"},
		"five":        {`{"keys":[{},{},{},{},{}]}`, 0, "it holds 5 keys"},
		"one is bad":  {`{"keys":[` + one + `,{"kty":"oct","k":"c2VjcmV0"}]}`, 0, "key 2: the key is private"},
		"keys twice":  {`{"keys":[],"keys":[` + one + `]}`, 0, "no JSON Web Key Set"},
	} {
		keys, err := oauth.ParseKeys([]byte(c.set))
		if len(keys) != c.keys || (err == nil) != (c.fault == "") || err != nil && (!strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "c2VjcmV0")) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
}
