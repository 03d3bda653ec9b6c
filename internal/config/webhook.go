// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"time"
)

// Webhook is by what a source is known that calls us.
type Webhook struct {
	Pos     Position `json:"-"`
	Secrets []Secret `json:"secrets"` // one, or two while one is exchanged for the other
	Header  Text     `json:"header"`  // which holds it
	// Stream is the event stream (est_…) whose failed deliveries are asked for again;
	// empty = they are not.
	Stream Text `json:"stream"`

	// Of SourceHTTP, how a call is signed and of whom it speaks:
	Algorithm string     `json:"algorithm,omitzero"` // HookSHA256, HookSHA512 or HookSecret
	Encoding  string     `json:"encoding,omitzero"`  // HookHex or HookBase64
	Prefix    Text       `json:"prefix,omitzero"`
	Signed    Text       `json:"signed,omitzero"` // what is signed, with {body} and {timestamp}; empty = the body
	Timestamp *Timestamp `json:"timestamp,omitempty"`
	Person    Text       `json:"person,omitzero"` // path to the ids; empty = it tells of nobody
	Event     Text       `json:"event,omitzero"`  // path to what tells a call from every other; empty = nothing does
	Revoke    *Revoke    `json:"revoke,omitempty"`
	Unrevoked string     `json:"-"`             // why what the maker's file has as revoke does not count; empty = it does
	Ping      Text       `json:"ping,omitzero"` // what is sent unsigned, to try whether somebody is there; empty = nothing is
}

// Revoke is by what a call is known that ends all access of its people at once.
type Revoke struct {
	Pos    Position `json:"-"`
	Path   Text     `json:"path"`        // to what says so
	Values []Text   `json:"values"`      // by which of these; empty = no call does
	At     Text     `json:"at,omitzero"` // path to when it happened; empty = when the call was signed
}

// Timestamp is where a call says when it was signed.
type Timestamp struct {
	Header Text     `json:"header"`
	Form   string   `json:"form"`
	Within Duration `json:"within"`
}

// The values of Webhook.Algorithm and Webhook.Encoding.
const (
	HookSHA256 = "sha256" // HMAC
	HookSHA512 = "sha512"
	HookSecret = "secret" // nothing is signed: the header holds the secret itself
	HookHex    = "hex"
	HookBase64 = "base64"
)

const (
	defaultHeader   = "Authorization"
	mostSecrets     = 2
	shortestSecret  = 16
	tooShortAdvice  = "make one with openssl rand -base64 32"
	longestHookName = 64
)

var statedKinds = []string{"roles", "organizations", "groups"}

func (d *decoder) webhook(n *node, kind, what string) *Webhook {
	what = "webhook of " + what
	w := &Webhook{Pos: n.pos, Header: Text{Value: defaultHeader, Pos: n.pos}}
	fields := []field{
		{key: "secrets", required: true, read: func(n *node) { w.Secrets = d.secrets(n, what) }},
		{key: "header", read: func(n *node) {
			set(&w.Header)(d.text(n, "header of "+what))
			if !isToken(w.Header.Value) && n.shape == nil {
				d.fail(n.pos, "header of "+what+" is no name of a header", "such as Authorization or X-Usher-Secret")
			}
		}},
		{key: "stream", read: func(n *node) { w.Stream, _ = d.text(n, "stream of "+what) }},
	}
	ofAuth0 := len(fields) - 1 // and the following are of http
	d.section(n, what, n.pos, append(fields, d.signature(w, what)...)...)
	if n.kind != kindMap {
		return w
	}
	for _, e := range n.entries {
		ours := isSignature(e.key.Value)
		switch {
		case kind == SourceHTTP && e.key.Value == fields[ofAuth0].key:
			d.fail(e.key.Pos, e.key.Value+" of "+what+" is for type: "+SourceAuth0, "remove it")
		case kind != SourceHTTP && ours:
			d.fail(e.key.Pos, e.key.Value+" of "+what+" is for type: "+SourceHTTP, "remove it")
		}
	}
	if kind == SourceHTTP {
		d.signed(n, w, what)
	}
	return w
}

func isSignature(key string) bool {
	return slices.Contains([]string{"algorithm", "encoding", "prefix", "signed", "timestamp", "person", "event", "revoke", "ping"}, key)
}

