// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/internal/rest"
)

// workspace runs the commands of Google's page against a fake account, and has somebody leave.
func (p *appPage) workspace() {
	p.Helper()
	private, err := rest.NewKey()
	if err != nil {
		p.Fatal(err)
	}
	public, _, err := rest.PublicKeyOf(private)
	if err != nil {
		p.Fatal(err)
	}
	const robot = "usher@project.iam.gserviceaccount.com"
	account, err := googletest.New(googletest.Config{Email: robot, PublicKeys: [][]byte{public}, Administrator: "usher-admin@acme.example"})
	if err != nil {
		p.Fatal(err)
	}
	url, stop, err := account.Listen(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(stop)
	key, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": robot, "client_id": "1234567890", "private_key_id": "key1", "private_key": string(private),
		"token_uri": "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		p.Fatal(err)
	}
	p.write("key.json", string(key))
	block := strings.Replace(blocks(p.text, "yaml")[0], "    type: google\n", "    type: google\n    url: "+url+"\n    allow: [loopback, plain-http]\n", 1)
	p.write("usher.yaml", p.head+block)
	p.write("people.csv", p.people)
	commands := strings.Split(strings.TrimSpace(blocks(p.text, "sh")[0]), "\n")
	p.firstRun(commands, func() int { return account.Counts().Writes() })
	if told := blocks(p.text, ""); len(told) != 1 || !strings.Contains(p.say.String(), told[0]) {
		p.Errorf("nobody has said %q", told)
	}
	users := account.Users()
	groups := account.Groups()
	if len(users) != 4 || len(groups["team-engineering@acme.example"]) != 2 || len(groups["team-finance@acme.example"]) != 2 {
		p.Errorf("%d users, groups %v", len(users), groups)
	}
	ada := users["ada.brandt@acme.example"]
	if ada.Entry("externalIds", "type", "organization")["value"] != "E-1001" || ada.Entry("organizations", "department", "Engineering")["title"] != "Software Engineer" {
		p.Errorf("%+v", ada)
	}
	if err := account.SignIn(ada.ID); err != nil {
		p.Fatal(err)
	}
	account.LetIn(ada.ID, "notes.example")
	account.MakePassword(ada.ID)
	p.write("people.csv", strings.Replace(p.people, "2019-03-14,", "2019-03-14,2026-01-01", 1))
	p.shell(0, "usher apply")
	ada = account.Users()["ada.brandt@acme.example"]
	if !ada.Suspended || ada.Sessions+len(ada.Grants)+len(ada.Passwords)+len(ada.Groups) > 0 || slices.Contains(account.Groups()["team-engineering@acme.example"], ada.ID) {
		p.Errorf("who left is %+v", ada)
	}
	if strings.Contains(p.say.String(), strings.Split(string(private), "\n")[3]) {
		p.Error("the key is shown")
	}
}
