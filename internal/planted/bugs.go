// SPDX-License-Identifier: Apache-2.0

package planted

// Bug names one mistake.
type Bug string

// The mistakes. Each is one condition in the engine's own code. The number behind each is that of the invariant
// which it breaks (docs/reliability.md); what is there beside the comment, and who finds it, is in the table there.
const (
	// A request goes out before its intent is committed: after a crash nobody knows of it (1, 2).
	IntentAfterRequest Bug = "intent-after-request"
	// An answer that was lost is taken for a failure, and the request sent again (1).
	AmbiguousIsFailed Bug = "ambiguous-is-failed"
	// After a crash, a look-up within the app's settle time is believed: what is not shown yet is made twice (1).
	LookUpBeforeSettled Bug = "look-up-before-settled"
	// The intents of an owner that was overtaken are not refused: two send at a time (7).
	NoFence Bug = "no-fence"
	// The mark of somebody at rest is cleared although a newer one has come (2).
	MarkWithoutVersion Bug = "mark-without-version"
	// Absence from a read that is not proven whole counts (4).
	CompletenessNotAsked Bug = "completeness-not-asked"
	// What passed the guard in the last 24 hours is not counted (4).
	GuardPerCycle Bug = "guard-per-cycle"
	// A deactivation is believed without being read back (3).
	NoReadBack Bug = "no-read-back"
	// An old file brings a leaver back (8).
	ReplayReopens Bug = "replay-reopens"
	// What somebody gains and loses in groups is counted as one, as it is sent in batches: the mark goes with the first,
	// and what another one could not bring about is never tried again (2).
	LostChunk Bug = "lost-chunk"
	// An account is not given a name before the one that has it has got another: two people who swap their names wait for
	// each other for ever (2).
	SwappedNames Bug = "swapped-names"

	// The pause that an app has asked for ends with the cycle, or the process, that was told of it (9).
	PauseForgotten Bug = "pause-forgotten"
	// A pause that one app has asked for is kept at the others, too (9).
	PauseOfAnother Bug = "pause-of-another"
	// Who is refused is set aside although what was refused has changed meanwhile (2).
	ParkedOverMark Bug = "parked-over-mark"
	// An account that is made again is made of all that is known of the person, mapped or not (5).
	UnmappedOnReCreate Bug = "unmapped-on-re-create"
	// An unsure request for memberships that was looked up is looked up, and told of, once more with the next one (2, 10).
	OutcomeTwice Bug = "outcome-twice"
	// An account of somebody's name is adopted although it carries another one's externalId (5).
	ForeignByName Bug = "foreign-by-name"
	// A deactivation is taken for read back when the app is down at the second look (3).
	SecondLookForgotten Bug = "second-look-forgotten"
	// A mark is cleared when the last request for memberships is recorded, and not when it is done: a crash in between
	// loses it (2).
	MarkBeforeOutcome Bug = "mark-before-outcome"
	// A transaction that the store runs again has lost its events (10).
	EventsDrained Bug = "events-drained"
)

// All are all of them, in the order in which they are tried.
var All = [...]Bug{
	IntentAfterRequest, AmbiguousIsFailed, LookUpBeforeSettled, NoFence, MarkWithoutVersion, CompletenessNotAsked, GuardPerCycle,
	NoReadBack, ReplayReopens, LostChunk, SwappedNames, PauseForgotten, PauseOfAnother, ParkedOverMark, UnmappedOnReCreate,
	OutcomeTwice, ForeignByName, SecondLookForgotten, MarkBeforeOutcome, EventsDrained,
}

// Variable is the environment variable that names the mistakes of a process, separated by commas. It is
// heeded under the tag alone.
const Variable = "USHER_PLANTED"
