// SPDX-License-Identifier: Apache-2.0

package workday

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config says which tenant it is, and how far ahead it is looked.
type Config struct {
	URL string // https://HOST/ccx/service/TENANT/Human_Resources/v45.0
	// User is NAME@TENANT of an integration system user. Both functions return what counts
	// now.
	User, Password func() (string, error)
	// Ahead is how far ahead it is looked for those who come and those who go.
	Ahead    time.Duration
	PageSize int // workers of a page, at most 999
	// Paths are those of the columns and of the key: of what none leads to, no more is asked
	// for than Workday tells in any case.
	Paths []string
	Now   func() time.Time // the calendar's clock
}

// Feed reads the workers of a tenant; see httpin.Feed, which it is.
type Feed struct {
	c       Config
	version string
	group   group
}

const (
	mostOfPage  = 999 // workers of a page, at Workday
	mostWorkers = 1_000_000
)

var (
	errUser    = errors.New("user of auth is not NAME@TENANT, as web services of Workday have it")
	errAddress = errors.New("url is not that of Human_Resources, with a version: https://HOST/ccx/service/TENANT/Human_Resources/v45.0")
)

var place = regexp.MustCompile(`^/ccx/service/[^/]+/Human_Resources/(v[0-9]+\.[0-9]+)$`)

// New checks the configuration. It sends nothing.
func New(c Config) (*Feed, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errAddress
	}
	at := place.FindStringSubmatch(u.Path)
	switch {
	case at == nil:
		return nil, errAddress
	case c.User == nil || c.Password == nil:
		return nil, errors.New("auth must be basic: the user and password of an integration system user")
	case c.Ahead <= 0:
		return nil, errors.New("ahead must be a day at least")
	case c.PageSize < 1 || c.PageSize > mostOfPage:
		return nil, fmt.Errorf("page_size is out of range (1 to %d)", mostOfPage)
	case c.Now == nil:
		return nil, errors.New("there is no clock")
	}
	return &Feed{c: c, version: at[1], group: groupOf(c.Paths)}, nil
}

// MediaType is that of SOAP 1.1.
func (*Feed) MediaType() string { return "text/xml" }

// sender sends a message, and returns what is answered with success.
type sender = func(ctx context.Context, body []byte) ([]byte, error)

// days are the two of which it is read, with one time of entry: what is entered while it is
// read is told by the next read, and moves nobody from page to page.
func (f *Feed) days() (today, ahead asOf) {
	now, entry := f.c.Now().UTC(), time.Now()
	return asOf{now.Format(time.DateOnly), entry}, asOf{now.Add(f.c.Ahead).Format(time.DateOnly), entry}
}

