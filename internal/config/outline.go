// SPDX-License-Identifier: Apache-2.0

package config

// Outline is the names that a file gives, whatever else is wrong with it.
type Outline struct {
	Sources, Teams, Apps []string
	Attributes           map[string][]string // the mapped paths of each app
}

// Outlined reads the names that people gave out of a file that may be half
// written: for completing a command line, where an error helps nobody.
func Outlined(data []byte) Outline {
	r := &reader{lookup: func(string) (string, bool) { return "", true }}
	o := Outline{Attributes: map[string][]string{}}
	root := r.read(data)
	o.Sources, o.Teams, o.Apps = root.at("sources").keys(), root.at("teams").keys(), root.at("apps").keys()
	for _, app := range o.Apps {
		o.Attributes[app] = root.at("apps").at(app).at("user").keys()
	}
	return o
}

// at is the value of a key, or nil.
func (n *node) at(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key.Value == key {
			return e.value
		}
	}
	return nil
}

func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	out := make([]string, 0, len(n.entries))
	for _, e := range n.entries {
		out = append(out, e.key.Value)
	}
	return out
}
