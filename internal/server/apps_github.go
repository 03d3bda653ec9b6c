// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app/githubapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/internal/provision"
)

// gitHubTarget connects to an organization at GitHub.
func (b *Built) gitHubTarget(a config.App, t *provision.Target) error {
	errs := []error{b.gitHubPlaces(a)}
	client, err := b.gitHubClient(a)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	t.Address = strings.TrimRight(a.URL.Value, "/") + "#" + strings.ToLower(a.GitHub.Organization.Value)
	org, err := githubapp.New(githubapp.Config{Client: client, Owners: a.GitHub.Owners})
	if err != nil {
		return errors.Join(append(errs, &config.Error{Pos: a.Pos, Msg: "app " + a.Name + ": " + err.Error()})...)
	}
	b.installed = append(b.installed, installed{a, client, org})
	base, _ := github.Base(a.URL.Value) // the client was made with it
	t.App = b.origins.Share(org, base, cmp.Or(a.RequestsPerSecond, org.Profile().RequestsPerSecond))
	return errors.Join(append(errs, offers(a, org.Profile()))...)
}

// gitHubClient makes the client of an organization.
func (b *Built) gitHubClient(a config.App) (*github.Client, error) {
	c := github.Config{
		URL: a.URL.Value, Organization: a.GitHub.Organization.Value, AppID: a.GitHub.AppID.Value, Timeout: time.Duration(a.Timeout),
		HTTP: b.origins.Through(dial.NewTransport(opened(a), tenantDialTimeout, max(a.Concurrency, 1), nil)),
	}
	if _, err := github.Base(a.URL.Value); err != nil {
		return nil, &config.Error{Pos: a.URL.Pos, Msg: "app " + a.Name + ": " + err.Error()}
	}
	if a.GitHub.Key.Ref() != "" {
		c.Credential = func() (github.Key, error) {
			key, err := b.vault.reveal(a.GitHub.Key)
			return github.Key(key), err
		}
	} else {
		var err error
		if c.Key, err = pemOf(a.GitHub.Key, "private_key of app "+a.Name); err != nil {
			return nil, err
		}
	}
	client, err := github.New(c)
	if err != nil {
		pos := a.GitHub.Organization.Pos
		switch {
		case strings.Contains(err.Error(), "private key"):
			pos = a.GitHub.Key.Pos()
		case strings.Contains(err.Error(), "app id"):
			pos = a.GitHub.AppID.Pos
		}
		return nil, &config.Error{Pos: pos, Msg: "app " + a.Name + ": " + err.Error()}
	}
	return client, nil
}

// gitHubPlaces refuses what GitHub has no place for, and a mapping by which nobody is known.
func (b *Built) gitHubPlaces(a config.App) error {
	paths, written := b.pathsOf(a)
	places, lacking, roles := githubapp.Check(paths)
	errs := []error{misplaced(a, written, places)}
	if lacking != "" {
		errs = append(errs, &config.Error{Pos: a.Pos, Msg: "user of app " + a.Name + " says nothing that people are known by at GitHub", Hint: "map " + lacking})
	}
	if roles && a.GitHub.Owners != config.OwnersManage {
		errs = append(errs, &config.Error{Pos: a.Pos, Msg: "user of app " + a.Name + " says who is an owner of the organization, and owners are kept", Hint: "say owners: " + config.OwnersManage + ", or take roles out of user"})
	}
	return errors.Join(errs...)
}
