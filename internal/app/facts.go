// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Facts are everything that a profile's file says, for people to read; a nil
// pointer is what is not known. What the engine acts on is in [Profile].
type Facts = profileFile

// FactsByID are the facts of the built-in profile with this id.
func FactsByID(id string) (Facts, error) {
	text, err := DocumentByID(id)
	if err != nil {
		return Facts{}, err
	}
	var f Facts
	err = json.Unmarshal(text, &f)
	return f, err
}

// DocumentByID is the file of the built-in profile with this id, as it is: what
// is not known is null there, and names are those of the profile format.
func DocumentByID(id string) (jsontext.Value, error) {
	if _, err := ProfileByID(id); err != nil {
		return nil, err
	}
	return profileFiles.ReadFile("profiles/" + id + ".json")
}

// Doubts reports whether the profile says of a fact, or of everything, that it
// is from memory or not known. An entry names a fact by its first word:
// "groups (state of the flag today)" is about groups.
func (p Profile) Doubts(fact string) bool {
	for _, entry := range p.UnverifiedFields {
		word, _, _ := strings.Cut(entry, " ")
		if word == fact || word == "all" || strings.HasPrefix(word, fact+".") {
			return true
		}
	}
	return false
}
