// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/scim"
)

// Own is [Mapping] for an app by an API of a maker's own, of which an examination has shown
// what there is to be compared with.
func Own(p app.Profile, x app.Examination, s Sent) []Finding {
	c := newCheck(p, app.Discovery{}, s)
	c.unsent(s)
	for _, r := range x.Lacks {
		c.add(*orElse(s.Groups, &s.Pos), Error, r.Text, r.Fix)
	}
	for _, r := range x.Unsaid {
		c.add(s.Pos, Note, "not compared: "+r.Text, r.Fix)
	}
	for _, r := range c.sent.Rules {
		f := fieldOf(x, r.Path)
		if f == nil || c.takes(x, r.At, r.Written, *f) {
			if r.Constant != nil && !r.empty() {
				c.text(x, r, f, r.From, *r.Constant)
			}
		}
	}
	if external := (scim.Path{Attr: "externalId"}); c.sent.ExternalID && c.line(external) == nil {
		if f := fieldOf(x, external); f != nil {
			c.takes(x, s.Pos, "externalId", *f)
		}
	}
	c.required()
	c.requiredFields(x)
	return c.sorted()
}

// OwnResource is [Resource] for an app by an API of a maker's own.
func OwnResource(p app.Profile, x app.Examination, s Sent, u *scim.Resource) []Finding {
	c := newCheck(p, app.Discovery{}, s)
	for _, r := range c.sent.Rules {
		v, _ := u.At(r.Path)
		if r.Constant == nil && !v.IsUnassigned() {
			c.text(x, r, fieldOf(x, r.Path), r.At, v)
		}
	}
	c.lacks(u)
	for _, f := range x.Fields {
		if !f.Required || c.demanded(f) {
			continue
		}
		if r := c.lineOf(f); r != nil && !slices.ContainsFunc(f.Paths, func(p scim.Path) bool { return has(u, p) }) {
			c.add(r.At, Error, fmt.Sprintf("%s requires %s (%s), and there is no value", x.Maker, r.Written, f.Name), "complete the person, or give the expression another value: or(…)")
		}
	}
	return c.sorted()
}

func orElse(pos, other *config.Position) *config.Position {
	if pos == nil {
		return other
	}
	return pos
}

// fieldOf is where an attribute goes, nil if that is not told.
func fieldOf(x app.Examination, p scim.Path) *app.Field {
	for i, f := range x.Fields {
		if slices.ContainsFunc(f.Paths, p.Equal) {
			return &x.Fields[i]
		}
	}
	return nil
}

// line is the rule of a path, and lineOf one that writes to a field; nil if there is none
// that gives anybody a value.
func (c *check) line(p scim.Path) *Rule {
	for i, r := range c.sent.Rules {
		if r.Path.Equal(p) && !r.empty() {
			return &c.sent.Rules[i]
		}
	}
	return nil
}

func (c *check) lineOf(f app.Field) *Rule {
	for _, p := range f.Paths {
		if r := c.line(p); r != nil {
			return r
		}
	}
	return nil
}

// takes reports whether a field takes what is written to it: text.
func (c *check) takes(x app.Examination, pos config.Position, written string, f app.Field) bool {
	switch {
	case f.Absent:
		c.add(pos, Error, fmt.Sprintf("%s goes into %s, which %s does not have: it is refused", written, f.Name, x.Said), "add the field there, or take the line out of this app's mapping")
	case f.ReadOnly:
		c.add(pos, Error, fmt.Sprintf("%s goes into %s, which is read-only there: what is sent is ignored, or refused", written, f.Name), "take the line out of this app's mapping")
	case f.Type != "" && f.Type != "string":
		c.add(pos, Error, fmt.Sprintf("%s goes into %s, which is no text there (%s), and text is sent", written, f.Name, f.Type), "take the line out of this app's mapping")
	default:
		return true
	}
	return false
}

// text compares a value with its field, nil if nothing is told of it, and with what the
// profile knows.
func (c *check) text(x app.Examination, r Rule, f *app.Field, pos config.Position, v scim.Value) {
	s, ok := v.AsString()
	if !ok {
		return
	}
	n := utf8.RuneCountInString(s)
	switch {
	case f == nil:
	case f.Most > 0 && n > f.Most:
		c.add(pos, Error, fmt.Sprintf("%s has %d characters, and %s of %s takes %d", r.Written, n, f.Name, x.Maker, f.Most), "shorten it in the mapping")
		return
	case n < f.Least:
		c.add(pos, Error, fmt.Sprintf("%s has %d characters, and %s of %s takes no fewer than %d", r.Written, n, f.Name, x.Maker, f.Least), "change it in the mapping")
		return
	case len(f.Values) > 0 && !slices.Contains(f.Values, s):
		const most = 12
		more := ""
		if len(f.Values) > most {
			more = ", …"
		}
		c.add(pos, Error, fmt.Sprintf("%s is none of the values that %s of %s takes", r.Written, f.Name, x.Maker),
			"it takes "+strings.Join(f.Values[:min(len(f.Values), most)], ", ")+more)
		return
	}
	path := r.Path
	path.Filter = nil
	c.length(pos, r.Written, path, v)
}

