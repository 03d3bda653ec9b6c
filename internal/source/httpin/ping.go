// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"io"
	"net/http"
	"strings"

	"github.com/usher-id/usher/internal/jsonpath"
)

// Bounds of what a call may cost that nobody has signed.
const (
	mostPing    = 1 << 10 // bytes
	pingsAtOnce = 4
)

// pings answers calls by which a system tries whether somebody is there, which some send
// unsigned, and without an answer to which they do not call at all. They do nothing.
type pings struct {
	text string // "" takes none
	busy chan struct{}
}

// is reports whether a call is one: it says no more than the text, and has no signature.
// Few are read at once, so that whoever has no secret fills nobody's place but theirs.
func (p pings) is(r *http.Request, header string) bool {
	if p.text == "" || len(r.Header.Values(header)) > 0 || r.ContentLength <= 0 || r.ContentLength > mostPing {
		return false
	}
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	default:
		return false
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, mostPing))
	if err != nil {
		return false
	}
	if strings.TrimSpace(string(body)) == p.text {
		return true
	}
	v, err := jsonpath.Parse(body)
	if err != nil {
		return false
	}
	if v.Kind == '{' && len(v.Items) == 1 {
		v = v.Items[0]
	}
	return v.Kind == '"' && v.String() == p.text
}
