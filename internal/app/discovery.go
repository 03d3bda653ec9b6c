// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"github.com/usher-id/usher/scim"
)

// Discovery is what an app says of itself (RFC 7644 §4). Each of its parts may be
// missing: many apps have none of them, and some have one that makes no sense.
type Discovery struct {
	// Features are ServiceProviderConfig.
	Features *Features
	// Schemas are those that the app tells, and Types its resource types.
	Schemas []scim.Schema
	Types   []scim.ResourceType
	// Lengths are how many characters a value may have, by [LengthKey]: maxLength,
	// which some apps say beside what RFC 7643 §7 has.
	Lengths map[string]int

	// Parts says of each endpoint how it answered.
	Parts map[Part]PartState
	// Broken are the errors of those that answered what cannot be used.
	Broken map[Part]*Error
}

// Part is an endpoint of discovery.
type Part string

// The parts.
const (
	PartFeatures Part = "/ServiceProviderConfig"
	PartSchemas  Part = "/Schemas"
	PartTypes    Part = "/ResourceTypes"
)

// PartState is how an endpoint of discovery answered. The zero value says nothing.
type PartState string

// The states.
const (
	PartTold    PartState = "told"
	PartCut     PartState = "cut"    // told, but not all of it: what is missing proves nothing
	PartAbsent  PartState = "absent" // the app does not have it
	PartUnknown PartState = ""       // it is not shown to us, was not asked for, or cannot be used: see Broken
)

// Features are what a ServiceProviderConfig says (RFC 7643 §5). What it leaves out
// is in neither of the maps.
type Features struct {
	Has     map[string]bool // by "patch", "bulk", "filter", "changePassword", "sort", "etag", "cursor"
	Numbers map[string]int  // by "filter.maxResults", "bulk.maxOperations", "bulk.maxPayloadSize", "pagination.maxPageSize"
	Auth    []string        // types of authenticationSchemes
}

// LengthKey is how Discovery.Lengths names an attribute of a schema, or a part of one.
func LengthKey(urn, attribute, sub string) string { return urn + "\n" + attribute + "\n" + sub }

// Discoverer is an App that can be asked what it says of itself. Both methods only read.
type Discoverer interface {
	// Discover asks each endpoint of discovery once, and none of the rest if the first
	// shows that there is no use in it. The error is an *[Error]: what answers at the
	// address is no SCIM, or nothing does.
	Discover(ctx context.Context) (Discovery, error)
	// Greet asks for one account, or for one that does not exist, and drops the
	// answer: whether the address and the token are good. Discovery may be open to
	// everybody (RFC 7644 §4), and tells neither.
	Greet(ctx context.Context) error
}

// DiscovererOf is the app's Discoverer, if it has one.
func DiscovererOf(a App) (Discoverer, bool) {
	if l, ok := a.(*limited); ok {
		if _, ok := l.App.(Discoverer); !ok {
			return nil, false
		}
		return discoverLimited{l}, true
	}
	d, ok := a.(Discoverer)
	return d, ok
}

// discoverLimited keeps discovery within the app's rate, too.
type discoverLimited struct{ *limited }

func (l discoverLimited) Discover(ctx context.Context) (Discovery, error) {
	for range 3 { // its requests
		if err := l.wait(ctx); err != nil {
			return Discovery{}, err
		}
	}
	return l.App.(Discoverer).Discover(ctx) //nolint:forcetypeassert // DiscovererOf has looked
}

func (l discoverLimited) Greet(ctx context.Context) error {
	if err := l.wait(ctx); err != nil {
		return err
	}
	return l.App.(Discoverer).Greet(ctx) //nolint:forcetypeassert // DiscovererOf has looked
}
