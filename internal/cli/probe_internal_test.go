// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"io"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
)

// An interrupt ends a question that nobody answers.
func TestQuestionEndsWithItsContext(t *testing.T) {
	in, out := io.Pipe()
	defer func() { _ = out.Close() }() // a pipe's never fails
	ctx, cancel := context.WithCancel(t.Context())
	lines := bufio.NewReader(in)
	done := make(chan bool, 1)
	go func() {
		_, ok := typed(ctx, lines)
		done <- ok
	}()
	cancel()
	select {
	case ok := <-done:
		if ok {
			t.Error("an interrupt counts as an answer")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the question waits on")
	}
	if _, ok := typed(ctx, lines); ok {
		t.Error("another question is asked after it")
	}
}

func TestQuestionIsAnswered(t *testing.T) {
	in, out := io.Pipe()
	lines := bufio.NewReader(in)
	go func() {
		_, _ = io.WriteString(out, "yes\n") // it is read below
		_ = out.Close()
	}()
	if line, ok := typed(t.Context(), lines); !ok || line != "yes\n" {
		t.Errorf("%q, %v", line, ok)
	}
	if line, ok := typed(t.Context(), lines); ok {
		t.Errorf("at the end of the input: %q", line)
	}
}

// Where nothing ends an account, that is what is said, and nothing of a way back.
func TestNobodyShutOut(t *testing.T) {
	if got := leaves(app.Profile{Leaver: "NOT SHUT OUT by active=false, nor by DELETE"}); got != "is NOT SHUT OUT by active=false, nor by DELETE there" {
		t.Errorf("%q", got)
	}
}
