// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
)

// The exit codes that scripts rely on. If several hold, the order is 2, 1, 3,
// 4, 0; 5 is asked for with plan --detailed-exitcode.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2 // wrong usage or configuration
	exitHeld    = 3 // held by a guard: somebody must decide
	exitAside   = 4 // done, but something was set aside
	exitChanges = 5 // plan only: there are changes
)

// usageError is a mistake in how a command was called.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// codeError ends a command with a code and without a message: the document
// that it printed says everything.
type codeError int

func (c codeError) Error() string { return "" }

// exitCode is total: whatever is not known is a failure.
func exitCode(err error) int {
	var code codeError
	var usage usageError
	var mistakes config.Errors
	var mistake *config.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage), errors.As(err, &mistakes), errors.As(err, &mistake):
		return exitUsage
	}
	return exitFailed
}

// verdict is the code of a cycle that ran to its end.
func verdict(doc *server.Document, planned bool) error {
	switch {
	case doc.Stopped:
		return codeError(exitFailed)
	case len(doc.Holds) > 0:
		return codeError(exitHeld)
	case aside(doc, planned):
		return codeError(exitAside)
	}
	return nil
}

func aside(doc *server.Document, planned bool) bool {
	if doc.RejectedRows > 0 || len(doc.Problems) > 0 {
		return true
	}
	for _, s := range doc.Sources {
		if !s.Complete && !s.Replay { // an older file proves nothing, and asks for nothing
			return true
		}
	}
	for _, a := range doc.Apps {
		if a.Parked > 0 || a.Paused != "" || !planned && a.Waiting > 0 {
			return true
		}
	}
	return false
}
