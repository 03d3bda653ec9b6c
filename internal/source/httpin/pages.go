// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
)

// walk is one way through the pages of a list.
type walk struct {
	paging Paging
	list   Path
	total  *Path
	most   int // pages; 0: as many as a list may have

	pages, records int
	size           int64 // of all answers, in bytes
	etag           string
	same           bool   // nothing has changed
	why            string // it is not proven that these were all; "" if it is

	largest  int          // page so far, in records
	previous int          // records of the page before
	told     map[int]bool // the totals that were told
	last     int          // the total that was told last, -1 for none
	before   map[[32]byte]int
	cursors  map[string]bool
	named    bool // an answer of this walk has named a next page, so that one which names none is the last
}

// doubt notes the first reason why these may not be all.
func (w *walk) doubt(format string, args ...any) {
	if w.why == "" {
		w.why = fmt.Sprintf(format, args...)
	}
}

// all goes through the pages of a list and hands over each record as it is written. The
// error is of the first page, or of a credential; whatever else goes wrong leaves the rest
// unread, and is said in w.why.
func (l *List) all(ctx context.Context, w *walk, first ask, record func(raw []byte, page int) error) error {
	w.last, w.told, w.before, w.cursors = -1, map[int]bool{}, map[[32]byte]int{}, map[string]bool{}
	next := first
	next.url = w.begin(first.url)
	for {
		w.pages++
		more, err := l.page(ctx, w, &next, record)
		switch e, _ := errors.AsType[*Error](err); {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case w.pages == 1, e != nil && e.Credential, e == nil:
			return err
		default:
			w.doubt("page %d could not be read: %v", w.pages, err)
			return nil
		}
		if w.same {
			return nil
		}
		if !more {
			w.prove()
			return nil
		}
		if w.pages >= cmp.Or(w.most, l.Limits.Pages) {
			w.doubt("there are more than %d pages", w.pages)
			return nil
		}
		next.etag = ""
	}
}

// page reads one page, and makes of next what comes after it.
func (l *List) page(ctx context.Context, w *walk, next *ask, record func([]byte, int) error) (more bool, err error) {
	a, err := l.client.get(ctx, *next)
	if err != nil {
		return false, err
	}
	if w.same = a.same; w.same {
		return false, nil
	}
	w.size += int64(len(a.body))
	at, _ := w.list.Container()
	v, err := jsonpath.ParseAround(a.body, at)
	if err != nil {
		return false, &Error{Where: next.where, Msg: "answers with what cannot be read: " + err.Error()}
	}
	list, err := w.listOf(v, next.where)
	if err != nil {
		return false, err
	}
	if again := w.again(list); again > 0 {
		w.doubt("page %d is page %d again: the list does not go on as paging says", w.pages, again)
		return false, nil
	}
	for _, item := range list.Items {
		w.records++
		if w.records > l.Limits.People {
			return false, &Error{Where: next.where, Msg: fmt.Sprintf("has more than %d records", l.Limits.People)}
		}
		if err := record(item.Raw, w.pages); err != nil {
			return false, err
		}
	}
	w.count(v)
	w.short(len(list.Items))
	if w.pages == 1 {
		w.etag = a.header.Get("Etag")
	}
	return w.onward(l.origin, v, len(list.Items), a, next)
}

// listOf finds the list in an answer.
func (w *walk) listOf(v *jsonpath.Value, where string) (*jsonpath.Value, error) {
	place, keyed := w.list.Container()
	found := v.Find(place)
	at := "the answer"
	if !w.list.IsZero() {
		at = w.list.String()
	}
	switch {
	case len(found) == 0 && v.Kind == '[':
		return nil, &Error{Where: where, Msg: "answers with a list, and list says " + at + ": take list out"}
	case len(found) == 0:
		return nil, &Error{Where: where, Msg: fmt.Sprintf("answers without %s, where the list is to be; it has %s: check list", at, memberNames(v))}
	case keyed && found[0].Kind == '{':
	case found[0].Kind != '[' && w.list.IsZero():
		return nil, &Error{Where: where, Msg: fmt.Sprintf("answers with no list but with %s: say with list where the list is", memberNames(v))}
	case found[0].Kind != '[':
		return nil, &Error{Where: where, Msg: at + " is no list: check list; if it is an object whose values are the records, write [*] behind it"}
	}
	return found[0], nil
}

