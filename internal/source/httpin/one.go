// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/jsonpath"
)

// One is how a record is had by its id.
type One struct {
	URL    string // of the same origin as the list's
	Method string // GET (the default), or POST for a search
	Body   string // of a POST: JSON
	At     Path   // to the record
	// List leads, instead of At, to a list that holds the record and no other, or is empty if
	// there is none, as a search answers; nil: there is no such list.
	List *Path
}

// idIn is what stands for the id: in the path or query of One.URL, or within a text of
// One.Body.
const idIn = "{id}"

func (o *One) check(list *url.URL) error {
	if o == nil {
		return nil
	}
	switch {
	case strings.Count(o.URL, idIn)+strings.Count(o.Body, idIn) != 1:
		return errors.New("the url of one must hold {id}, once; or its body, and then not the url")
	case o.Method != "" && o.Method != http.MethodGet && o.Method != http.MethodPost:
		return fmt.Errorf("method of one is %q; it can be GET or POST", o.Method)
	case o.Body != "" && o.Method != http.MethodPost:
		return errors.New("body of one is for a POST: write method: POST")
	case o.List != nil && !o.At.IsZero():
		return errors.New("one has at and list: the record is in one of the two places")
	}
	if o.Body != "" {
		if _, err := jsonpath.Parse([]byte(o.Body)); err != nil {
			return fmt.Errorf("body of one is no JSON, in which {id} stands within a text: %w", err)
		}
	}
	if o.List != nil {
		if err := plain(*o.List, "list of one"); err != nil {
			return err
		}
	}
	return idWithin(o.URL, list, "one")
}

// ask is how a record is asked for, or why it cannot be.
func (o *One) ask(l *List, key string) (a ask, why string) {
	at, why := l.address(o.URL, key)
	if why != "" {
		return ask{}, why
	}
	a = ask{url: at, where: place(at), method: cmp.Or(o.Method, http.MethodGet)}
	if o.Body != "" {
		text, err := json.Marshal(key)
		if err != nil {
			return ask{}, " has a record whose id fits into no body"
		}
		a.body = strings.Replace(o.Body, idIn, string(text[1:len(text)-1]), 1)
	}
	return a, ""
}

// record is the record in an answer, nil if there is none where it is looked for. none
// says that the answer is a list without anybody: there is no such record.
func (o *One) record(v *jsonpath.Value) (record *jsonpath.Value, none bool) {
	if o.List != nil {
		list := v.Find(*o.List)
		if len(list) != 1 || list[0].Kind != '[' || len(list[0].Items) > 1 {
			return nil, false
		}
		if len(list[0].Items) == 0 {
			return nil, true
		}
		v = list[0].Items[0]
	} else if found := v.Find(o.At); len(found) == 1 {
		v = found[0]
	} else {
		return nil, false
	}
	if v.Kind != '{' {
		return nil, false
	}
	return v, false
}
