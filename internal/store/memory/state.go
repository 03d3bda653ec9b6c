// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// state is everything at one moment: SQLite's tables by their names, and the few indexes
// that are walked often. Rows behind pointers are replaced and never written to.
type state struct {
	records       table[two, *record] // source, id
	recordsOf     table[three, none]  // person, source, id
	reads         table[one, *read]   // source
	digests       table[two, none]    // source, digest
	rejects       table[one, []source.Reject]
	trouble       table[one, trouble]
	marks         table[two, mark]           // source, id
	events        table[two, instant]        // source, id
	stated        table[two, directory.Team] // source, id
	statedIn      table[three, none]         // source, team, record
	statedOf      table[three, none]         // source, record, team
	people        table[one, *person]
	keys          table[three, string] // attribute, canonical, person: source
	keysOf        table[three, none]   // person, attribute, canonical
	names         table[three, name]   // scope, attribute, canonical
	namesOf       table[three, string] // scope, attribute, owner: name
	teams         table[one, directory.Team]
	members       table[two, none] // person, team
	apps          table[one, *app]
	accounts      table[two, *account] // app, person
	accountsOf    table[two, none]     // person, app
	groups        table[two, *group]   // app, team
	edges         table[three, int64]  // app, person, team: journal
	foreign       table[two, *provision.Foreign]
	journal       table[number, *entry]
	open          table[counted, none] // app, id of entries that are to be looked up
	holds         table[three, *hold]  // door, app, id
	passed        table[counted, passed]
	leases        table[one, lease]
	findings      table[two, provision.Finding] // app, attribute
	ledger        table[number, *envelope]
	payloads      table[number, *payload]
	chain         table[number, audit.Link]
	meta          table[one, []byte]
	entries       int64 // how many were ever numbered
	ledgerEntries int64
	passes        int64
}
