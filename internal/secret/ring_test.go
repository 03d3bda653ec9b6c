// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/usher-id/usher/internal/secret"
)

func newKey(t *testing.T) (text, id string) {
	t.Helper()
	text, id, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return text, id
}

// newRing is a ring of these texts, in their order.
func newRing(t *testing.T, texts ...string) *secret.Ring {
	t.Helper()
	r, err := secret.ParseRing(strings.Join(texts, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRing(t *testing.T) {
	t.Parallel()
	one, oneID := newKey(t)
	two, twoID := newKey(t)
	for name, text := range map[string]string{
		"lines": one + "\n" + two + "\n", "of Windows": one + "\r\n" + two, "commas": one + "," + two, "blanks": "  " + one + "\t " + two + " ",
		"remarks": "# the new one\n" + one + "\n\n  # " + one + "\n" + two,
	} {
		r, err := secret.ParseRing(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(r.IDs(), " "); got != oneID+" "+twoID || r.First() != oneID || !r.Has(twoID) || r.Has("00000000") {
			t.Errorf("%s: %s, want %s %s", name, got, oneID, twoID)
		}
	}
}

// wrapped is a keyset in the form of a key, with a sum that fits.
func wrapped(t *testing.T, templates ...*tinkpb.KeyTemplate) string {
	t.Helper()
	m := keyset.NewManager()
	for _, template := range templates {
		id, err := m.Add(template)
		if err == nil {
			err = m.SetPrimary(id)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h, err := m.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&body)); err != nil {
		t.Fatal(err)
	}
	return summed(body.Bytes())
}

func summed(body []byte) string {
	sum := sha256.Sum256(body)
	return "usher-key-1:" + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(body), sum[:4]...))
}

// TestParseRingRefuses: keys that are cut, padded or changed are none (A137), nor are those
// of another kind, and nothing of them is shown.
func TestParseRingRefuses(t *testing.T) {
	t.Parallel()
	text, _ := newKey(t)
	padded := wrapped(t, aead.XChaCha20Poly1305KeyTemplate())
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "the key ring has no key"},
		"remarks alone":    {"# " + text, "the key ring has no key"},
		"a password":       {"hunter2hunter2hunter2", "key 1 of the key ring is none"},
		"the prefix alone": {"usher-key-1:", "is none"},
		"another version":  {strings.Replace(text, "-1:", "-2:", 1), "is none"},
		"in capitals":      {strings.ToUpper(text), "is none"},
		"base64 padding":   {text + "==", "is none"},
		"two in one word":  {text + text, "is none"},
		"the same twice":   {text + "\n" + text, "two keys of the id"},
		"AES-GCM":          {wrapped(t, aead.AES256GCMKeyTemplate()), "is of another kind"},
		"no id in front":   {wrapped(t, aead.AES256GCMNoPrefixKeyTemplate()), "is of another kind"},
		"two in a keyset":  {wrapped(t, aead.XChaCha20Poly1305KeyTemplate(), aead.XChaCha20Poly1305KeyTemplate()), "is none"},
		"no keyset":        {summed([]byte("this is no keyset")), "is none"},
		"the second":       {padded + "\n" + text[:len(text)-1], "key 2 of the key ring is none"},
		"too many":         {strings.Repeat("x", 65<<10), "larger than 64 KiB"},
	} {
		_, err := secret.ParseRing(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || len(c.text) > 40 && strings.Contains(err.Error(), c.text[20:40])) {
			t.Errorf("%s: %v shows what it has read", name, err)
		}
	}
	for n := range len(text) {
		if _, err := secret.ParseRing(text[:n]); err == nil {
			t.Errorf("cut after %d characters it is a key", n)
		}
		changed := []byte(text)
		changed[n] ^= 1
		if _, err := secret.ParseRing(string(changed)); err == nil {
			t.Errorf("changed at %d it is a key", n)
		}
	}
}

func FuzzParseRing(f *testing.F) {
	text, _, err := secret.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("# \n" + text + "," + text)
	f.Add("usher-key-1:AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := secret.ParseRing(text); err == nil && len(r.IDs()) == 0 {
			t.Error("a ring without a key")
		}
	})
}

func TestRingFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.key")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first, err := secret.CreateRing(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secret.CreateRing(path, now); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("again: %v", err)
	}
	second, err := secret.AddKey(path, now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := secret.ReadRing(path)
	if err != nil || strings.Join(r.IDs(), " ") != second+" "+first {
		t.Errorf("%v %v, want %s before %s", r.IDs(), err, second, first)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("there are %d files", len(left))
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestRingFileIsPrivate: a file that others can read is refused; so is what is no file,
// without a word of the path, which may be a key.
func TestRingFileIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	text, _ := newKey(t)
	dir := t.TempDir()
	for _, c := range []struct {
		mode fs.FileMode
		open bool
	}{{0o600, true}, {0o400, true}, {0o700, true}, {0o640, false}, {0o604, false}, {0o644, false}, {0o620, false}, {0o601, false}} {
		path := filepath.Join(dir, fmt.Sprintf("%o", c.mode))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := secret.ReadRing(path)
		if (err == nil) != c.open || err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%o: %v", c.mode, err)
		}
		_, err = secret.AddKey(path, time.Now())
		if info, statErr := os.Stat(path); (err == nil) != c.open || statErr != nil || info.Mode() != c.mode {
			t.Errorf("adding to %o: %v, and it is %v", c.mode, err, info.Mode())
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "hunter2")} {
		if _, err := secret.ReadRing(path); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

// TestRingIsNeverPrinted prints a ring in every way that a careless line of code might.
func TestRingIsNeverPrinted(t *testing.T) {
	t.Parallel()
	text, _ := newKey(t)
	r := newRing(t, text)
	hidden := struct{ ring *secret.Ring }{r}
	flat := struct{ ring secret.Ring }{*r}
	var out bytes.Buffer
	for _, thing := range []any{r, *r, []*secret.Ring{r}, hidden, &hidden, flat, &flat} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
		if data, err := json.Marshal(thing); err == nil {
			out.Write(data)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "thing", thing)
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "usher-key-1:"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(body[:len(body)-4])))
	if err != nil {
		t.Fatal(err)
	}
	raw := insecurecleartextkeyset.KeysetMaterial(h).Key[0].KeyData.Value
	raw = raw[len(raw)-32:] // the last field is the key
	for _, form := range []string{text[20:], string(raw), hex.EncodeToString(raw), strings.Trim(fmt.Sprint(raw), "[]"), base64.StdEncoding.EncodeToString(raw)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key comes out:\n%.2000s", out.String())
		}
	}
	if !strings.Contains(out.String(), "a key ring of 1") {
		t.Error("nothing says that something was left out")
	}
}
