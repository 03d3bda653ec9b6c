// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/usher-id/usher/scim"
)

// scimApp is a small, honest SCIM 2.0 app: it keeps what it is told, answers
// filters and PATCH as package scim understands them, and says 409 to a user
// name that somebody has. Faults are asked for, one by one.
type scimApp struct {
	mu       sync.Mutex
	addr     string
	token    string
	set      *scim.SchemaSet
	kinds    map[string]*collection // by endpoint
	writes   int                    // POST, PATCH and DELETE so far
	faults   map[int]fault          // by number of the write
	requests map[string]int         // "METHOD /Endpoint" to how many
	refusal  string                 // what a 401 says
	tells    map[string][]byte      // of itself, by endpoint; nothing else is there
	gate     chan struct{}          // closed when requests may pass; nil: they may
	arrived  chan struct{}          // one for each request that waits at the gate
	srv      *http.Server
}

// fault is what befalls one write: an answer instead of the work (status), or
// the work without an answer (lost).
type fault struct {
	status int
	lost   bool
}

// collection is the resources of one kind, in the order of their making.
type collection struct {
	schema string
	next   int
	all    []*scim.Resource
}

func newScimApp(token string) *scimApp {
	return &scimApp{
		token: token, set: scim.CoreSchemas(), faults: map[int]fault{}, requests: map[string]int{}, tells: map[string][]byte{},
		kinds: map[string]*collection{"Users": {schema: scim.UserURN}, "Groups": {schema: scim.GroupURN}},
	}
}

// start listens, on the same address as before if there was one.
func (a *scimApp) start() error {
	addr := a.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	a.addr, a.srv = l.Addr().String(), &http.Server{Handler: a}
	go func() { _ = a.srv.Serve(l) }() // ends with stop, always with an error
	return nil
}

func (a *scimApp) stop() error {
	if a.srv == nil {
		return nil
	}
	srv := a.srv
	a.srv = nil
	return srv.Close()
}

func (a *scimApp) url() string { return "http://" + a.addr + "/scim/v2" }

// block makes writes wait until unblock is called.
func (a *scimApp) block() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gate, a.arrived = make(chan struct{}), make(chan struct{}, 1000)
}

func (a *scimApp) unblock() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gate != nil {
		close(a.gate)
		a.gate = nil
	}
}

func (a *scimApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	gate, arrived := a.gate, a.arrived
	a.mu.Unlock()
	if gate != nil && r.Method != http.MethodGet {
		arrived <- struct{}{}
		<-gate
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	endpoint, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/scim/v2/"), "/")
	a.requests[r.Method+" /"+endpoint]++
	if r.Header.Get("Authorization") != "Bearer "+a.token {
		a.fail(w, &scim.Error{Status: http.StatusUnauthorized, Detail: strings.ReplaceAll(a.refusal, "$AUTH", r.Header.Get("Authorization"))})
		return
	}
	if text, told := a.tells[endpoint]; told && r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = w.Write(text) // a client that has gone is its own affair
		return
	}
	var f fault
	if r.Method != http.MethodGet {
		a.writes++
		f = a.faults[a.writes]
	}
	if f.status != 0 {
		a.fail(w, &scim.Error{Status: f.status, Detail: "told to fail"})
		return
	}
	status, answer, err := a.serve(r, endpoint, id, body)
	switch {
	case f.lost:
		panic(http.ErrAbortHandler) // the work is done, the connection breaks
	case err != nil:
		a.fail(w, err)
	default:
		a.answer(w, status, answer)
	}
}

func (a *scimApp) fail(w http.ResponseWriter, err error) {
	e := scim.ErrorOf(err)
	if e == nil {
		e = &scim.Error{Status: http.StatusInternalServerError, Detail: err.Error()}
	}
	a.answer(w, e.Status, e)
}

func (a *scimApp) answer(w http.ResponseWriter, status int, body json.Marshaler) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	if body == nil {
		return
	}
	if data, err := body.MarshalJSON(); err == nil {
		_, _ = w.Write(data) // a client that has gone is its own affair
	}
}

