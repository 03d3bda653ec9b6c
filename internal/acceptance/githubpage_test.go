// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"strings"

	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/rest"
)

// playsGitHub runs the commands of GitHub's page as they stand, against a fake organization
// in place of the real one, with logins where the page says. Then somebody accepts, and
// somebody leaves.
func (p *appPage) playsGitHub() {
	p.Helper()
	private, err := rest.NewKey()
	if err != nil {
		p.Fatal(err)
	}
	public, _, err := rest.PublicKeyOf(private)
	if err != nil {
		p.Fatal(err)
	}
	org, err := githubtest.New(githubtest.Config{Login: "acme", AppID: "Iv23liExample", PublicKeys: [][]byte{public}})
	if err != nil {
		p.Fatal(err)
	}
	url, stop, err := org.Listen(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(stop)
	block := strings.Replace(blocks(p.text, "yaml")[0], "    type: github\n", "    type: github\n    url: "+url+"\n    allow: [loopback, plain-http]\n", 1)
	for _, says := range []string{"column `github_login`", "`nickName: row.github_login`"} {
		if !strings.Contains(p.text, says) {
			p.Errorf("the page does not say %s", says)
		}
	}
	p.write("usher.yaml", strings.NewReplacer("termdate]", "termdate, github_login]", "      userName: row.email\n", "      userName: row.email\n      nickName: row.github_login\n").Replace(p.head)+block)
	rows := strings.Split(strings.TrimSpace(p.people), "\n")
	for i, login := range []string{"github_login", "countess", "ines-l", "pm1990", "zoe-omalley"} {
		if rows[i] += "," + login; i > 0 {
			org.PutUser(login)
		}
	}
	people := strings.Join(rows, "\n") + "\n"
	p.write("people.csv", people)
	p.write("github.pem", string(private))
	hold := ""
	for _, c := range strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n") {
		code := 0
		if c == "usher plan" {
			code = 3
		}
		writes := org.Counts().Writes()
		out := p.shell(code, strings.ReplaceAll(c, " ID", " "+hold))
		switch {
		case c == "usher plan":
			if m := holdOfPlan.FindStringSubmatch(out); m != nil {
				hold = m[1]
			}
			if !strings.Contains(out, "whoever leaves is removed from the organization and its teams (the account is their own, and stays)") {
				p.Errorf("the plan does not say what becomes of leavers:\n%s", out)
			}
		case c == "usher check --live" && !strings.Contains(out, "is installed in acme, and may write its members"):
			p.Errorf("nothing is said of the app:\n%s", out)
		case strings.Contains(c, "--release-hold"):
			continue
		}
		if org.Counts().Writes() != writes {
			p.Errorf("%s has written: %v", c, org.Counts())
		}
	}
	invited := org.Invitations()
	if _, ok := invited["countess"]; len(invited) != 4 || !ok {
		p.Errorf("%v are invited", invited)
	}
	if err := org.Accept("countess"); err != nil {
		p.Fatal(err)
	}
	p.shell(0, "usher apply --verify")
	if m := org.Members()["countess"]; len(m.Teams) != 1 || m.Teams[0] != "Engineering" {
		p.Errorf("%+v", m)
	}
	p.write("people.csv", strings.Replace(people, "2019-03-14,,", "2019-03-14,2020-01-01,", 1))
	p.shell(0, "usher apply")
	if _, in := org.Members()["countess"]; in || len(org.Invitations()) != 3 {
		p.Errorf("%v %v", org.Members(), org.Invitations())
	}
}
