// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// Bounds of one answer of discovery. The largest that is known has some 100 KiB; a
// group of 100,000 members, for which the bounds of all else are made, is none.
const (
	discoveryBytes    = 2 << 20
	discoveryElements = 50_000
	discoveryDepth    = 12
	discoveryTimeout  = 15 * time.Second
	mostSchemas       = 200 // schemas or resource types
)

var _ app.Discoverer = (*App)(nil)

// discoveryOf narrows what is read of a client's answers to what discovery needs.
func discoveryOf(c scimclient.Config) scimclient.Config {
	c.Limits = scim.Limits{MaxBytes: discoveryBytes, MaxElements: discoveryElements, MaxDepth: discoveryDepth}
	c.Timeout = min(cmp.Or(c.Timeout, discoveryTimeout), discoveryTimeout)
	return c
}

// Discover asks for ServiceProviderConfig, Schemas and ResourceTypes.
func (a *App) Discover(ctx context.Context) (app.Discovery, error) {
	d := app.Discovery{Parts: map[app.Part]app.PartState{}, Broken: map[app.Part]*app.Error{}}
	config, _, err := a.discovery.ServiceProviderConfig(named(ctx))
	switch e := app.Classify(convert(err)); {
	case e == nil:
		d.Features, d.Parts[app.PartFeatures] = featuresOf(config), app.PartTold
	case e.Status == http.StatusUnauthorized:
		return d, nil // no other endpoint of discovery will say more to this token; Greet tells whether it is good
	case withheld(e):
	case absent(e):
		d.Parts[app.PartFeatures] = app.PartAbsent
	case e.Status >= http.StatusInternalServerError && e.RetryAfter == 0:
		d.Broken[app.PartFeatures] = e // how some answer to what they do not have
	default:
		return d, e
	}
	a.part(ctx, &d, app.PartSchemas, func(r *scim.Resource) bool {
		s, err := scim.SchemaFrom(r)
		if err == nil {
			d.Schemas = append(d.Schemas, s)
			lengths(&d, s.ID, r)
		}
		return err == nil
	})
	a.part(ctx, &d, app.PartTypes, func(r *scim.Resource) bool {
		t, err := scim.ResourceTypeFrom(r)
		if err == nil {
			d.Types = append(d.Types, t)
		}
		return err == nil
	})
	return d, nil
}

// part reads one list of discovery. One that has more than it gives, or of which one
// entry cannot be read, proves nothing about what is not there.
func (a *App) part(ctx context.Context, d *app.Discovery, part app.Part, take func(*scim.Resource) bool) {
	page, err := a.discovery.List(named(ctx), string(part), scimclient.Query{})
	if e := app.Classify(convert(err)); e != nil {
		switch {
		case withheld(e):
		case absent(e):
			d.Parts[part] = app.PartAbsent
		default:
			d.Broken[part] = e
		}
		return
	}
	d.Parts[part] = app.PartTold
	if page.TotalResults > len(page.Resources) || page.NextCursor != "" || len(page.Resources) > mostSchemas {
		d.Parts[part] = app.PartCut
	}
	for _, r := range page.Resources[:min(len(page.Resources), mostSchemas)] {
		if !take(r) {
			d.Parts[part] = app.PartCut
		}
	}
	if len(page.Resources) == 0 { // as empty as not to be there
		d.Parts[part] = app.PartAbsent
	}
}

// withheld tells of an endpoint that is kept from this token.
func withheld(e *app.Error) bool { return e.Class == app.Unauthorized }

// absent tells of an endpoint that the app does not have.
func absent(e *app.Error) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusGone, http.StatusNotImplemented:
		return true
	}
	return false
}

func featuresOf(c scimclient.ServiceProviderConfig) *app.Features {
	f := &app.Features{Has: map[string]bool{}, Numbers: map[string]int{}}
	for name, has := range map[string]bool{
		"patch": c.Patch, "bulk": c.Bulk, "filter": c.Filter, "changePassword": c.ChangePassword, "sort": c.Sort, "etag": c.ETag,
	} {
		if v, told := c.Resource.Get(name); told && !v.IsUnassigned() {
			f.Has[name] = has
		}
	}
	if v, told := c.Resource.Get("pagination"); told && !v.IsUnassigned() {
		f.Has["cursor"] = c.CursorPaging
	}
	for name, n := range map[string]int{
		"filter.maxResults": c.FilterMaxResults, "bulk.maxOperations": c.BulkMaxOperations,
		"bulk.maxPayloadSize": c.BulkMaxPayloadSize, "pagination.maxPageSize": c.MaxPageSize,
	} {
		if n > 0 {
			f.Numbers[name] = n
		}
	}
	for _, s := range c.AuthenticationSchemes {
		if s.Type != "" {
			f.Auth = append(f.Auth, s.Type)
		}
	}
	slices.Sort(f.Auth)
	f.Auth = slices.Compact(f.Auth)
	return f
}

// lengths reads maxLength, which RFC 7643 §7 does not have and some apps say.
func lengths(d *app.Discovery, urn string, r *scim.Resource) {
	attributes, _ := r.Get("attributes")
	list, _ := attributes.AsList()
	for _, e := range list {
		o, _ := e.AsComplex()
		name := textOf(o, "name")
		length(d, urn, name, "", o)
		subs, _ := o.Get("subAttributes")
		inner, _ := subs.AsList()
		for _, s := range inner {
			so, _ := s.AsComplex()
			length(d, urn, name, textOf(so, "name"), so)
		}
	}
}

func length(d *app.Discovery, urn, name, sub string, o scim.Object) {
	v, _ := o.Get("maxLength")
	n, ok := v.AsInteger()
	if !ok || n <= 0 || n > math.MaxInt32 {
		return
	}
	if d.Lengths == nil {
		d.Lengths = map[string]int{}
	}
	d.Lengths[app.LengthKey(urn, name, sub)] = int(n)
}

func textOf(o scim.Object, name string) string {
	v, _ := o.Get(name)
	s, _ := v.AsString()
	return s
}

// Greet asks for an account that is not there, or for one of those that are.
func (a *App) Greet(ctx context.Context) error {
	endpoint, err := a.endpoint(app.KindUser)
	if err != nil {
		return err
	}
	q := scimclient.Query{Count: 1}
	if userName := (scim.Path{Attr: "userName"}); a.profile.FiltersKnown(app.KindUser) && a.profile.Filterable(app.KindUser, userName) {
		q = scimclient.Query{Filter: scim.Eq(userName, nobody)}
	}
	_, err = a.discovery.List(named(ctx), endpoint, q)
	e := app.Classify(convert(err))
	switch {
	case e == nil:
		return nil
	case e.Status == http.StatusBadRequest, e.Status == http.StatusNotImplemented, e.Status == http.StatusMethodNotAllowed:
		return nil // it does not like the question; whom it does not know it does not tell so
	case errors.Is(e, scimclient.ErrAnswerTooLarge) && e.Status/100 == 2:
		return nil // it sends everybody, whatever it is asked for
	case e.Class == app.NotFound && strings.Contains(strings.ToLower(e.Detail), nobody):
		return nil // how some say that nobody matches
	}
	return e
}

// nobody is a user name that nobody has.
const nobody = "usher-check-nobody@usher.invalid"
