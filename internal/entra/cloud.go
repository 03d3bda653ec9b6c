// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/rest"
)

// DefaultURL is where Graph is, unless the tenant is one of a national cloud.
const DefaultURL = "https://graph.microsoft.com"

// authorities is where the tokens for each address of Graph come from
// (learn.microsoft.com/graph/deployments, read in November 2026).
var authorities = map[string]string{
	"graph.microsoft.com":             "https://login.microsoftonline.com",
	"graph.microsoft.us":              "https://login.microsoftonline.us",
	"dod-graph.microsoft.us":          "https://login.microsoftonline.us",
	"microsoftgraph.chinacloudapi.cn": "https://login.chinacloudapi.cn",
}

// CheckURL says what is wrong with the address of Graph, or of the token endpoint of it.
func CheckURL(graph, authority string) error {
	_, _, err := parseAddresses(graph, authority)
	return err
}

// Authority is where the tokens for an address of Graph come from; "" is not known.
func Authority(graph, authority string) string {
	_, login, err := parseAddresses(graph, authority)
	if err != nil {
		return ""
	}
	return login
}

// parseAddresses also takes the address of Graph with its version behind it.
func parseAddresses(graph, authority string) (base, login string, err error) {
	if graph == "" {
		graph = DefaultURL
	}
	graph = strings.TrimRight(graph, "/")
	if strings.HasSuffix(graph, "/beta") {
		return "", "", errors.New("entra: the address of Graph ends in /beta, which may change any day; end it after the host name")
	}
	base, why := rest.Address(strings.TrimSuffix(graph, apiPath))
	host := ""
	if u, err := url.Parse(base); err == nil {
		host = strings.ToLower(u.Hostname())
	}
	switch {
	case why == "cannot be read":
		why += "; write it like " + DefaultURL
	case host == "graph.windows.net":
		why = "is that of Azure AD Graph, which is retired; write " + DefaultURL
	case strings.HasPrefix(host, "login.") || strings.HasPrefix(host, "portal.") || strings.HasPrefix(host, "entra."):
		why = "is not Graph's, but where people or applications sign in; write " + DefaultURL
	}
	if why != "" {
		return "", "", errors.New("entra: the address of Graph " + why)
	}
	if authority == "" {
		if login = authorities[host]; login == "" {
			return "", "", fmt.Errorf("entra: the address of Graph is of no cloud that is known; take %s, or say by authority where its tokens come from", DefaultURL)
		}
		return base, login, nil
	}
	if login, why = rest.Address(authority); why != "" {
		return "", "", errors.New("entra: the authority's address " + why)
	}
	return base, login, nil
}

var (
	guid   = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	domain = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)+$`)
)

// CheckTenant says what is wrong with the name of a tenant.
func CheckTenant(tenant string) error {
	switch {
	case slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant)):
		return fmt.Errorf("entra: %s stands for any tenant, and an application has to name its own: set the tenant's id, or one of its domains", strings.ToLower(tenant))
	case !guid.MatchString(tenant) && !(domain.MatchString(tenant) && len(tenant) <= 253):
		return errors.New("entra: the tenant is neither an id like 9d2f3c04-… nor a domain like acme.onmicrosoft.com")
	}
	return nil
}

// CheckClientID says what is wrong with the id of an application.
func CheckClientID(id string) error {
	if !guid.MatchString(id) {
		return errors.New("entra: the client id is no id like 9d2f3c04-…; it is what the overview of the app registration calls Application (client) ID")
	}
	return nil
}
