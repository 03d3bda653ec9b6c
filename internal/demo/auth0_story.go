// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strings"
	"time"
)

// auth0Story is a company whose people sign in by Auth0. HR says who works here, Usher
// brings them there and into six apps, and what Auth0 knows of them besides goes on.
func auth0Story() Story {
	return Story{
		Name: "auth0", Says: "HR into Auth0, and from both into six apps", People: 40, mails: true, rounds: 2,
		Tells: "HR says who works here, and Usher makes them users of Auth0. What Auth0 knows besides, Usher reads back and gives to the apps.\n" +
			"Auth0 is a fake tenant, the apps are simulators after the apps' documentation: nothing leaves this machine. Each day takes two\n" +
			"cycles, as what Usher wrote into Auth0 comes back with the next. The verdict is from the ledgers of the tenant and the apps.",
		Stays: "The roles of Auth0 are read with everybody, every hour: the groups of aws-iam-identity-center and github-emu are as late.",
		cast:  auth0Apps, sources: auth0Sources,
		Steps: []Step{
			{
				Day: -13, Title: "The first day", HR: firstDay,
				Login:   loseAnswers,
				Follows: "everybody who works here can sign in and has an account in every app; nobody has two",
			},
			{
				Day: -12, Title: "Nothing happens",
				Follows: "nothing is written anywhere, although Auth0 is written to and read from", Quiet: true,
			},
			{
				Day: -11, Title: "What Auth0 knows", Login: profile,
				Follows: "the number reaches the apps, the role those whose groups are Auth0's roles; Auth0 itself gets nothing back",
			},
			{
				Day: -10, Title: "A hire", HR: hire,
				Follows: "one can sign in and has accounts today; the other waits for the first day",
			},
			{
				Day: -7, Title: "A move", HR: move,
				Follows: "the department changes everywhere; one role goes, another comes; who waited has their first day",
			},
			{
				Day: -6, Title: "A marriage", HR: marry,
				Follows: "new name and new address, the same user in Auth0 and the same accounts",
			},
			{
				Day: -5, Title: "A departure", HR: leave, Login: signInBefore,
				Follows: "blocked in Auth0, sessions and refresh tokens ended, the role gone; out of every app, by the app's own way",
			},
			{
				Day: -4, Title: "A block is lifted", Login: resetPassword,
				Follows: "nobody comes back, as HR says who works here; blocked again, and signed out",
			},
			{
				Day: -3, Title: "A linked account", Login: link,
				Follows: "Auth0 tells that the user was deleted, and nobody is offboarded for it; roles that Auth0 drops by it go from the apps that follow roles",
			},
			{
				Day: -2, Title: "A return", HR: comeBack,
				Follows: "the same user in Auth0 and the same accounts; a new one where the app had deleted it",
			},
			{
				Day: -1, Title: "For good", HR: leaveAgain, Login: signInAgain,
				Follows: "out everywhere once more",
			},
			{
				Day: 0, Title: "Nothing happens",
				Follows: "nothing is written anywhere", Quiet: true,
			},
		},
	}
}

// loseAnswers says what the simulators do by themselves.
func loseAnswers(*Desk) (string, error) {
	return "makes the first user, and its answer is lost on the way; so is the first answer of every app", nil
}

// profile is what happens in Auth0 alone: somebody writes a number, and gets a role.
func profile(d *Desk) (string, error) {
	w := d.pick(d.Today, nil)
	commander := d.pick(d.Today, func(o *Worker) bool { return o != w })
	id, err := d.tenant.user(commander)
	if err != nil {
		return "", err
	}
	w.mobile, commander.roles = "+44 20 7946 0958", []string{"Incident Commander"}
	d.known["mobile"], d.known["commander"] = w, commander
	if err := d.tenant.write(w, "mobile_phone", w.mobile); err != nil {
		return "", err
	}
	if _, err := d.tenant.PutRole("Incident Commander", id); err != nil {
		return "", err
	}
	return fmt.Sprintf("has a mobile number in the profile of %s, and %s gets the role Incident Commander by hand", w.FullName(), commander.FullName()), nil
}

// fresh says that no step has spoken of somebody yet.
func (d *Desk) fresh(w *Worker) bool {
	for _, known := range d.known {
		if w == known {
			return false
		}
	}
	return true
}

// marry is a new family name, and with it a new address.
func marry(d *Desk) string {
	w := d.pick(d.Today, func(w *Worker) bool { return w.familySlug != "" && w.givenSlug != "" && d.fresh(w) })
	was, address := w.FullName(), w.Mail
	w.Family, w.familySlug = "Lindqvist-"+strings.Fields(w.Family)[0], "lindqvist-"+w.familySlug
	d.readdress(w)
	d.known["marry"] = w
	return fmt.Sprintf("writes %s instead of %s, and %s instead of %s", w.FullName(), was, w.Mail, address)
}

// signInBefore picks who leaves next, and has them sign in.
func signInBefore(d *Desk) (string, error) {
	w := d.known["leave"]
	if err := d.tenant.signIn(w); err != nil {
		return "", err
	}
	return fmt.Sprintf("has a session and a refresh token of %s, who signed in this morning", w.FullName()), nil
}

func signInAgain(d *Desk) (string, error) { return signInBefore(d) }

// resetPassword is what the leaver tries: it lifts a block in Auth0.
func resetPassword(d *Desk) (string, error) {
	w := d.known["leave"]
	id, err := d.tenant.user(w)
	if err != nil {
		return "", err
	}
	if err := d.tenant.Unblock(id); err != nil {
		return "", err
	}
	w.letIn = true
	if err := d.tenant.SignIn(id); err != nil {
		return "", err
	}
	return fmt.Sprintf("lifts the block of %s, who has reset the password, and lets them sign in", w.FullName()), nil
}

// link joins somebody's account to their private one.
func link(d *Desk) (string, error) {
	w := d.pick(d.Today, d.fresh)
	if err := d.tenant.join(w); err != nil {
		return "", err
	}
	w.linked, d.known["link"] = true, w
	return fmt.Sprintf("links the account of %s to their private Google account, which takes it in", w.FullName()), nil
}

func comeBack(d *Desk) string {
	w := d.known["leave"]
	w.End = time.Time{}
	return fmt.Sprintf("has %s back, and takes the end date out", w.FullName())
}

func leaveAgain(d *Desk) string {
	w := d.known["leave"]
	w.End = d.Today
	return fmt.Sprintf("lets %s go again as of today", w.FullName())
}
