// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/storetest"
)

// phones is a source whose rows are found among the people of the first.
const phones = `  phones:
    type: csv
    path: DIR/phones.csv
    key: ext
    columns: [ext, number, title, end]
    match: [enterprise.employeeNumber]
    person:
      enterprise.employeeNumber: row.number
      title: row.title
`

// numbered are the parts of sound that say where a second source comes in.
func numbered(t *testing.T, second string) string {
	t.Helper()
	return replace(t, "      usher.startDate: date(row.id, [\"yyyy-MM-dd\"])\n",
		"      enterprise.employeeNumber: row.id\n      title: row.secret_note\n      usher.startDate: date(row.id, [\"yyyy-MM-dd\"])\n"+second)
}

func TestSecondSourceBuilds(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"waits":     phones,
		"founds":    phones + "      usher.endDate: date(row.end, [\"ISO\"])\n    unmatched: found\n",
		"authority": phones + "    authority: [title]\n",
		"spelling":  strings.Replace(phones, "[enterprise.employeeNumber]", `["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeenumber"]`, 1),
		"delta":     phones + "    mode: delta\n    deleted: row.end != \"\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := build(t, numbered(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if s := b.Sources[1]; s.Delta != (name == "delta") || (s.Deleted != nil) != s.Delta || s.Parts != nil {
				t.Errorf("%+v", s)
			}
		})
	}
	b, err := build(t, numbered(t, strings.Replace(phones, "phones.csv", "phones-*.csv", 1)+"    mode: delta\n"))
	if err != nil || b.Sources[1].Parts == nil {
		t.Errorf("a pattern is one file: %v", err)
	}
	b, err = build(t, numbered(t, strings.Replace(phones, "phones.csv", "phones-*.csv", 1)))
	if err != nil || b.Sources[1].Parts != nil {
		t.Errorf("a snapshot is several files: %v", err)
	}
}

// TestSecondSourceIsRefused holds what a source that shares its people must not say.
func TestSecondSourceIsRefused(t *testing.T) {
	t.Parallel()
	match := "match: [enterprise.employeeNumber]"
	for name, c := range map[string]struct{ text, want string }{
		"no such path":    {strings.Replace(phones, match, "match: [nosuch]", 1), "usher.yaml:18:13: source phones matches by nosuch, but maps no such attribute"},
		"not mapped":      {strings.Replace(phones, match, "match: [userName]", 1), "usher.yaml:18:13: source phones matches by userName, but maps no such attribute"},
		"not earlier":     {strings.Replace(phones, match, "match: [nickName]", 1) + "      nickName: row.title\n", "usher.yaml:18:13: no source before phones maps nickName"},
		"a date":          {strings.Replace(phones, match, "match: [usher.startDate]", 1) + "      usher.startDate: row.end\n    unmatched: found\n", "usher.yaml:18:13: nobody can be found by usher.startDate"},
		"says when":       {phones + "      usher.endDate: date(row.end, [\"ISO\"])\n", "usher.yaml:22:22: source phones only adds to people"},
		"says of a leave": {phones + "      usher.onLeave: row.end == \"away\"\n", "usher.yaml:22:22: source phones only adds to people"},
		"authority: date": {phones + "      usher.endDate: date(row.end, [\"ISO\"])\n    unmatched: found\n    authority: [usher.endDate]\n", "usher.yaml:24:17: authority over usher.endDate cannot be given"},
		"authority: key":  {phones + "    authority: [enterprise.employeeNumber]\n", "usher.yaml:22:17: source phones finds people by enterprise.employeeNumber"},
		"authority: none": {phones + "    authority: [nickName]\n", "usher.yaml:22:17: source phones has authority over nickName, but maps no such attribute"},
		"authority twice": {phones + "    authority: [title]\n" + strings.Replace(phones, "phones:", "more:", 1) + "    authority: [Title]\n", "usher.yaml:32:17: source phones has the authority over Title already"},
		"deleted: type":   {phones + "    mode: delta\n    deleted: row.end\n", "usher.yaml:23:14: the expression yields string"},
		"deleted: column": {phones + "    mode: delta\n    deleted: row.gone == \"\"\n", "usher.yaml:23:18: there is no column \"gone\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := build(t, numbered(t, c.text))
			var mistakes config.Errors
			if !errors.As(err, &mistakes) || !strings.HasPrefix(err.Error(), c.want) || len(mistakes) != 1 {
				t.Errorf("%v\nwant %s…", err, c.want)
			}
		})
	}
}

