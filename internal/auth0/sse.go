// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/rest"
)

// message is what an event stream dispatches.
type message struct {
	kind string // of the event field; "" is "message"
	id   string // of the last id field so far
	data string
}

// sse reads an event stream as the WHATWG's HTML standard has it (§9.2.6): lines end in
// CR, LF or CRLF, a blank one dispatches, a colon begins a comment. Lines, and the
// data of an event, are bounded, which the standard leaves open.
type sse struct {
	from      *bufio.Reader
	line      int // most bytes of a line
	event     int // most bytes of the data of an event
	lastID    string
	retry     time.Duration
	afterCR   bool // a line feed next belongs to the line before
	afterMark bool // the byte order mark, which may come first, is passed
}

// maxReconnect bounds what a stream may ask a client to wait.
const maxReconnect = 5 * time.Minute

func newSSE(from io.Reader, line, event int) *sse {
	return &sse{from: bufio.NewReader(from), line: line, event: event}
}

// next reads up to the next message. An end in the midst of one discards it.
func (s *sse) next() (message, error) {
	var m message
	var data bytes.Buffer
	for {
		line, err := s.readLine()
		if err != nil {
			return message{}, err
		}
		if len(line) == 0 {
			if data.Len() == 0 {
				m.kind = ""
				continue
			}
			m.id = s.lastID
			m.data = strings.TrimSuffix(data.String(), "\n")
			return m, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			m.kind = string(value)
		case "data":
			if data.Len()+len(value) >= s.event {
				return message{}, fmt.Errorf("%w: an event is longer than %d bytes", rest.ErrUnreadable, s.event)
			}
			data.Write(value)
			data.WriteByte('\n')
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				s.lastID = string(value)
			}
		case "retry":
			s.setRetry(string(value))
		}
	}
}

func (s *sse) setRetry(text string) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms > maxReconnect.Milliseconds() {
		ms = maxReconnect.Milliseconds()
	}
	s.retry = time.Duration(ms) * time.Millisecond
}

// readLine reads a line without its end. What has no end is none.
func (s *sse) readLine() ([]byte, error) {
	var line []byte
	for {
		b, err := s.from.ReadByte()
		if err != nil {
			return nil, err
		}
		if s.afterCR {
			s.afterCR = false
			if b == '\n' {
				continue
			}
		}
		switch b {
		case '\r':
			s.afterCR = true
			return s.unmarked(line), nil
		case '\n':
			return s.unmarked(line), nil
		}
		if len(line) >= s.line {
			return nil, fmt.Errorf("%w: a line is longer than %d bytes", rest.ErrUnreadable, s.line)
		}
		line = append(line, b)
	}
}

// unmarked takes the byte order mark off the first line.
func (s *sse) unmarked(line []byte) []byte {
	if !s.afterMark {
		s.afterMark = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	return line
}
