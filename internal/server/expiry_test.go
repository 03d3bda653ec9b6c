// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/server"
)

const aDay = 24 * time.Hour

// TestExpiries: when a credential runs out is known by the day that the configuration says,
// by how long its profile says that such tokens live, and by a certificate itself; and what
// is far away is no alarm.
func TestExpiries(t *testing.T) {
	t.Parallel()
	dir := keyed(t, t.TempDir())
	now := time.Now()
	crt, key := certificate(t, dir, "shown", now.Add(5*aDay))
	in := func(days int) string { return now.UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	app := func(name, rest string) string {
		return "  " + name + ":\n    url: https://" + name + ".example/scim/v2\n    user: {userName: person.userName, displayName: person.userName, name.givenName: person.userName, name.familyName: person.userName}\n    " + rest + "\n"
	}
	conf := "store: DIR/usher.db\nsecrets: {key: DIR/usher.key}\nsources:\n  hr: {type: csv, path: p.csv, key: id, columns: [id], person: {userName: row.id}}\n" +
		"  list: {type: http, url: 'https://hr.example', key: id, columns: [id], person: {userName: row.id}, auth: {bearer: abc}, expires: " + in(20) + "}\napps:\n" +
		app("aws", "profile: aws-iam-identity-center\n    token: secret:aws") +
		app("young", "profile: aws-iam-identity-center\n    token: secret:young") +
		app("said", "profile: aws-iam-identity-center\n    token: secret:said\n    expires: "+in(12)) +
		app("over", "token: abc\n    expires: "+in(-2)) +
		app("anew", "token: secret:anew\n    expires: "+in(-2)) +
		app("far", "token: abc\n    expires: "+in(40)) +
		app("client", "auth: {oauth: {token_url: 'https://login.example/t', client_id: a, client_secret: b}}\n    expires: "+in(1)) +
		app("tls", "tls: {certificate: "+crt+", private_key: "+key+"}")
	b := built(t, dir, conf)
	u := opened(t, b)
	for _, name := range []string{"aws", "young", "said", "anew"} {
		put(t, u, name, "a-token", false)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	aged(t, b, "aws", 340*aDay)
	aged(t, b, "said", 340*aDay)
	aged(t, b, "young", 10*aDay)

	u = opened(t, b)
	status, err := u.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range status.Credentials {
		told = append(told, fmt.Sprint(e.What, " of ", e.Where, " ", e.Known, " ", e.Soon, e.Over, e.Passed))
	}
	slices.Sort(told)
	want := []string{
		"bearer of source list configuration true false false", "certificate of app tls certificate true false false", "client_secret of app client configuration true false false",
		"token of app anew configuration true false true", "token of app aws profile true false false", "token of app far configuration false false false",
		"token of app over configuration true true false", "token of app said configuration true false false", "token of app young profile false false false",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	soon, err := b.Expiring(t.Context())
	if err != nil || len(soon) != 7 || !slices.IsSortedFunc(soon, func(x, y server.Expiry) int { return x.At.Compare(y.At) }) {
		t.Errorf("%v, %v", soon, err)
	}
	var all strings.Builder
	for _, e := range soon {
		all.WriteString(e.String() + "\n")
	}
	for _, line := range []string{
		"token of app over HAS RUN OUT, on " + in(-2) + ", as expires says: make a new one where it is taken, set it, and write its day\n",
		"expires of app anew is " + in(-2) + ", and its token was sealed after that: write the day on which the new one runs out\n",
		"client_secret of app client runs out within a day, on " + in(1) + ", as expires says", "token of app said runs out in 11 days, on " + in(12),
		"token of app aws runs out in 24 days, on ", ", as its profile has it: make a new one where it is taken, and set it\n",
		"certificate of app tls runs out in 4 days, on ", ": put a new one in its place\n",
	} {
		if !strings.Contains(all.String(), line) {
			t.Errorf("nothing says %q in\n%s", line, all.String())
		}
	}

	// Each is told of once a day.
	warned := map[string]string{}
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for after, n := range []int{7, 0, 7} {
		if due := server.DueExpiries(status.Credentials, warned, noon.Add(time.Duration(after)*8*time.Hour)); len(due) != n {
			t.Errorf("after %d hours %v", after*8, due)
		}
	}
}

// TestExpiryIsTold: a daemon says by its log and its metrics what runs out.
func TestExpiryIsTold(t *testing.T) {
	t.Parallel()
	s, _, _, _ := rotating(t, "")
	at := time.Now().UTC().AddDate(0, 0, 10)
	s.conf = strings.Replace(s.conf, "    token: xyz\n", "    token: xyz\n    expires: "+at.Format(time.DateOnly)+"\n", 1)
	s.serve(t)
	s.alive(t, "ada")
	if n := strings.Count(s.log.String(), `level=WARN msg="credential runs out" what="token of app app runs out in 9 days, on `+at.Format(time.DateOnly)); n != 1 {
		t.Errorf("told %d times:\n%s", n, s.log)
	}
	_, metrics := get(t, s.metrics+"/metrics")
	if want := fmt.Sprintf(`usher_credential_expires_timestamp_seconds{what="token",where="app app"} %v`, float64(at.Truncate(aDay).Unix())); !strings.Contains(metrics, want) {
		t.Errorf("the metrics do not say %s", want)
	}
}
