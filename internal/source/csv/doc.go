// SPDX-License-Identifier: Apache-2.0

// Package csv reads a CSV snapshot of people from a file, on this machine or a server: exactly, one bad row at a time, and with a proof of what was read.
//
// It owns: finding out encoding, delimiter and line ends; splitting the file into records; setting bad records aside with
// line, column and reason; saying whether the file is proven complete; and [Neutralise] for CSV that Usher writes.
// It must not: know what a column means, parse dates, keep a column that nobody reads, write anything, or repeat a value in
// an error or a reason (the file is full of personal data).
//
// # Format
//
// RFC 4180, and what exports do to it. The format is found out, and can be configured:
//
//   - Encoding: UTF-8 with or without byte order mark, UTF-16 with byte order mark, else Windows-1252 if the bytes are not valid
//     UTF-8; [Snapshot.Notes] says so then. ISO 8859-1 is the same where it has letters, ISO 8859-15 must be configured. A file
//     that holds more valid multi-byte sequences than broken ones is UTF-8 with broken rows, as one bad byte must not turn
//     everybody's name into mojibake.
//   - Delimiter: of comma, semicolon, tab and bar the one under which the header has most of the declared columns.
//   - Line ends: CRLF, LF or CR, decided by the first one. In a file of LF or CRLF a lone CR is data (and a control character).
//   - Blank lines are skipped. Blanks around column names are trimmed. Names are compared exactly.
//
// Blanks (spaces of any width, tabs) around a key are trimmed, in [source.Row.Key] and where the key column is read as a value;
// every other value is kept as it is, without Unicode normalisation. Text that only a spreadsheet would run (=cmd|…) is data.
// A quote within a field that does not begin with one is data. After a quoted field's closing quote only a delimiter or a line
// end may come.
//
// # Rows that are set aside
//
// One [source.Reject] for each. [source.Reject.Column] is the 1-based number of the field, not a position in the line.
//
//   - A value that is read holds NUL or another C0 or C1 control character (tabs and line breaks are such), a bidirectional
//     control, an unpaired surrogate or invalid UTF-8, or is longer than [Limits.MaxField] characters.
//   - Every row of a key that occurs more than once; with [Config.Changes] the last good one counts, and the good ones before
//     it are no fault.
//   - A row whose key cannot be read for sure: the key is empty, faulty as above or holds an invisible format character; the
//     number of fields differs from the header's; a closing quote is followed by text; a quote is never closed; or a quoted
//     field looks as if it had swallowed rows (it holds n line breaks and n times the delimiters of a row).
//
// Each of the last kind makes the snapshot not proven complete, as nobody can tell who is missing. Text that a broken quote
// swallowed is not read again as rows: whoever can write a line break into a field could smuggle in rows that way.
//
// # A file that is still written
//
// The file is opened once; digest, size and rows come from that open file. It is taken when two looks at least 100 ms apart,
// one before and one after the read, show the same size and time of change. A file whose end looks unfinished (no line end, an
// open quote, 0 bytes) is taken only after it stayed the same for the whole of [Config.Settle]. A file that goes on changing
// is read again, and refused with [ErrGrowing] after [Config.Settle]. A fresh time of change alone proves nothing.
//
// With [Config.Done] the file is taken only if its SHA-256 is the one in the file of that name, whatever its end looks like.
//
// # A file on a server
//
// With [Config.Place] the file lies on a server, which is looked at by name, tells times to the second, and is believed in
// nothing. It is read into a file of this machine that has no name, and then as any other; it must have as many bytes as
// the server says before and after. One that was changed within the last day, by the server's clock, is read only after it
// stayed the same for [Config.Settle], as an upload may halt anywhere; an older one is looked at twice, a second apart, as
// that clock may be wrong. A link is refused.
//
// The package starts no goroutine.
package csv
