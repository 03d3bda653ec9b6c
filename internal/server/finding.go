// SPDX-License-Identifier: Apache-2.0

package server

import "github.com/usher-id/usher/internal/config"

// The levels of a Finding.
const (
	FindingOK      = "ok"
	FindingNote    = "note"
	FindingWarning = "warning"
	FindingError   = "error"
)

// Finding is something that was found where a configuration meets the world.
type Finding struct {
	Pos     config.Position // of what it is about; zero: of nothing in the file
	Subject string          // whom it is about: "app crm", "source hr"
	Level   string          // one of the constants
	Text    string          // what is so, in a sentence without a full stop
	Fix     string          // what to do about it; may be empty
}