// signature are the keys that say how a call is signed and of whom it speaks.
func (d *decoder) signature(w *Webhook, what string) []field {
	return []field{
		{key: "algorithm", read: func(n *node) {
			t, _ := d.choice(n, "algorithm of "+what, HookSHA256, HookSHA512, HookSecret)
			w.Algorithm = t.Value
		}},
		{key: "encoding", read: func(n *node) {
			t, _ := d.choice(n, "encoding of "+what, HookHex, HookBase64)
			w.Encoding = t.Value
		}},
		{key: "prefix", read: func(n *node) { w.Prefix, _ = d.text(n, "prefix of "+what) }},
		{key: "signed", read: func(n *node) { w.Signed, _ = d.text(n, "signed of "+what) }},
		{key: "timestamp", read: func(n *node) { w.Timestamp = d.timestamp(n, "timestamp of "+what) }},
		{key: "person", read: func(n *node) { w.Person, _ = d.text(n, "person of "+what) }},
		{key: "event", read: func(n *node) { w.Event, _ = d.text(n, "event of "+what) }},
		{key: "revoke", read: func(n *node) { w.Revoke = d.revoke(n, "revoke of "+what) }},
		{key: "ping", read: func(n *node) { w.Ping, _ = d.text(n, "ping of "+what) }},
	}
}

func (d *decoder) revoke(n *node, what string) *Revoke {
	r := &Revoke{Pos: n.pos}
	d.section(n, what, n.pos,
		field{key: "path", required: true, read: func(n *node) { r.Path, _ = d.text(n, "path of "+what) }},
		field{key: "values", required: true, read: func(n *node) { r.Values, _ = d.texts(n, "values of "+what, "value") }},
		field{key: "at", read: func(n *node) { r.At, _ = d.text(n, "at of "+what) }},
	)
	return r
}

// revokeChecked refuses calls that would end nobody's access. Those that nobody wrote, as
// they are a maker's, are left out: a configuration that held without them still does.
func (d *decoder) revokeChecked(s Source, what string) {
	w := s.Webhook
	if w == nil || w.Revoke == nil || len(w.Revoke.Values) == 0 {
		return
	}
	msg, hint := "", ""
	record, known := personOf(s)
	switch key := slices.IndexFunc(s.Columns, func(c Text) bool { return c.Value == s.Key.Value }); {
	case w.Algorithm == HookSecret:
		msg, hint = "cannot be with algorithm: secret, as such a call is not signed", "whoever has seen one knows the secret, and could end anybody's access: remove it, or have the calls signed"
	case len(s.Match) > 0 && s.Unmatched != UnmatchedFound:
		msg, hint = "has no use: its rows only add to people", "who holds nobody ends nobody's access: remove it, or write unmatched: found"
	case known && key >= 0 && strings.TrimPrefix(s.HTTP.Paths[key].Value, "/") != record:
		msg = "would end nobody's access: " + w.Person.Value + " of a call is " + record + " of a record, and the key is " + s.HTTP.Paths[key].Value
		hint = "take " + record + " as the key, or let person lead to what the key is"
	default:
		return
	}
	if s.Maker != "" && w.Revoke.Pos == s.Type.Pos { // see filled
		w.Revoke, w.Unrevoked = nil, msg
		return
	}
	d.fail(w.Revoke.Pos, "revoke in webhook of "+what+" "+msg, hint)
}

// personOf is where a record has what person in a webhook leads to, if that is the maker's:
// it is the key of the maker's file.
func personOf(s Source) (path string, known bool) {
	if s.Maker == "" {
		return "", false
	}
	file := maker(s.Maker)
	hook, key, columns := file.at("webhook"), file.at("key"), file.at("columns")
	if hook == nil || key == nil || columns == nil || hook.at("person") == nil || hook.at("person").value != s.Webhook.Person.Value {
		return "", false
	}
	column := columns.at(key.value)
	if column == nil {
		return "", false
	}
	return column.value, column.value != ""
}

// longestWithin bounds for how long a call that was overheard could be sent again.
const longestWithin = time.Hour

func (d *decoder) timestamp(n *node, what string) *Timestamp {
	t := &Timestamp{Form: "unix", Within: Duration(5 * time.Minute)}
	d.section(n, what, n.pos,
		field{key: "header", required: true, read: func(n *node) {
			t.Header, _ = d.text(n, "header of "+what)
			if n.shape == nil && !t.Header.IsZero() && !isToken(t.Header.Value) {
				d.fail(n.pos, "header of "+what+" is no name of a header", "such as X-Timestamp")
			}
		}},
		field{key: "form", read: func(n *node) {
			if v, ok := d.choice(n, "form of "+what, timeForms()...); ok {
				t.Form = v.Value
			}
		}},
		field{key: "within", read: func(n *node) { set(&t.Within)(d.duration(n, "within of "+what, time.Second, longestWithin)) }},
	)
	return t
}

// signed checks what of a webhook of type http depends on more than one key.
func (d *decoder) signed(n *node, w *Webhook, what string) {
	if n.at("algorithm") == nil {
		d.fail(n.pos, what+" has no algorithm", "sha256 or sha512 for an HMAC, secret if the header holds the secret itself")
	}
	if n.at("header") == nil {
		d.fail(n.pos, what+" has no header", "it must have one, which holds the signature")
	}
	if w.Encoding == "" && w.Algorithm != HookSecret {
		w.Encoding = HookHex
	}
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