// demanded tells of a field that the profile says to be required, which is compared by that.
func (c *check) demanded(f app.Field) bool {
	return slices.ContainsFunc(c.profile.Required, func(need app.Requirement) bool {
		return slices.ContainsFunc(need.Any, func(p scim.Path) bool { return slices.ContainsFunc(f.Paths, p.Equal) })
	})
}

// requiredFields looks for what the account wants and no line of the mapping gives.
func (c *check) requiredFields(x app.Examination) {
	for _, f := range x.Fields {
		external := slices.ContainsFunc(f.Paths, func(p scim.Path) bool { return p.Equal(scim.Path{Attr: "externalId"}) })
		switch {
		case !f.Required || f.ReadOnly || c.demanded(f) || c.lineOf(f) != nil || external && c.sent.ExternalID:
		case len(f.Paths) == 0:
			c.add(c.sent.Pos, Error, fmt.Sprintf("%s requires %s, which nothing can be mapped to: nobody can be made", x.Maker, f.Name), "make it not required there")
		default:
			c.add(c.sent.Pos, Error, fmt.Sprintf("%s requires %s, which no line of the mapping gives", x.Maker, f.Name), "map "+f.Paths[0].String())
		}
	}
}

// ExplainOwn is [Explain] for an app by an API of a maker's own.
func ExplainOwn(err error, p app.Profile) (text, fix string) {
	e := app.Classify(err)
	if e == nil {
		return "", ""
	}
	address := "see to url"
	if strings.Contains(p.BaseURLTemplate, "://") {
		address = fmt.Sprintf("%s has %s", p.Name, p.BaseURLTemplate)
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(e, dial.ErrAddress):
		return "its address is one that is shut: " + cause(e), "open it with allow, if that is meant"
	case e.Status/100 == 3:
		return fmt.Sprintf("url leads elsewhere: it redirects (%d), which is not followed, as the credential would go along", e.Status), "set url to where it leads; " + address
	case e.Err != nil && e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError, e.Err != nil && e.Status == 0 && !passing(e):
		what, fix, _ := strings.Cut(e.Err.Error(), "; ") // the client has said what is wrong with which part of the credential
		return "there is no way in: " + what, fix
	case errors.As(e, &dns) && dns.IsNotFound:
		return "the host name in url is wrong: there is no " + dns.Name, address
	case errors.As(e, &cert):
		return "the host in url cannot prove who it is (TLS certificate): " + cause(e), "see that url names the maker's own host"
	case errors.Is(e, rest.ErrUnreadable):
		return "what answers at url is not the API: " + cause(e), address
	case e.Status == http.StatusUnauthorized:
		return "the credential is wrong, has expired or is of another account: it is not taken (401)" + detail(e), "make a new one, and see that url is of the same account; " + address
	case e.Status == http.StatusForbidden:
		return "the credential is known, and may not read users (403)" + detail(e), credentialOf(p)
	case e.Status == http.StatusNotFound, e.Status == http.StatusMethodNotAllowed:
		return fmt.Sprintf("url is wrong: there is no such API (%d)%s", e.Status, detail(e)), address
	case errors.Is(e, context.DeadlineExceeded):
		return "it does not answer in time", "try again; if it stays so, see that url is right"
	case e.Class == app.Unreachable:
		return "nothing can be reached: " + cause(e), address
	case e.Status == http.StatusTooManyRequests, e.RetryAfter > 0:
		return fmt.Sprintf("it is asked too often (%d)", e.Status), "try again later"
	}
	return "it cannot answer: " + reason(e), "try again; if it stays so, see that url is right"
}

// passing tells of a lack of an answer that is of the network or of time, and of nothing in
// the configuration that a client has words for.
func passing(e *app.Error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	return errors.As(e, &op) || errors.As(e, &dns) || errors.As(e, &cert) || errors.Is(e, context.DeadlineExceeded) || errors.Is(e, context.Canceled) || errors.Is(e, rest.ErrUnreadable)
}

// credentialOf says what a profile knows of the credential that it takes.
func credentialOf(p app.Profile) string {
	f, err := app.FactsByID(p.ID)
	if err != nil || f.Auth.Token == "" {
		return "give it the role or the scope for that"
	}
	return "it takes " + f.Auth.Token
}
