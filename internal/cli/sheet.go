// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// sheet prints paragraphs with labels on their left: a label once, and lines
// that end between words.
type sheet struct {
	w     io.Writer
	label string
	err   error
}

const (
	sheetLabel = 14  // columns for a label
	sheetWidth = 100 // columns in all, unless a word is longer
)

// under sets the label of the lines that follow.
func (s *sheet) under(label string) { s.label = label }

// line prints one paragraph; "" prints none. One that begins with "- " hangs.
func (s *sheet) line(text string) {
	text, listed := strings.CutPrefix(printable(text), "- ")
	hang := ""
	if listed {
		hang = "- "
	}
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && sheetLabel+utf8.RuneCountInString(hang+line+" "+word) > sheetWidth {
			s.print(hang + line)
			hang, line = strings.Repeat(" ", len(hang)), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		s.print(hang + line)
	}
}

func (s *sheet) print(line string) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, "%-*s%s\n", sheetLabel, s.label, line)
	}
	s.label = ""
}

// linef prints one paragraph.
func (s *sheet) linef(format string, args ...any) { s.line(fmt.Sprintf(format, args...)) }
