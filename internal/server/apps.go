// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/scimapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/scim"
)

func (b *Built) app(a config.App) error {
	if a.Name == provision.InDirectory {
		return &config.Error{Pos: a.Pos, Msg: "an app cannot be called " + a.Name + ": that is what holds call the directory itself"}
	}
	t := &provision.Target{
		Name: a.Name, Teams: map[string]bool{}, Adopt: a.Adopt, FirstRunGo: a.FirstRun == config.FirstRunGo, Concurrency: a.Concurrency,
	}
	if a.DeleteAfter != nil {
		d := time.Duration(*a.DeleteAfter)
		t.DeleteAfter = &d
	}
	errs := []error{b.expressions(a, t)}
	switch a.Type.Value {
	case "", config.AppSCIM:
		errs = append(errs, b.scimTarget(a, t))
	case config.AppAuth0:
		errs = append(errs, b.auth0Target(a, t))
	case config.AppOkta:
		errs = append(errs, b.oktaTarget(a, t))
	case config.AppGoogle:
		errs = append(errs, b.googleTarget(a, t))
	case config.AppEntra:
		errs = append(errs, b.entraTarget(a, t))
	case config.AppGitHub:
		errs = append(errs, b.gitHubTarget(a, t))
	case config.AppHTTP:
		errs = append(errs, b.recordsTarget(a, t))
	default:
		errs = append(errs, &config.Error{Pos: a.Type.Pos, Msg: fmt.Sprintf("there is no app type %q in this version", a.Type.Value), Hint: "scim, auth0, okta, google, entra, github or http"})
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var err error
	if t.Digest, err = targetDigest(a, t); err != nil {
		return err
	}
	b.Targets = append(b.Targets, t)
	return nil
}

// scimTarget connects to an app that speaks SCIM.
func (b *Built) scimTarget(a config.App, t *provision.Target) error {
	profile, err := app.ProfileOf(a.Profile.Value)
	if err != nil {
		hint := "usher profiles lists them; generic-scim2 is plain SCIM 2.0"
		if app.IsProfileFile(a.Profile.Value) {
			hint = "name a file that usher probe --out has written, or one of usher profiles"
		}
		return &config.Error{Pos: a.Profile.Pos, Msg: err.Error(), Hint: hint}
	}
	if profile.AppType != "" {
		return &config.Error{
			Pos: a.Profile.Pos, Msg: "profile " + profile.ID + " is of an API of the app's own, and not for type: scim", Hint: "write type: " + profile.AppType + ", and take profile out",
		}
	}
	if profile.Kind != "scim2" {
		return &config.Error{
			Pos: a.Profile.Pos, Msg: fmt.Sprintf("profile %s is of an API of the app's own, which this version does not speak", profile.ID),
			Hint: "usher profiles says which speak SCIM 2.0",
		}
	}
	t.Address = strings.TrimRight(a.URL.Value, "/")
	t.App, err = b.connect(a, t.Address, profile)
	return errors.Join(offers(a, profile), err)
}

// offers says what the configuration asks of an app that does not have it. It
// would otherwise be left undone without a word.
func offers(a config.App, p app.Profile) error {
	var errs []error
	if a.Groups != nil && !p.HasGroups() {
		errs = append(errs, &config.Error{
			Pos: a.Groups.Pos, Msg: fmt.Sprintf("app %s: %s has no groups that can be written", a.Name, p.Name), Hint: "take groups out of this app",
		})
	}
	what := ""
	switch {
	case a.DeleteAfter == nil:
	case p.DeactivateLeaves == app.LeavesNothing:
		what = "keeps no disabled accounts: who leaves is deleted at once, and there is no grace time"
	case !p.Users.Delete:
		what = "has no DELETE for accounts"
	case !p.CanDelete():
		what = "does not delete accounts: its DELETE disables them"
	}
	if what != "" {
		errs = append(errs, &config.Error{Pos: a.Pos, Msg: fmt.Sprintf("app %s: %s %s", a.Name, p.Name, what), Hint: "take delete_after out of this app"})
	}
	return errors.Join(errs...)
}

func (b *Built) expressions(a config.App, t *provision.Target) error {
	person, err := b.compiler.Person()
	if err != nil {
		return err
	}
	team, err := b.compiler.Team()
	if err != nil {
		return err
	}
	var errs []error
	for _, attr := range a.User {
		if attr.Path.Value == "active" {
			errs = append(errs, &config.Error{Pos: attr.Path.Pos, Msg: "active is computed from the person's state and cannot be mapped"})
		}
	}
	t.Mapping, err = person.CompileMapping(scim.UserURN, a.User)
	errs = append(errs, err)
	if a.Scope.Value != "" {
		t.Scope, err = person.Compile(a.Scope, mapping.WantBool())
		errs = append(errs, err)
	}
	if a.Groups != nil {
		for _, name := range a.Groups.Teams {
			t.Teams[name.Value] = true
		}
		if a.Groups.DisplayName.Value != "" {
			t.GroupName, err = team.Compile(a.Groups.DisplayName, mapping.WantString())
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// opened is where the requests to an app may go besides public addresses.
func opened(a config.App) dial.Allow {
	return dial.Allow{
		Loopback: a.Allows(config.AllowLoopback), Private: a.Allows(config.AllowPrivate), PlainHTTP: a.Allows(config.AllowPlainHTTP),
		Addresses: config.Addresses(a.Allow),
	}
}

// connect makes the connection to an app that speaks SCIM, with all that is wrong with it.
func (b *Built) connect(a config.App, address string, p app.Profile) (app.App, error) {
	allow := opened(a)
	credential, err := b.scimCredential(a, allow)
	shown, unshown := b.clientTLS(a)
	if err := errors.Join(err, unshown); err != nil {
		return nil, err
	}
	scimApp, err := scimapp.New(scimapp.Config{
		BaseURL: a.URL.Value, Credential: credential, Profile: p, Allow: allow, Timeout: time.Duration(a.Timeout), Concurrency: a.Concurrency,
		RootCAs: shown.roots, Certificate: shown.certificate,
	})
	if err != nil {
		return nil, &config.Error{Pos: a.URL.Pos, Msg: err.Error()}
	}
	return b.origins.Share(scimApp, address, cmp.Or(a.RequestsPerSecond, p.RequestsPerSecond)), nil
}

// mostTokenTime is how long an app's request waits for a token at most: less than a request
// of discovery may take, so that all who wait are told of the one refusal.
const mostTokenTime = 10 * time.Second

// scimCredential is who we are to an app that speaks SCIM. What it is asked for with goes by
// a way of its own, where an app's certificate is not shown.
func (b *Built) scimCredential(a config.App, allow dial.Allow) (*httpauth.Credential, error) {
	var p paths
	pos := a.Pos
	var auth httpauth.Auth
	switch {
	case a.Auth != nil:
		pos, auth = a.Auth.Pos, b.httpAuth(a.Auth, "app "+a.Name, &p)
	case a.Token.Ref() != "" || !a.Token.IsZero():
		auth = httpauth.Auth{Kind: httpauth.Bearer, Secret: b.reveals(a.Token)}
	default: // a certificate says it
		return nil, nil
	}
	if len(p.mistakes) > 0 {
		return nil, p.mistakes
	}
	made, err := httpauth.New(auth, httpauth.Config{
		API: "scim", HTTP: dial.NewTransport(allow, listDialTimeout, 1, nil), Timeout: min(time.Duration(a.Timeout)/2, mostTokenTime), UserAgent: "usher",
	})
	if err != nil {
		return nil, &config.Error{Pos: pos, Msg: "auth of app " + a.Name + ": " + err.Error()}
	}
	return made, nil
}

// targetDigest covers what a plan for the app rests on, so that a change of it
// makes everybody due. The address and the credential are no part of it.
func targetDigest(a config.App, t *provision.Target) ([32]byte, error) {
	h := sha256.New()
	write := func(s string) { fmt.Fprintf(h, "%d:%s,", len(s), s) }
	d := t.Mapping.Digest()
	write(string(d[:]))
	write(a.Profile.Value)
	profile, err := t.App.Profile().Digest() // which a new version may read otherwise
	if err != nil {
		return [32]byte{}, err
	}
	write(string(profile[:]))
	write(a.Scope.Value)
	teams := make([]string, 0, len(t.Teams))
	for name := range t.Teams {
		teams = append(teams, name)
	}
	sort.Strings(teams)
	for _, name := range teams {
		write(name)
	}
	if a.Groups != nil {
		write(a.Groups.DisplayName.Value)
	}
	if t.DeleteAfter != nil {
		write(t.DeleteAfter.String())
	}
	if a.Auth0 != nil {
		write(a.Auth0.Connection.Value)
		write(strconv.FormatBool(a.Auth0.Usernames))
		write(a.Auth0.Sessions)
		write(a.Auth0.SignUps)
		if a.Groups != nil {
			write(a.Groups.As.Value)
		}
	}
	if a.Okta != nil {
		write(a.Okta.Deactivate)
		write(a.Okta.IDAttribute.Value)
	}
	if a.HTTP != nil { // how a record is read and written: who was refused is tried again
		text, err := json.Marshal(struct {
			Source string
			Read   config.HTTPRead
			Write  config.HTTPWrite
		}{a.HTTP.Source.Value, a.HTTP.Read, a.HTTP.Write}, json.Deterministic(true))
		if err != nil {
			return [32]byte{}, err
		}
		write(string(text))
	}
	if a.Google != nil {
		write(a.Google.Administrators)
		write(a.Google.GroupDomain.Value)
		write(a.Google.GroupPrefix.Value)
	}
	if a.Entra != nil {
		write(a.Entra.IDAttribute.Value)
	}
	if a.GitHub != nil {
		write(a.GitHub.Owners)
	}
	return [32]byte(h.Sum(nil)), nil
}

// spared are the apps in which nobody's account ends.
func (b *Built) spared() (names []string) {
	for _, t := range b.Targets {
		if t.Source != "" {
			names = append(names, t.Name)
		}
	}
	return names
}
