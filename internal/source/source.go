// SPDX-License-Identifier: Apache-2.0

package source

import "time"

// Reject says why one record of a snapshot is set aside.
type Reject struct {
	// Line is the 1-based line of the file in which the record starts.
	Line int
	// Column is the 1-based number of the field within its record, as a spreadsheet counts; 0 means the whole record.
	Column int
	// Field is the column's name; empty if the whole record is meant.
	Field string
	// Key is empty when it could not be read for sure. A key that stands here was seen: its person is not absent.
	Key string
	// Reason names the nature of the fault and never repeats a field's value, as that may be personal.
	Reason string
}

// Proof says what was read, and whether absence from it means anything.
type Proof struct {
	// Complete is false when the snapshot may lack people who belong to it; no absence may be acted on then.
	Complete bool
	// Reason says why the snapshot is not complete; empty if it is.
	Reason string
	// Rows counts the rows that were delivered, Rejected those that were set aside.
	Rows, Rejected int
	// Digest is the SHA-256 of the bytes from which the rows come, Size their number.
	Digest [32]byte
	Size   int64
	// ModTime is the file's; it proves nothing and serves for display.
	ModTime time.Time
}
