// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

// Path is where in a JSON text a value is.
type Path = jsonpath.Path

// ParsePath reads a path. Errors say what is wrong, and not where it stands.
func ParsePath(text string) (Path, error) { return jsonpath.ParsePath(text) }

// Config says how a list is had and what of it is wanted. URL, Key, Columns and HTTP are
// required.
type Config struct {
	URL     string // https://hr.example/employees, may have a query
	Method  string // GET (the default), or POST for a search
	Body    string // of a POST: JSON
	Headers []Header
	Auth    httpauth.Auth

	// List leads to the array of records, or with [*] behind it to an object of which they
	// are the values. The zero Path is the answer itself.
	List    Path
	Key     Path // to the immutable id, in a record
	Columns []Column
	// Total is where an answer tells how many records the whole list has; nil: nowhere.
	Total  *Path
	Paging Paging
	With   []Detail // what is told of each record in a request of its own, in this order
	One    *One     // how one record is had by its id; nil: it cannot be
	Since  *Since   // how it is asked who has changed; nil: it cannot be
	// Feed has the records instead, where they are no JSON in pages; nil: they are. URL is
	// where its messages go.
	Feed Feed

	HTTP              http.RoundTripper
	Timeout           time.Duration // of one request with its answer; default 30 s
	RequestsPerSecond float64       // 0: no limit
	Limits            Limits
}

// Header is a header that goes along with each request; not for credentials.
type Header struct{ Name, Value string }

// Column is a value of a record that is read.
type Column struct {
	Name string
	Path Path
	Take Take // which value counts, if the path leads to several
	// Optional says that no record needs to have it. A column that is not, and that is in
	// no record at all, was renamed or is hidden from us: nothing is taken then.
	Optional bool
}

// Since is how it is asked which records have changed.
type Since struct {
	URL   string // of the same origin as the list's
	List  Path   // to the array of records, or of ids
	Key   Path   // to the id in a record; the zero Path is the record itself
	Param string // of the query, which gets the time
	// Value is what Param is, with {time} in it, such as updated_at ge {time}; "" is the
	// time alone.
	Value string
	Form  TimeForm
	Every time.Duration // default 5 min
	// Overlap is by how much earlier than the last look is asked for; default 2 min.
	Overlap time.Duration
	Paged   bool // it goes on as the list does
}

// PagingKind is how a list goes on.
type PagingKind string

// The kinds of paging.
const (
	PagingNone   PagingKind = ""
	PagingPage   PagingKind = "page"        // pages are numbered
	PagingOffset PagingKind = "offset"      // a page begins behind so many records
	PagingCursor PagingKind = "cursor"      // an answer holds what leads to the next one
	PagingNext   PagingKind = "next_link"   // an answer holds the address of the next one
	PagingLink   PagingKind = "link_header" // a header does (RFC 8288, rel="next")
)

// Paging is how a list goes on behind its first page.
type Paging struct {
	Kind      PagingKind
	Param     string // of the query: page, offset or cursor
	SizeParam string // of the query, which gets Size; "" sends none
	Size      int    // how many records a page has at most; 0: not known
	First     int    // number of the first page, or the first offset
	Next      Path   // to the cursor or the address
	More      *Path  // to true or false: whether there is another page; nil: nowhere
}

// Limits bound what a list may cost. A zero field means its default.
type Limits struct {
	PageBytes int64         // of one answer, unpacked; 64 MiB
	Pages     int           // 20,000
	People    int           // 1 million
	Tries     int           // of one request, the first included; 4
	Pause     time.Duration // before the second try, doubled from then on; 500 ms
	Wait      time.Duration // that a Retry-After may ask for; 5 min
	// Closely is up to how many who are absent are asked for by their ids; 200.
	Closely int
	Details int // how many may be asked for one by one in a read; 100,000
	Items   int // that a list told of one record may have; 1,000
}

func (l Limits) withDefaults() Limits {
	return Limits{
		PageBytes: cmp.Or(l.PageBytes, 64<<20), Pages: cmp.Or(l.Pages, 20_000), People: cmp.Or(l.People, 1_000_000),
		Tries: cmp.Or(l.Tries, 4), Pause: cmp.Or(l.Pause, 500*time.Millisecond), Wait: cmp.Or(l.Wait, 5*time.Minute), Closely: cmp.Or(l.Closely, 200),
		Details: cmp.Or(l.Details, 100_000), Items: cmp.Or(l.Items, 1_000),
	}
}

