// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// State is where a person stands in the lifecycle.
type State string

// The lifecycle. A person who is Active, OnLeave or Missing is in; Missing
// means that a proven-complete read no longer holds them and that nobody has
// accepted their departure: they keep everything and gain nothing.
const (
	Staged  State = "staged"
	Active  State = "active"
	OnLeave State = "on_leave"
	Missing State = "missing"
	Leaver  State = "leaver"
	Erased  State = "erased"
)

// In reports whether a person of this state has access.
func (s State) In() bool { return s == Active || s == OnLeave || s == Missing }

// Cause says why access ends or a hold stands.
type Cause string

// The causes that the guard keeps apart.
const (
	CauseTermination Cause = "termination" // explicit: an end date, a start moved ahead, a DELETE
	CauseRevoked     Cause = "revoked"     // explicit: somebody ended their access at once, whatever the dates say
	CauseAbsent      Cause = "absent"      // unexplained: no longer in a proven-complete read
)

// Explicit reports whether somebody said that the access ends.
func (c Cause) Explicit() bool { return c == CauseTermination || c == CauseRevoked }

// Key is a record's identity at its source: never an e-mail, never a name.
type Key struct {
	Source string `json:"source"`
	ID     string `json:"key"`
}

// PersonID derives a person's id, which is also the default externalId: the
// first 130 bits of SHA-256 over source and key in base32. A rebuilt database
// computes the same ids and so finds its accounts again. The length of the
// source's name goes first, so that no two keys share an encoding.
func (k Key) PersonID() string { return stableID("person", k.Source, k.ID) }

func stableID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		for i, l := 0, len(p); i < len(n); i, l = i+1, l>>8 {
			n[i] = byte(l)
		}
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:26])
}

// Record is one source's view of one person.
type Record struct {
	Key
	Generation int       // 1, and one more with each rehire
	Person     string    // the person it belongs to; "" while it waits for one
	Holds      bool      // it keeps its person in; others only add attributes
	Digest     [32]byte  // of the columns that were read and the mapping that read them
	User       []byte    // the mapped SCIM User as JSON, wished names included
	Start, End time.Time // usher.startDate and usher.endDate, zero when absent
	Line       int       // where it was last read
	File       string
	Missing    time.Time // since when proven reads lack it; zero when present
	At         time.Time // when this view was taken
	// Blocked says that End is when the source first said that the person is shut
	// out, and no date that it stated.
	Blocked bool
	// Alias is the key of the record of the same source that this one was made a part
	// of, "" if it stands for itself. See Statement.Aliases.
	Alias string
	// Same is an id of the human that their other records of this source have as well; ""
	// for none. See SourceRules.Joins.
	Same string
	// Past says that it has held its person, and that another record of its source does
	// now that goes on for longer. It does not hold them any more.
	Past bool
}

// After reports whether a file of a later name than the given one has stated the
// record. Files of different folders do not follow each other.
func (r Record) After(file string) bool {
	return filepath.Dir(r.File) == filepath.Dir(file) && r.File > file
}

// Origin says where a record was read: a line of a file, or a source without lines.
func (r Record) Origin() string { return Origin(r.File, r.Line) }

// Origin is Record.Origin of a file and a line, 0 for none.
func Origin(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s line %d", file, line)
}

// Person is who the records agree on.
type Person struct {
	ID         string
	State      State
	User       *scim.Resource // merged by attribute authority, names reserved
	Generation int
	Revision   int64     // one more with each change that an app could see
	Next       time.Time // when the lifecycle has to be looked at again; zero = only on change
	Why        string    // the reason of the state, in words
	Cause      Cause     // for a leaver: what ended it; for who is in: what is to end it, see Held
	// Admitted says that the guard let this person's departure pass in Settle.
	// Somebody who was a leaver when first seen has not been counted, so the
	// guard counts them at the plan if they turn out to have accounts.
	Admitted bool
	// Revoked is the last time that their access was ended at once. It stays when a newer
	// employment outdoes it, so that it is known when it is said once more.
	Revoked Revocation
}

// UserName returns the person's user name, or "" when none is mapped.
func (p *Person) UserName() string {
	v, _ := p.User.Get("userName")
	s, _ := v.AsString()
	return s
}

// Team is a group of people.
type Team struct {
	ID    string // stable: derived from rule and value
	Rule  string // the configuration's name of it
	Value string // for a rule with `each`: the value it stands for
	Name  string // display name
}

// TeamID derives a team's id from its rule and value.
func TeamID(rule, value string) string { return stableID("team", rule, value) }
