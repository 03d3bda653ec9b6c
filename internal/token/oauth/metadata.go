// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
)

// Where clients look for the metadata (RFC 8414 §3, RFC 9728 §3); the path of the
// resource follows the second.
const (
	serverMetadata   = "/.well-known/oauth-authorization-server"
	resourceMetadata = "/.well-known/oauth-protected-resource"
)

func (s *Server) endpoint() string { return s.c.Issuer + path }

// Challenge is the WWW-Authenticate of a 401 at the resource: where a client learns
// who issues tokens for it (RFC 9728 §5.1).
func (s *Server) Challenge() string {
	return `Bearer realm="scim", resource_metadata="` + s.c.Issuer + resourceMetadata + s.c.Resource + `"`
}

func (s *Server) describeServer(w http.ResponseWriter, _ *http.Request) {
	describe(w, struct {
		Issuer     string   `json:"issuer"`
		Endpoint   string   `json:"token_endpoint"`
		Responses  []string `json:"response_types_supported"` // required, and there is no authorization endpoint
		Grants     []string `json:"grant_types_supported"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
		Algorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
		Scopes     []string `json:"scopes_supported"`
		Resources  []string `json:"protected_resources"` // RFC 9728 §4
	}{
		s.c.Issuer, s.endpoint(),
		[]string{},
		[]string{"client_credentials"},
		[]string{"private_key_jwt"},
		Algorithms(),
		[]string{Scope},
		[]string{s.c.Issuer + s.c.Resource},
	})
}

func (s *Server) describeResource(w http.ResponseWriter, _ *http.Request) {
	describe(w, struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
		Methods  []string `json:"bearer_methods_supported"`
		Name     string   `json:"resource_name"`
	}{s.c.Issuer + s.c.Resource, []string{s.c.Issuer}, []string{Scope}, []string{"header"}, "SCIM 2.0"})
}

func describe(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.MarshalWrite(w, v) // who has hung up needs no answer
}

// readAll reads a body that is bounded.
func readAll(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	return string(body), err
}