// New checks the configuration. It sends nothing.
func New(c Config) (*List, error) {
	c.Limits, c.Timeout, c.Method = c.Limits.withDefaults(), cmp.Or(c.Timeout, 30*time.Second), cmp.Or(c.Method, http.MethodGet)
	at, err := url.Parse(c.URL)
	switch {
	case err != nil || origin(at) == "":
		return nil, errors.New("url is no address; write https://host/path")
	case c.HTTP == nil:
		return nil, errors.New("there is nothing to send requests with")
	case c.Key.IsZero():
		return nil, errors.New("there is no path to the key")
	case c.Method != http.MethodGet && c.Method != http.MethodPost:
		return nil, fmt.Errorf("method is %q; it can be GET or POST", c.Method)
	case c.Body != "" && c.Method == http.MethodGet:
		return nil, errors.New("a GET has no body: write method: POST")
	case len(c.Columns) == 0:
		return nil, errors.New("no column is read")
	}
	if c.Body != "" {
		if _, err := jsonpath.Parse([]byte(c.Body)); err != nil {
			return nil, fmt.Errorf("body is no JSON: %w", err)
		}
	}
	if err := c.checkParts(at); err != nil {
		return nil, err
	}
	c.With = c.used()
	l := &List{Config: c, origin: origin(at), where: place(at)}
	l.client = newClient(c, l.origin)
	return l, nil
}

// checkParts says what is wrong with the parts. A feed has none of most.
func (c *Config) checkParts(at *url.URL) error {
	if c.Feed != nil {
		return c.fed()
	}
	checks := []error{plain(c.List, "list"), c.Paging.check(), c.Since.check(at), c.One.check(at), checkAuth(c.Auth), c.checkDetails(at)}
	for _, column := range c.Columns {
		checks = append(checks, column.check())
	}
	return errors.Join(checks...)
}

// plain refuses a path that has more than names: a list stands in one place. Behind it
// [*] may say that it is an object, and its values the records.
func plain(p Path, what string) error {
	p, _ = p.Container()
	if !p.Plain() {
		return fmt.Errorf("%s must lead to one place, by names alone", what)
	}
	return nil
}

func (p Paging) check() error {
	switch {
	case slices.Contains([]PagingKind{PagingPage, PagingOffset, PagingCursor}, p.Kind) && p.Param == "":
		return fmt.Errorf("paging by %s has no param", p.Kind)
	case (p.Kind == PagingCursor || p.Kind == PagingNext) && p.Next.IsZero():
		return fmt.Errorf("paging by %s has no path to what comes next", p.Kind)
	case p.SizeParam != "" && p.Size == 0:
		return errors.New("paging has size_param and no size")
	case p.Size < 0 || p.First < 0:
		return errors.New("a number of paging is negative")
	}
	return nil
}

// withID checks an address with {id} in it.
func withID(text string, list *url.URL, what string) error {
	if strings.Count(text, idIn) != 1 {
		return fmt.Errorf("the url of %s must hold {id}, once", what)
	}
	return idWithin(text, list, what)
}

// idWithin checks where in an address {id} stands, if it does.
func idWithin(text string, list *url.URL, what string) error {
	if err := sameOrigin(text, list, what); err != nil {
		return err
	}
	path, _, _ := strings.Cut(text, "?")
	if strings.Contains(path, idIn) && !strings.Contains(strings.TrimPrefix(path, origin(list)), "/"+idIn) {
		return fmt.Errorf("in the path of %s, {id} must be a segment of its own", what)
	}
	return nil
}

// sameOrigin refuses an address that a credential must not go to.
func sameOrigin(text string, list *url.URL, what string) error {
	u, err := url.Parse(strings.Replace(text, idIn, "1", 1))
	if err != nil || origin(u) != origin(list) {
		return fmt.Errorf("the url of %s must have the scheme, host and port of url: credentials go nowhere else", what)
	}
	return nil
}

func (s *Since) check(list *url.URL) error {
	if s == nil {
		return nil
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || origin(u) != origin(list):
		return errors.New("the url of since must have the scheme, host and port of url: credentials go nowhere else")
	case s.Param == "":
		return errors.New("since has no param")
	case s.Value != "" && strings.Count(s.Value, whenIn) != 1:
		return errors.New("value of since must hold {time} once, such as updated_at ge {time}")
	}
	return plain(s.List, "the list of since")
}

// origin is where requests to a URL go (RFC 6454 §4); "" if it is none of HTTP.
func origin(u *url.URL) string {
	if u == nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// place names an address to people: a query or a password in it may be a secret.
func place(u *url.URL) string {
	p := *u
	p.User, p.RawQuery, p.ForceQuery, p.Fragment = nil, "", false, ""
	return p.String()
}
