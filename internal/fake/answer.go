// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
)

const maxBody = 1 << 20

// Body reads that of a request, of 1 MiB at most. If it cannot, it has answered.
func Body(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return nil, false
	}
	return body, true
}

// Answer answers with a document in JSON, of which contentType is the maker's way to say
// so, or with a status alone if it is nil.
func Answer(w http.ResponseWriter, status int, contentType string, document any) {
	if document == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(document, json.Deterministic(true))
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(text) // nobody is there to be told
}

// Base is where a fake is, as the client of a request knows it.
func Base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