func (a *scimApp) serve(r *http.Request, endpoint, id string, body []byte) (int, json.Marshaler, error) {
	c := a.kinds[endpoint]
	if c == nil {
		return 0, nil, &scim.Error{Status: http.StatusNotFound, Detail: "no such endpoint"}
	}
	if id == "" {
		if r.Method == http.MethodPost {
			return a.create(c, body)
		}
		return a.list(c, r)
	}
	i := slices.IndexFunc(c.all, func(r *scim.Resource) bool { return r.ID() == id })
	switch {
	case i < 0:
		return 0, nil, &scim.Error{Status: http.StatusNotFound, Detail: "no such resource"}
	case r.Method == http.MethodGet:
		return http.StatusOK, c.all[i], nil
	case r.Method == http.MethodDelete:
		c.all = slices.Delete(c.all, i, i+1)
		return http.StatusNoContent, nil, nil
	case r.Method != http.MethodPatch:
		return 0, nil, &scim.Error{Status: http.StatusMethodNotAllowed, Detail: "not here"}
	}
	patch, err := scim.ParsePatch(body, scim.Limits{})
	if err != nil {
		return 0, nil, err
	}
	after, err := patch.Apply(a.set, c.schema, c.all[i], scim.PatchRules{})
	if err == nil {
		err = a.unique(c, after)
	}
	if err != nil {
		return 0, nil, err
	}
	c.all[i] = after
	return http.StatusOK, after, nil
}

func (a *scimApp) create(c *collection, body []byte) (int, json.Marshaler, error) {
	r, err := scim.ParseResource(body, scim.Limits{})
	if err != nil {
		return 0, nil, err
	}
	if err := a.unique(c, r); err != nil {
		return 0, nil, err
	}
	c.next++
	r.SetID(fmt.Sprintf("%c%d", c.schema[strings.LastIndexByte(c.schema, ':')+1]|0x20, c.next)) // u1, g1
	c.all = append(c.all, r)
	return http.StatusCreated, r, nil
}

func (a *scimApp) unique(c *collection, r *scim.Resource) error {
	for _, other := range c.all {
		if r.UserName() != "" && other.ID() != r.ID() && strings.EqualFold(other.UserName(), r.UserName()) {
			return &scim.Error{Status: http.StatusConflict, ScimType: "uniqueness", Detail: "that user name is taken"}
		}
	}
	return nil
}

func (a *scimApp) list(c *collection, r *http.Request) (int, json.Marshaler, error) {
	q := r.URL.Query()
	var filter scim.Filter
	if text := q.Get("filter"); text != "" {
		f, err := scim.ParseFilter(text, scim.FilterLimits{})
		if err != nil {
			return 0, nil, err
		}
		filter = f
	}
	var hits []*scim.Resource
	for _, r := range c.all {
		if a.set.Match(c.schema, filter, r) {
			hits = append(hits, r)
		}
	}
	start, count := 1, 100
	if n, err := strconv.Atoi(q.Get("startIndex")); err == nil && n > 1 {
		start = n
	}
	if n, err := strconv.Atoi(q.Get("count")); err == nil {
		count = min(max(n, 0), count)
	}
	from := min(start-1, len(hits))
	page := hits[from:min(from+count, len(hits))]
	return http.StatusOK, scim.ListResponse{TotalResults: len(hits), StartIndex: start, ItemsPerPage: len(page), Resources: page}, nil
}

// accounts are the app's users as lines "userName active group,group", sorted.
func (a *scimApp) accounts() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	groups := map[string][]string{}
	for _, g := range a.kinds["Groups"].all {
		for _, id := range g.Members() {
			groups[id] = append(groups[id], g.DisplayName())
		}
	}
	var lines []string
	for _, u := range a.kinds["Users"].all {
		state := "inactive"
		if active, ok := u.Active(); ok && active {
			state = "active"
		}
		slices.Sort(groups[u.ID()])
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %s %s", u.UserName(), state, strings.Join(groups[u.ID()], ",")), " "))
	}
	slices.Sort(lines)
	return lines
}

// sent says how many requests came since it was last asked, one line for each
// kind of request.
func (a *scimApp) sent() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lines []string
	for what, n := range a.requests {
		lines = append(lines, fmt.Sprintf("%s %d", what, n))
	}
	clear(a.requests)
	slices.Sort(lines)
	return lines
}