// add adds a source, and writes its file.
func (w *world) add(source, name, content string) {
	w.t.Helper()
	w.edit("teams:\n", source+"teams:\n")
	w.edit("      name.givenName: row.first\n", "      name.givenName: row.first\n      enterprise.employeeNumber: row.id\n")
	w.edit("      displayName: person.displayName\n", "      displayName: person.displayName\n      title: person.title\n")
	w.put(name, content)
}

func (w *world) put(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.aged = w.aged.Add(time.Minute)
	if err := os.Chtimes(path, w.aged, w.aged); err != nil {
		w.t.Fatal(err)
	}
}

// TestTwoSourcesOnePerson: what a second file adds arrives at the app, and goes.
func TestTwoSourcesOnePerson(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.add(phones, "phones.csv", "ext,number,title,end\nx7,1,Pilot,\nx8,2,Cook,\nx9,77,Stranger,\n")
		doc := w.steer(server.Options{})
		w.alive(3)
		if doc.RejectedRows != 0 || len(doc.Sources) != 2 || len(doc.Sources[1].Waiting) != 1 || doc.Sources[1].Waiting[0].Key != "x9" || doc.Sources[1].Waiting[0].Line != 4 {
			t.Errorf("%+v", doc.Sources)
		}
		w.quiet()
		steps := w.why("p001@acme.example", "title")
		for _, want := range []string{"made it of " + filepath.Join(w.dir, "phones.csv") + " line 2 (phones:x7), by row.title", "phones:x7 wins: no source before it states one"} {
			if !strings.Contains(steps, want) {
				t.Errorf("why does not say %q:\n%s", want, steps)
			}
		}
		w.staff[0].end = "2026-02-01"
		w.apply()
		w.out("p001")
		w.alive(2)
		w.quiet()
	})
}

// TestWhyNamesWinnersAndLosers: both sources state a title.
func TestWhyNamesWinnersAndLosers(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(2)
		w.add(phones, "phones.csv", "ext,number,title,end\nx7,1,Pilot,\nx8,2,,\n")
		w.edit("      displayName: row.first\n", "      displayName: row.first\n      title: row.dept\n")
		w.apply()
		for _, want := range []string{`hr:1 wins: no source before it states one`, `phones:x7 states "Pilot"`, "loses: hr comes before it"} {
			if steps := w.why("p001@acme.example", "title"); !strings.Contains(steps, want) {
				t.Errorf("why does not say %q:\n%s", want, steps)
			}
		}
		if steps := w.why("p002@acme.example", "title"); !strings.Contains(steps, "phones:x8 states none") {
			t.Errorf("why says:\n%s", steps)
		}
		w.edit("      title: row.title\n", "      title: row.title\n    authority: [title]\n")
		if rep := w.apply(); rep.Update != 1 {
			t.Errorf("%+v", rep)
		}
		for _, want := range []string{`phones:x7 wins: the configuration gives it the authority`, `hr:1 states "A"`, "loses: phones comes before it"} {
			if steps := w.why("p001@acme.example", "title"); !strings.Contains(steps, want) {
				t.Errorf("why does not say %q:\n%s", want, steps)
			}
		}
		w.quiet()
	})
}

func (w *world) why(person, attribute string) string {
	w.t.Helper()
	u := w.open()
	defer u.Close()
	e, err := u.Why(w.ctx, server.Question{Person: person, App: "app", Attribute: attribute})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(e.Apps[0].Attributes[0].Steps, "\n")
}

