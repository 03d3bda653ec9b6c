// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// Property is what the org's schema says of an attribute beside its name: of one of those
// that each profile has, or of one of the org's own, which is in Config.Attributes as well.
type Property struct {
	Required, ReadOnly bool
	Type               string // default "string"
	Most               int    // characters; default 100
	Enum               []string
}

// getSchema is GET /meta/schemas/user/default, for whoever has okta.schemas.read.
func getSchema(c *call) (answer, error) {
	part := func(names []string) map[string]any {
		properties := map[string]any{}
		for _, name := range names {
			p := c.cfg.Schema[name]
			d := map[string]any{"title": name, "type": "string", "maxLength": 100, "mutability": "READ_WRITE", "scope": "NONE"}
			if p.Type != "" {
				d["type"] = p.Type
			}
			if p.Most > 0 {
				d["maxLength"] = p.Most
			}
			if p.ReadOnly {
				d["mutability"] = "READ_ONLY"
			}
			if p.Required || slices.Contains(required, name) {
				d["required"] = true
			}
			if len(p.Enum) > 0 {
				d["enum"] = p.Enum
			}
			properties[name] = d
		}
		return map[string]any{"type": "object", "properties": properties}
	}
	has := slices.DeleteFunc(slices.Clone(base), func(name string) bool { return slices.Contains(c.cfg.Without, name) })
	return answer{status: http.StatusOK, body: map[string]any{
		"name": "user", "type": "object", "definitions": map[string]any{"base": part(has), "custom": part(c.cfg.Attributes)},
	}}, nil
}

// conforms holds a profile to be against what the schema says beside types.
func (o *Org) conforms(of *user, p map[string]any) *refusal {
	for name, say := range o.cfg.Schema {
		s, _ := p[name].(string)
		_, named := p[name]
		switch {
		case say.Required && s == "" && (named || of == nil):
			return invalid(name, name+": The field cannot be left blank")
		case s == "":
		case say.ReadOnly:
			return invalid(name, name+": The property is read only")
		case say.Most > 0 && utf8.RuneCountInString(s) > say.Most:
			return invalid(name, fmt.Sprintf("%s: String is too long, it may have %d characters", name, say.Most))
		case len(say.Enum) > 0 && !slices.Contains(say.Enum, s):
			return invalid(name, name+": The value is none of the enumeration")
		}
	}
	return nil
}