// memberNames names the members of an answer, which are names of the API and of nobody.
func memberNames(v *jsonpath.Value) string {
	const most = 12
	if len(v.Names) == 0 {
		return "no members"
	}
	var names []string
	for _, n := range v.Names[:min(len(v.Names), most)] {
		if len(n) > 40 {
			n = n[:40] + "…"
		}
		names = append(names, strconv.QuoteToASCII(n))
	}
	return strings.Join(names, ", ")
}

// again is the number of the page that had these very records, 0 for none. Pages
// without any are all alike.
func (w *walk) again(list *jsonpath.Value) int {
	if len(list.Items) == 0 {
		return 0
	}
	sum := sha256.Sum256(list.Raw)
	if n := w.before[sum]; n > 0 {
		return n
	}
	w.before[sum] = w.pages
	return 0
}

// short takes in how many records a page has. Of numbered pages only the last one has fewer
// than the others, unless some of them are hidden, or lost: a total tells which.
func (w *walk) short(n int) {
	w.largest = max(w.largest, n)
	if w.paging.Kind == PagingPage && w.total == nil && n > 0 && w.pages > 1 && w.previous < w.largest {
		w.doubt("page %d has %d records where another has %d, and is not the last one: say with total where the number of all is told", w.pages-1, w.previous, w.largest)
	}
	w.previous = n
}

// count takes in how many records the answer says that there are.
func (w *walk) count(v *jsonpath.Value) {
	if w.total == nil {
		return
	}
	text, there := v.First(*w.total)
	n, err := strconv.Atoi(text)
	switch {
	case !there && w.pages > 1: // told on the first page alone
	case err != nil || n < 0:
		w.doubt("the answer tells no total at %s", w.total)
	default:
		w.told[n], w.last = true, n
	}
}

// prove holds what came against what was told.
func (w *walk) prove() {
	switch {
	case w.total == nil:
	case len(w.told) > 1:
		w.doubt("the total changed while the list was read")
	case w.last >= 0 && w.last != w.records:
		w.doubt("the list tells of %d records, and %d came", w.last, w.records)
	}
}

// begin is the address of the first page.
func (w *walk) begin(u *url.URL) *url.URL {
	p := w.paging
	set := map[string]string{}
	if p.SizeParam != "" {
		set[p.SizeParam] = strconv.Itoa(p.Size)
	}
	if p.Kind == PagingPage || p.Kind == PagingOffset {
		set[p.Param] = strconv.Itoa(p.First)
	}
	return with(u, set)
}

// with is an address with parameters set.
func with(u *url.URL, set map[string]string) *url.URL {
	next := *u
	if len(set) == 0 {
		return &next
	}
	q := next.Query()
	for name, v := range set {
		q.Set(name, v)
	}
	next.RawQuery = q.Encode()
	return &next
}

// link is the target of the first link of the relation next (RFC 8288 §3), "" for none.
func link(h http.Header) string {
	target, _ := rest.Link(h, "next")
	return target
}

// pages reports whether an answer links to another page by the relations of pages (RFC 8288
// §3; previous is that of RFC 5005 §3), so that it is known that we look where it does so.
func pages(h http.Header) bool {
	target, _ := rest.Link(h, "next", "prev", "previous", "first", "last")
	return target != ""
}

