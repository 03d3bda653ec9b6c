// SPDX-License-Identifier: Apache-2.0

// Package github is a client of GitHub's REST API, as far as an app needs it: members,
// invitations and teams of one organization, of github.com, of a tenant at ghe.com or of
// an Enterprise Server.
//
// It owns how GitHub knows us (a GitHub App with a private key, which gets tokens of one
// installation, narrowed to members), what its refusals mean, and the shapes of what goes
// over the wire. It must not know of people, retry a write whose fate is not known, or
// keep anything of a user. How a request is sent and when it is sent again is package
// rest's.
//
// Five things are to be known of the API. A 404 of a path below an organization's name says
// as well that the organization is called otherwise by now: that a membership is not there
// is believed only while the organization is seen to be, and a list that is not there is an
// error of its own. A user is named by a login, which its owner may
// change at any time and somebody else may then have: what is kept is the numeric id, and
// a team's numeric id likewise, as its slug follows its name. A membership begins as an
// invitation, and is pending until it is accepted. To write a role is to write the whole
// membership: what says member makes an owner one. And 403 says that something is
// forbidden or that we asked too often, which the words alone tell apart.
//
// The names, limits and error texts are those of docs.github.com, read in November 2026,
// where nothing else is said; none was tried on a live organization.
//
// Goroutines: none beyond those of net/http. A Client is safe for concurrent use.
package github
