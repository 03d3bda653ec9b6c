// SPDX-License-Identifier: Apache-2.0

package sim

// Model says of each fault of the failure model what runs do of it, or where else it is
// looked at. A fault that runs have is Reached by them; one that has no place in the
// engine's core has a Reason.
type Model struct {
	Number  int
	What    string
	Reached bool
	Reason  string
}

// Faults is the failure model, by number.
var Faults = [...]Model{
	{1, "the process dies between an effect and its commit", true, ""},
	{2, "the answer is lost after the effect", true, ""},
	{3, "the caller gives up, and the effect comes later", true, ""},
	{4, "a name is taken (409)", true, ""},
	{5, "somebody else has changed it meanwhile (412)", true, ""},
	{6, "too many requests (429), with waits from none to absurd", true, ""},
	{7, "5xx, before and after the effect; an app that is sick, or down", true, ""},
	{8, "401 and 403 in the middle of a run", true, ""},
	{9, "the app is restored from a backup", true, ""},
	{10, "success is answered, and nothing happens; an attribute is not kept", true, ""},
	{11, "what was written is not shown yet", true, ""},
	{12, "the app gives the id of what was deleted to somebody else", true, ""},
	{13, "a part of a group's request is carried out", true, ""},
	{14, "a member is not known at the app yet", true, ""},
	{15, "the source is empty, cut short, spoilt, another's, or cannot be read", true, ""},
	{16, "wrong absences, a few at a time", true, ""},
	{17, "an attribute is blank for everybody", true, ""},
	{18, "a process stands still and goes on", true, ""},
	{19, "an older file is put there again", true, ""},
	{20, "somebody whom the app refuses for ever", true, ""},
	{21, "two processes, one of which stood still beyond its lease", true, ""},
	{22, "the connection breaks while a transaction commits", true, ""},
	{23, "a transaction's function is called twice", true, ""},
	{24, "the store takes nothing", true, ""},
	{25, "a commit fails, and the process ends", true, ""},
	{26, "the process is killed, anywhere", true, ""},
	{27, "the process is told to stop, with requests under way", true, ""},
	{28, "another mapping in the middle of a run", false, "a run has one configuration; internal/provision has tests of another digest and address"},
	{29, "the credential is changed", false, "to the core that is 401 and then not (F8); the keys are internal/secret's"},
	{30, "the app's schema changes", false, "internal/app's discovery tells of it, and nothing is sent for that"},
	{31, "our own store is restored from a backup", false, "there is no way to restore one yet"},
	{32, "hired again in the minute of leaving", true, ""},
	{33, "two people swap names", true, ""},
	{34, "no connection comes about", true, ""},
	{35, "memory runs out", false, "to the core that is a kill (F26); leaks are looked for by goleak in each package"},
	{36, "a grant ends while the engine is down", false, "there are no grants yet"},
	{37, "the ledger cannot be chained", false, "a commit of the sequencer fails as any other (F24), and events wait for the next"},
	{38, "an element of a batch is left out, or taken twice", false, "no fault of the world but a mistake of ours: each run's end state, and the planted lost-chunk, show it"},
}