// All hands over the record of each worker. Those ahead are read first, all of them, or
// nothing is handed over: of whom it is not known whether they are about to leave, nothing
// can be said. why says that those handed over may not be all.
func (f *Feed) All(ctx context.Context, send sender, record func([]byte) error) (why string, err error) {
	today, later := f.days()
	ahead, odd, twice := map[string]fate{}, [][]byte(nil), ""
	why, err = f.walk(ctx, send, later, func(w *worker) error {
		to, err := fateOf(w, today.day)
		key := w.key()
		switch _, there := ahead[key]; {
		case err != nil:
			return err
		case key == "" && to.text != nil:
			odd = append(odd, to.text)
		case there:
			twice = key
		case key != "":
			ahead[key] = to
		}
		return nil
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("as of %s: %w", later.day, err)
	case why != "":
		return "", fmt.Errorf("as of %s: %s", later.day, why)
	case twice != "":
		return "", fmt.Errorf("as of %s: %s is there twice", later.day, twice)
	}
	why, err = f.walk(ctx, send, today, func(w *worker) error {
		to, there := ahead[w.key()]
		delete(ahead, w.key())
		if there && over(w, to) {
			return record(to.text)
		}
		text, err := w.json()
		if err != nil {
			return err
		}
		return record(text)
	})
	if err != nil || why != "" {
		return why, err
	}
	for _, key := range slices.Sorted(maps.Keys(ahead)) {
		if text := ahead[key].text; text != nil {
			odd = append(odd, text)
		}
	}
	for _, text := range odd {
		if err := record(text); err != nil {
			return "", err
		}
	}
	return "", nil
}

// walk reads everybody as of a day, page by page. why says that these may not be all.
func (f *Feed) walk(ctx context.Context, send sender, at asOf, take func(*worker) error) (why string, err error) {
	came, total := 0, -1
	for page := 1; ; page++ {
		r, err := f.page(ctx, send, at, page, nil)
		if err != nil {
			return "", err
		}
		n := r.Results
		switch {
		case n.Total < 0 || n.Total > mostWorkers:
			return "", fmt.Errorf("the answer tells of %d workers (0 to %d can be taken)", n.Total, mostWorkers)
		case total >= 0 && n.Total != total:
			return fmt.Sprintf("the total changed from %d to %d at page %d", total, n.Total, page), nil
		case n.Page != page && n.Total > 0:
			return fmt.Sprintf("page %d was asked for, and page %d came", page, n.Page), nil
		case n.Here != len(r.Data.Workers):
			return fmt.Sprintf("page %d tells of %d workers, and %d came", page, n.Here, len(r.Data.Workers)), nil
		case n.Here > f.c.PageSize:
			return fmt.Sprintf("page %d has more workers than were asked for", page), nil
		}
		for i := range r.Data.Workers {
			if w := r.Data.Workers[i].record(at.day); w != nil {
				if err := take(w); err != nil {
					return "", err
				}
			}
		}
		came, total = came+n.Here, n.Total
		switch {
		case page < n.Pages && n.Here == 0:
			return fmt.Sprintf("page %d is empty, and there are said to be %d", page, n.Pages), nil
		case page < n.Pages && came < total:
			continue
		case page < n.Pages || came != total:
			return fmt.Sprintf("the list tells of %d workers, and %d came", total, came), nil
		}
		return "", nil
	}
}

// page asks for a page of everybody, or for those with a reference.
func (f *Feed) page(ctx context.Context, send sender, at asOf, page int, of []ref) (*response, error) {
	q, err := f.question(at, page, of)
	if err != nil {
		return nil, err
	}
	text, err := send(ctx, q)
	if err != nil {
		return nil, err
	}
	var a answer
	if err := read(text, &a); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	switch r := a.Body.Response; {
	case a.Body.Fault != nil:
		msg, _, _ := a.Body.Fault.says()
		return nil, fmt.Errorf("it %s", msg)
	case r == nil:
		return nil, errors.New("the answer is none to Get_Workers: check url")
	case r.Results == nil && of == nil:
		return nil, errors.New("the answer does not tell how many workers there are (Response_Results)")
	default:
		return r, nil
	}
}

// One is the record of a worker by the id of a record, plain or typed; nil if there is none.
func (f *Feed) One(ctx context.Context, send sender, key string) ([]byte, error) {
	today, later := f.days()
	of := []ref{{refID{employee, key}}, {refID{contingent, key}}}
	if kind, id, typed := strings.Cut(key, "="); typed && (kind == employee || kind == contingent) {
		of = []ref{{refID{kind, id}}}
	}
	to, err := f.single(ctx, send, later, of)
	if err != nil {
		return nil, err
	}
	w, err := f.single(ctx, send, today, of)
	if err != nil {
		return nil, err
	}
	var then fate
	if to != nil {
		if then, err = fateOf(to, today.day); err != nil {
			return nil, err
		}
	}
	if w == nil || to != nil && w.key() == to.key() && over(w, then) {
		return then.text, nil
	}
	return w.json()
}

// single is who is there with a reference; nil for nobody.
func (f *Feed) single(ctx context.Context, send sender, at asOf, of []ref) (*worker, error) {
	r, err := f.page(ctx, send, at, 1, of)
	if err != nil {
		return nil, err
	}
	switch len(r.Data.Workers) {
	case 0:
		return nil, nil
	case 1:
		return r.Data.Workers[0].record(at.day), nil
	}
	return nil, fmt.Errorf("%d workers have one id: have typed_id be the key", len(r.Data.Workers))
}
