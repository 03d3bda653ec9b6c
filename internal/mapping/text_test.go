// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/mapping"
)

// call makes a Go function of an expression over one column.
func call(t testing.TB, expr string) func(string) (string, error) {
	t.Helper()
	e, err := newCompiler(t).Row([]string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(at(expr), mapping.WantString())
	if err != nil {
		t.Fatal(err)
	}
	return func(s string) (string, error) {
		v, err := p.Eval(mapping.Input{Row: []string{s}})
		out, _ := v.AsString()
		return out, err
	}
}

func checkText(t *testing.T, expr string, pairs [][2]string) {
	t.Helper()
	fn := call(t, expr)
	for _, p := range pairs {
		if got, err := fn(p[0]); err != nil || got != p[1] {
			t.Errorf("%s of %q = %q, %v; want %q", expr, p[0], got, err, p[1])
		}
	}
}

func TestASCII(t *testing.T) {
	t.Parallel()
	checkText(t, "ascii(row.x)", [][2]string{
		{"", ""},
		{"plain", "plain"},
		{"Renée Zoë Ångström", "Renee Zoe Angstrom"},
		{"Rene\u0301e", "Renee"},
		{"Straße GROẞ", "Strasse GROSS"},
		{"Ægir Øystein Łukasz Đorđe Þór Guðrún Œuvre", "Aegir Oystein Lukasz Dorde Thor Gudrun Oeuvre"},
		{"Işık Ğ İstanbul ç", "Isik G Istanbul c"},
		{"Ǽ Ǿ Ə Ɓ", "Ae O E B"},
		{"Nguyễn Đức Thượng", "Nguyen Duc Thuong"},
		{"Щукин Юрий Алексеевич Объёмов", "Shchukin Iurii Alekseevich Obemov"},
		{"Фи\u0306", "Fi"}, // й that somebody typed in two parts
		{"Зеленський Їжак Ґудзь", "Zelenskii Izhak Gudz"},
		{"Ђорђе Љиљана Џ", "Djordje Ljiljana Dz"},
		{"Παπαδόπουλος Θεός Ψ", "Papadopoulos Theos Ps"},
		{"ﬁn ﬀ", "fin ff"},
		{"O’Neil “x” a–b …", `O'Neil "x" a-b ...`},
		{"محمد李", ""},
		{"①½", "112"},
	})
}

func TestSlug(t *testing.T) {
	t.Parallel()
	checkText(t, "slug(row.x)", [][2]string{
		{"Van Der Berg", "vanderberg"},
		{"O'Neil", "oneil"},
		{"-Smith--Jones-", "smith--jones"},
		{"Anne–Marie", "anne-marie"},
		{"李", ""},
		{"A; 0[x]", "a0x"},
		{"- -", ""},
		{"ok", "ok"},
		{"a\u202eb", "ab"},
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	checkText(t, `join(splitName(row.x), "|")`, [][2]string{
		{"", "|"},
		{"Cher", "Cher|"},
		{"Ada Lovelace", "Ada|Lovelace"},
		{"  Ludwig   van  Beethoven ", "Ludwig|van Beethoven"},
		{"Johan van der Berg", "Johan|van der Berg"},
		{"van Gogh", "van|Gogh"},
		{"García Márquez, Gabriel José", "Gabriel José|García Márquez"},
		{"Sammy Davis Jr.", "Sammy|Davis Jr."},
		{"Sammy Davis, Jr.", "Sammy|Davis, Jr."},
		{"Smith,", "Smith,|"},
	})
	checkText(t, "title(row.x)", [][2]string{
		{"JOHN O'NEIL-SMITH", "John O'Neil-Smith"},
		{"women's 3rd team", "Women's 3rd Team"},
		{"ÉMILE zola", "Émile Zola"},
		{"ǆ", "ǅ"},
	})
}

func TestNumberedName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 70)
	for _, c := range []struct {
		wish string
		n    int
		max  int
		want string
	}{
		{"ada@x.example", 1, 64, "ada@x.example"},
		{"ada@x.example", 2, 64, "ada2@x.example"},
		{"ada", 10, 64, "ada10"},
		{"", 2, 64, "2"},
		{"@x", 2, 64, "2@x"},
		{"a@b@c", 2, 64, "a2@b@c"},
		{long + "@x", 1, 64, long[:64] + "@x"},
		{long + "@x", 12, 64, long[:62] + "12@x"},
		{long, 1, 0, long[:64]},
		{"abc-def", 1, 4, "abc"},
		{"ab.-def", 2, 5, "ab2"},
		{"abc-", 1, 4, "abc-"}, // nothing was cut
		{"éèê", 1, 2, "éè"},
		{"abc", 12345, 3, "12345"},
	} {
		if got := mapping.NumberedName(c.wish, c.n, c.max); got != c.want {
			t.Errorf("NumberedName(%q, %d, %d) = %q, want %q", c.wish, c.n, c.max, got, c.want)
		}
	}
}

func TestTextProperties(t *testing.T) {
	t.Parallel()
	ascii, slug := call(t, "ascii(row.x)"), call(t, "slug(row.x)")
	printable := rapid.StringOf(rapid.RuneFrom(nil, rangeTables()...))
	t.Run("ascii", rapid.MakeCheck(func(t *rapid.T) {
		s := printable.Draw(t, "s")
		got, err := ascii(s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(got) {
			if got[i] >= utf8.RuneSelf {
				t.Fatalf("ascii(%q) = %q", s, got)
			}
		}
		if again, _ := ascii(got); again != got {
			t.Fatalf("ascii(%q) = %q", got, again)
		}
		if apart, _ := ascii(norm.NFD.String(s)); apart != got {
			t.Fatalf("%q: composed %q, decomposed %q", s, got, apart)
		}
	}))
	t.Run("slug", rapid.MakeCheck(func(t *rapid.T) {
		s := printable.Draw(t, "s")
		got, err := slug(s)
		if err != nil || strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Trim(got, "-") != got {
			t.Fatalf("slug(%q) = %q, %v", s, got, err)
		}
		if again, _ := slug(got); again != got {
			t.Fatalf("slug(%q) = %q", got, again)
		}
	}))
	t.Run("number", rapid.MakeCheck(func(t *rapid.T) {
		wish := rapid.StringMatching(`[a-zé.-]{0,90}(@[a-z.]{1,20})?`).Draw(t, "wish")
		n, limit := rapid.IntRange(1, 9999).Draw(t, "n"), rapid.IntRange(4, 80).Draw(t, "max")
		got := mapping.NumberedName(wish, n, limit)
		local, domain, _ := strings.Cut(got, "@")
		_, wished, _ := strings.Cut(wish, "@")
		if utf8.RuneCountInString(local) > limit || domain != wished {
			t.Fatalf("NumberedName(%q, %d, %d) = %q", wish, n, limit, got)
		}
		if next := mapping.NumberedName(wish, n+1, limit); n >= 2 && next == got {
			t.Fatalf("%d and %d are both %q", n, n+1, got)
		}
	}))
}