// onward makes of the address of a page that of the next one. more is false if there is
// none, or none that can be had.
//
// A short page is not the last one: a list may leave people out of a page, or have smaller
// pages than it was asked for. Numbered pages end with an empty one, or where the total or
// More says so.
func (w *walk) onward(from string, v *jsonpath.Value, n int, a *answer, next *ask) (more bool, err error) {
	p := w.paging
	if p.Kind == PagingNone {
		if link(a.header) != "" {
			w.doubt("the answer names a next page (Link), and there is no paging in the configuration")
		}
		if name := hint(v, 0); name != "" && w.total == nil {
			w.doubt("the answer seems to name a next page (%s), and there is no paging in the configuration: say with paging how the list goes on, or with total where its length is told", name)
		}
		return false, nil
	}
	says, end := w.more(v)
	if end {
		return false, nil
	}
	switch p.Kind {
	case PagingPage, PagingOffset:
		if n == 0 {
			if says || w.last > w.records {
				w.doubt("page %d is empty, and there are said to be more", w.pages)
			}
			return false, nil
		}
		// A total may be that of the page: behind a full one it is looked whether more comes.
		if !says && w.last >= 0 && w.records >= w.last && n < p.Size {
			return false, nil
		}
		at := p.First + w.records
		if p.Kind == PagingPage {
			at = p.First + w.pages
		}
		next.url = with(next.url, map[string]string{p.Param: strconv.Itoa(at)})
		return true, nil
	case PagingLink:
		w.named = w.named || pages(a.header)
		return w.follow(from, link(a.header), v, n, a, next)
	}
	text, there := v.First(p.Next)
	w.named = w.named || there
	if p.Kind == PagingNext {
		return w.follow(from, text, v, n, a, next)
	}
	if text == "" || text == "false" {
		return w.unnamed(v, n)
	}
	if w.cursors[text] {
		w.doubt("the cursor of page %d came before: the list goes round", w.pages)
		return false, nil
	}
	w.cursors[text] = true
	next.url = with(next.url, map[string]string{p.Param: text})
	return true, nil
}

// hint is the name of a member beside a list by which systems tell that it goes on, "" if
// none does: a list of which only the first page is read looks like one that many have left.
func hint(v *jsonpath.Value, depth int) string {
	const deepest = 3
	if v.Kind != '{' || depth > deepest {
		return ""
	}
	for i, item := range v.Items {
		name := strings.NewReplacer("_", "", "-", "", "@", "", ".", "").Replace(strings.ToLower(v.Names[i]))
		switch name {
		case "next", "nextpage", "nextcursor", "nexttoken", "nextpagetoken", "nextlink", "nexturl", "odatanextlink", "hasmore", "hasnext", "hasnextpage":
			if text := item.String(); text != "" && text != "false" && text != "{}" {
				return v.Names[i]
			}
		}
		if found := hint(item, depth+1); found != "" {
			return found
		}
	}
	return ""
}

// more reads what an answer says of further pages: says, that there are some; end, that
// there are none.
func (w *walk) more(v *jsonpath.Value) (says, end bool) {
	if w.paging.More == nil {
		return false, false
	}
	switch text, _ := v.First(*w.paging.More); text {
	case "true":
		return true, false
	case "false":
		return false, true
	}
	w.doubt("the answer says neither true nor false at %s", w.paging.More)
	return false, false
}

// unnamed is a page that names no next one. It is believed to be the last if the list is
// known to name next pages where we look, or if it is not full, and if no other member of it
// seems to name one: the place may have moved, and pages be smaller than they were asked for.
func (w *walk) unnamed(v *jsonpath.Value, n int) (more bool, err error) {
	name := hint(v, 0)
	switch {
	case w.paging.More != nil:
		w.doubt("page %d says that there are more, and names none", w.pages)
	case name != "" && w.total == nil:
		w.doubt("page %d names no next page where paging looks for it, and seems to name one elsewhere (%s): check paging, or say with total where the number of all is told", w.pages, name)
	case w.named, w.total != nil, w.paging.Size > n:
	case w.paging.Size > 0:
		w.doubt("page %d is full and names no next page where paging looks for it", w.pages)
	default:
		w.doubt("no answer has named a next page where paging looks for it: if all fit into one page, say with size how many do, or with total where their number is told")
	}
	return false, nil
}

// follow goes to an address that an answer names, within the origin of the list and
// nowhere else: the credential goes along.
func (w *walk) follow(from, text string, v *jsonpath.Value, n int, a *answer, next *ask) (more bool, err error) {
	if text == "" {
		return w.unnamed(v, n)
	}
	ref, err := url.Parse(text)
	if err != nil {
		w.doubt("the address of the page after page %d cannot be read", w.pages)
		return false, nil
	}
	u := a.at.ResolveReference(ref)
	switch {
	case u.User != nil || origin(u) != from:
		w.doubt("page %d names a next page at another address, where no credential goes", w.pages)
		return false, nil
	case w.cursors[u.String()] || u.String() == a.at.String():
		w.doubt("the next page of page %d came before: the list goes round", w.pages)
		return false, nil
	}
	w.cursors[u.String()] = true
	u.Fragment = ""
	next.url = u
	return true, nil
}