// TestFolderOfChanges: files of changes, as they arrive.
func TestFolderOfChanges(t *testing.T) {
	in(t, func(w *world) {
		w.edit("path: DIR/hr.csv\n    mode: snapshot\n", "path: DIR/drop/*.csv\n    mode: delta\n    deleted: row.dept == \"-\"\n")
		const head = "id,first,dept,start,end,leave,back\n"
		w.put("drop/2026-02-01.csv", head+"1,ada,A,2020-01-01,,,\n2,bo,A,2020-01-01,,,\n3,cy,A,2020-01-01,,,\n")
		w.put("drop/.2026-02-02.csv.part", "id,fir")
		w.apply()
		w.alive(3)
		w.quiet()
		w.put("drop/2026-02-02.csv", head+"1,,-,,,,\n2,bo,B,2020-01-01,,,\n2,bo,C,2020-01-01,,,\n4,di,A,2020-01-01,,,\n")
		w.apply()
		w.out("ada")
		w.alive(3)
		w.full("C", 1)
		w.full("A", 2)
		w.quiet()
		// The first file again, under a new name and with a new time.
		w.put("drop/2026-02-03.csv", head+"1,ada,A,2020-01-01,,,\n2,bo,A,2020-01-01,,,\n3,cy,A,2020-01-01,,,\n")
		w.apply()
		w.out("ada")
		w.full("C", 1)
		w.quiet()
		// Taken back, in words of its own.
		w.put("drop/2026-02-04.csv", head+"1,ada,B,2020-01-01,,,\n")
		w.apply()
		w.alive(4)
		w.quiet()
	})
}

// TestAFileOfAFolderIsNamedOnce in what is said of it when it cannot be read.
func TestAFileOfAFolderIsNamedOnce(t *testing.T) {
	in(t, func(w *world) {
		w.edit("path: DIR/hr.csv\n    mode: snapshot\n", "path: DIR/drop/*.csv\n    mode: delta\n    done: .sha256\n")
		for _, file := range []struct{ done, want string }{
			{"", "2026-02-01.csv: the file is still being written: there is no 2026-02-01.csv.sha256 beside it, which comes when it is whole"},
			{fmt.Sprintf("%x", sha256.Sum256([]byte("id\n"))), "2026-02-01.csv: the file lacks the columns"},
		} {
			w.put("drop/2026-02-01.csv", "id\n")
			if file.done != "" {
				w.put("drop/2026-02-01.csv.sha256", file.done)
			}
			_, err := w.try(server.Options{})
			if text := fmt.Sprint(err); !strings.Contains(text, "source hr: "+w.dir+"/drop/"+file.want) {
				t.Errorf("%s, want %s", text, file.want)
			}
		}
	})
}

// TestWhatNobodyReadsIsNotKept: a column without an expression leaves no value
// anywhere, nor does one whose row was set aside or is gone.
func TestWhatNobodyReadsIsNotKept(t *testing.T) {
	if storetest.OnPostgres() {
		t.Skip("it looks into the file")
	}
	in(t, func(w *world) {
		w.edit("columns: [id, first, dept, start, end, leave, back]", "columns: [id, first, dept, start, end, leave, back, salary]")
		w.file = func(b []byte) []byte {
			lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
			for i := range lines {
				if lines[i] += ",s4lary-" + strings.Repeat("x", i); i == 0 {
					lines[i] = "id,first,dept,start,end,leave,back,salary"
				}
			}
			return []byte(strings.Join(lines, "\n") + "\n")
		}
		w.staff = staff(4)
		w.apply()
		w.staff[1].end = "soon"
		w.staff = append(w.staff, worker{}, w.staff[2])
		w.apply()
		if n := w.mentions("s4lary"); n != 0 {
			t.Errorf("%d values of a column that no expression reads", n)
		}
		if n := w.mentions("p001"); n == 0 {
			t.Error("this search finds nobody, so that it proves nothing")
		}
	})
}
