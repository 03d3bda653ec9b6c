// SPDX-License-Identifier: Apache-2.0

package config

// Webhook is by what a source is known that calls us.
type Webhook struct {
	Pos     Position `json:"-"`
	Secrets []Secret `json:"secrets"` // one, or two while one is exchanged for the other
	Header  Text     `json:"header"`  // which holds it
	// Stream is the event stream (est_…) whose failed deliveries are asked for again;
	// empty = they are not.
	Stream Text `json:"stream"`
}

const (
	defaultHeader   = "Authorization"
	mostSecrets     = 2
	shortestSecret  = 16
	tooShortAdvice  = "make one with openssl rand -base64 32"
	longestHookName = 64
)

var statedKinds = []string{"roles", "organizations", "groups"}

func (d *decoder) webhook(n *node, what string) *Webhook {
	what = "webhook of " + what
	w := &Webhook{Pos: n.pos, Header: Text{Value: defaultHeader, Pos: n.pos}}
	d.section(n, what, n.pos,
		field{key: "secrets", required: true, read: func(n *node) { w.Secrets = d.secrets(n, what) }},
		field{key: "header", read: func(n *node) {
			set(&w.Header)(d.text(n, "header of "+what))
			if !isToken(w.Header.Value) && n.shape == nil {
				d.fail(n.pos, "header of "+what+" is no name of a header", "such as Authorization or X-Usher-Secret")
			}
		}},
		field{key: "stream", read: func(n *node) { w.Stream, _ = d.text(n, "stream of "+what) }},
	)
	return w
}

func (d *decoder) secrets(n *node, what string) []Secret {
	if n.shape != nil {
		item := probe()
		d.secret(item, "secret")
		n.fits(Schema{Type: Types{"array"}, Items: item.shape})
		return nil
	}
	if !d.is(n, "secrets of "+what, "a list", kindList) {
		return nil
	}
	if len(n.items) == 0 || len(n.items) > mostSecrets {
		d.fail(n.pos, "secrets of "+what+" must be one or two", "the one in use, and the one that follows it")
	}
	var out []Secret
	for _, item := range n.items {
		s := d.secret(item, "a secret of "+what)
		if s.Ref() == "" && s.Reveal() != "" && len(s.Reveal()) < shortestSecret {
			d.fail(item.pos, "a secret of "+what+" is shorter than 16 characters", tooShortAdvice)
		}
		out = append(out, s)
	}
	return out
}

// isToken reports whether s is a token as RFC 9110 §5.6.2 has it.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= longestHookName
}

// hooked checks that a source says how it is called exactly if it is.
func (d *decoder) hooked(n *node, s Source, what string) {
	if n.kind != kindMap || s.Type.Value != SourceAuth0 {
		return
	}
	switch {
	case s.Changes == ChangesWebhook && n.at("webhook") == nil:
		d.fail(s.Pos, what+" has no webhook", "it must have one, with changes: webhook")
	case s.Changes != ChangesWebhook && s.Webhook != nil:
		d.fail(s.Webhook.Pos, "webhook of "+what+" is for changes: webhook", "remove it")
	}
}
