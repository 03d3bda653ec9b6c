// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net/url"
	"regexp"
	"strings"
)

var placeholder = regexp.MustCompile(`\\\{[^}]*\\\}`)

// Recognise is the built-in profile whose address pattern a base URL follows; ok is
// false if none does, or several do. A pattern of which nothing but a placeholder is
// the host says nothing.
func Recognise(baseURL string) (p Profile, ok bool, err error) {
	all, err := Profiles()
	if err != nil {
		return Profile{}, false, err
	}
	base := strings.TrimRight(baseURL, "/")
	found := 0
	for _, one := range all {
		f, err := FactsByID(one.ID)
		if err != nil {
			return Profile{}, false, err
		}
		if one.Kind != "scim2" {
			continue
		}
		for _, pattern := range append([]string{f.BaseURLTemplate}, f.BaseURLVariants...) {
			if follows(base, pattern) {
				p = one
				found++
				break
			}
		}
	}
	return p, found == 1, nil
}

// follows tells whether a URL is one of a pattern's, in which braces stand for a part
// between slashes, or for several at its end.
func follows(base, pattern string) bool {
	pattern, _, _ = strings.Cut(strings.TrimRight(pattern, "/"), " ")
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(pattern))
	if err != nil || u.Scheme != "https" {
		return false
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(pattern, "https://"), "/")
	if i := strings.LastIndex(host, "}"); i >= 0 && strings.Count(host[i+1:], ".") < 2 {
		return false // {host}, or {host}.com
	}
	expr := placeholder.ReplaceAllString(regexp.QuoteMeta(pattern), `[^/]+`)
	re, err := regexp.Compile(`(?i)^` + expr + `$`)
	return err == nil && re.MatchString(base)
}
