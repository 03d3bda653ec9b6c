// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/usher-id/usher/scim"
)

// Digest covers what of the profile decides on what is sent. What is for people
// (names, sources, words) is no part of it, nor is the pace: everybody is due when
// it changes, and a link that was corrected is no reason to go over everybody. A
// new field is part of it unless it is named here.
func (p Profile) Digest() ([sha256.Size]byte, error) {
	p.Name, p.Source, p.Date, p.Verified, p.Docs, p.Notes, p.UnverifiedFields = "", "", "", false, nil, nil, nil
	p.BaseURLTemplate, p.AuthType, p.AppType, p.TokenDays = "", "", "", 0
	// How these are obeyed stands in fields of their own.
	p.Deactivate, p.DeleteMeaning, p.Leaver, p.Reversible = "", "", "", false
	p.RequiredAttributes, p.UnsupportedAttributes = nil, nil
	p.PageSize, p.MaxPage, p.Settle, p.Concurrency, p.RequestsPerSecond, p.Throttle = 0, 0, 0, 0, 0, Throttle{}

	p.RequiredHeaders = maps.Clone(p.RequiredHeaders)
	delete(p.RequiredHeaders, "User-Agent") // its value is words
	extensions := make([]scim.Schema, len(p.Extensions))
	for i, s := range p.Extensions {
		s.Description, s.Attributes = "", undescribed(s.Attributes)
		extensions[i] = s
	}
	p.Extensions = extensions

	type requirement struct {
		Any  Paths
		When string
	}
	required := make([]requirement, len(p.Required))
	for i, r := range p.Required {
		required[i] = requirement{r.Any, r.When.String()}
	}
	text, err := json.Marshal(struct {
		Profile     Profile
		Required    []requirement
		Unsupported Paths
	}{p, required, p.Unsupported})
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("app: profile %s: %w", p.ID, err)
	}
	return sha256.Sum256(text), nil
}

func undescribed(list []scim.Attribute) []scim.Attribute {
	out := make([]scim.Attribute, len(list))
	for i, a := range list {
		a.Description, a.SubAttributes = "", undescribed(a.SubAttributes)
		out[i] = a
	}
	return out
}
