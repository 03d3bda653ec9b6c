// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// step is an operation of a bulk request, and what came of it.
type step struct {
	method, path, bulkID, version string

	data  scim.Value
	t     *resourceType // nil if the path leads nowhere
	id    string        // of the path; it may be a reference
	wrong error         // what it fails by, whatever the others do
	refs  []string      // bulkIds that it refers to, each once

	done     bool
	status   int
	location string
	tag      string // the version afterwards
	err      *scim.Error
}

// job is a bulk request.
type job struct {
	h     *Handler
	r     *http.Request
	root  string
	steps []*step
	made  map[string]string // ids by bulkId
}

// bulk answers RFC 7644 §3.7. Every operation is carried out as a request of its own
// would be; what fails touches no other, but for those that refer to it.
func (h *Handler) bulk(w http.ResponseWriter, r *http.Request, parts []string) error {
	switch {
	case len(parts) > 1:
		return notHere(r)
	case r.Method != http.MethodPost:
		return notAllowed(w, http.MethodPost)
	}
	j := &job{h: h, r: r, root: h.root(r), made: map[string]string{}}
	most, err := j.read(w)
	if err != nil {
		return err
	}
	if h.c.Admit != nil && len(j.steps) > 1 {
		if err := h.c.Admit(r, len(j.steps)-1); err != nil {
			return err
		}
	}
	// The time to send the request is over once it is read. net/http would go on to
	// count it, and take who waits for the answer for somebody who has hung up.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // who has no deadline needs none lifted
	j.refer()
	failed := 0
	for _, set := range inOrder(j.after()) {
		if r.Context().Err() != nil {
			break // what is done is told, should anybody be there
		}
		if len(set) > 1 {
			j.together(set)
		} else {
			j.single(j.steps[set[0]])
		}
		for _, i := range set {
			if j.steps[i].err != nil {
				failed++
			}
		}
		if most > 0 && failed >= most {
			break
		}
	}
	send(w, http.StatusOK, j.answer())
	return nil
}

// read reads the request, whose limits come before anything else, and returns
// failOnErrors, 0 for none.
func (j *job) read(w http.ResponseWriter) (failOnErrors int, err error) {
	l := j.h.c.Limits
	tooLarge := &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request is larger than maxPayloadSize, %d bytes", l.BulkBytes)}
	if j.r.ContentLength > int64(l.BulkBytes) {
		return 0, tooLarge
	}
	body, err := j.h.read(w, j.r, l.BulkBytes)
	if err != nil {
		var cut *http.MaxBytesError
		if errors.As(err, &cut) {
			err = tooLarge
		}
		return 0, err
	}
	sent, err := scim.ParseResource(body, l.bulk())
	if err != nil {
		return 0, err
	}
	rules := j.h.rules(j.r)
	if !sent.HasSchema(scim.BulkRequestURN) {
		if !rules.SchemasOptional || len(sent.Schemas()) > 0 {
			return 0, badQuery(scim.InvalidSyntax, "schemas must name "+scim.BulkRequestURN)
		}
		if rules.Noted != nil {
			rules.Noted(scim.RuleSchemasOptional)
		}
	}
	v, _ := sent.Get("failOnErrors")
	n, ok := v.AsInteger()
	if !v.IsNull() && (!ok || n < 0) {
		return 0, badQuery(scim.InvalidValue, "failOnErrors is a number of errors")
	}
	v, _ = sent.Get("Operations")
	list, ok := v.AsList()
	switch {
	case !ok || len(list) == 0:
		return 0, badQuery(scim.InvalidSyntax, "Operations must be a list of one operation at least")
	case len(list) > l.Bulk:
		return 0, &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request has %d operations, which is more than maxOperations, %d", len(list), l.Bulk)}
	}
	j.steps = make([]*step, len(list))
	for i, e := range list {
		j.steps[i] = j.h.readStep(e)
	}
	return int(min(n, int64(len(list)+1))), nil
}

// bulk are the limits of a bulk request's body: three levels deeper than what its
// operations hold, and with as many elements a byte as a body of their own.
func (l Limits) bulk() scim.Limits {
	const usualDepth, usualElements = 16, 100_000 // scim.Limits
	out := l.Body
	if out.MaxDepth >= 0 {
		out.MaxDepth = max(out.MaxDepth, usualDepth*rank(out.MaxDepth == 0)) + 3
	}
	if out.MaxElements >= 0 && l.Body.MaxBytes > 0 {
		out.MaxElements = max(out.MaxElements, usualElements*rank(out.MaxElements == 0)) * max(1, l.BulkBytes/l.Body.MaxBytes)
	}
	out.MaxBytes = l.BulkBytes
	return out
}

// readStep reads an operation. What is wrong with it is its own affair.
func (h *Handler) readStep(v scim.Value) *step {
	s := &step{}
	o, ok := v.AsComplex()
	if !ok {
		s.wrong = badQuery(scim.InvalidSyntax, "an operation is an object")
		return s
	}
	for name, to := range map[string]*string{"method": &s.method, "path": &s.path, "bulkId": &s.bulkID, "version": &s.version} {
		v, _ := o.Get(name)
		text, isText := v.AsString()
		if *to = text; !isText && !v.IsNull() {
			s.wrong = badQuery(scim.InvalidSyntax, name+" is a string")
		}
	}
	if v, ok := o.Get("version"); ok && s.version == "" && !v.IsNull() && s.wrong == nil {
		s.wrong = badQuery(scim.InvalidValue, "version is empty: state one, or leave it out")
	}
	s.data, _ = o.Get("data")
	if s.wrong == nil {
		s.wrong = h.locate(s)
	}
	return s
}

// locate finds what an operation is about (RFC 7644 §3.7: a POST has the path of a
// type, any other that of a resource).
func (h *Handler) locate(s *step) error {
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, s.method) {
		return badQuery(scim.InvalidSyntax, "method is POST, PUT, PATCH or DELETE")
	}
	if !strings.HasPrefix(s.path, "/") || strings.ContainsAny(s.path, "?#") {
		return badQuery(scim.InvalidPath, "path is the address of a type, such as /Users, or of a resource, such as /Users/1")
	}
	parts := strings.Split(strings.Trim(s.path, "/"), "/")
	if _, special := h.special[parts[0]]; special {
		return badQuery(scim.InvalidPath, "/"+parts[0]+" has no resources to write to")
	}
	t := h.at(parts[0])
	if t == nil {
		return &scim.Error{Status: http.StatusNotFound, Detail: "there is nothing at " + s.path}
	}
	if s.method == http.MethodPost {
		if len(parts) > 1 {
			return badQuery(scim.InvalidPath, "POST wants the address of a type, such as "+t.Endpoint)
		}
		if s.t = t; s.bulkID == "" {
			return badQuery(scim.InvalidValue, "POST wants a bulkId")
		}
	} else {
		id, ok := "", false
		if len(parts) == 2 && parts[1] != ".search" {
			id, ok = pathID(parts[1])
		}
		if !ok {
			return badQuery(scim.InvalidPath, s.method+" wants the address of a resource, such as "+t.Endpoint+"/1")
		}
		s.t, s.id = t, id
	}
	switch {
	case t.fixed:
		return &scim.Error{Status: http.StatusMethodNotAllowed, Detail: "what is at " + t.Endpoint + " can be read only"}
	case s.method == http.MethodDelete:
	case s.data.IsNull():
		return badQuery(scim.InvalidValue, s.method+" wants data")
	case s.data.Kind() != scim.KindComplex:
		return badQuery(scim.InvalidSyntax, "data is an object")
	}
	return nil
}

// single carries out one operation.
func (j *job) single(s *step) {
	s.done = true
	if ref, ok := strings.CutPrefix(s.id, refPrefix); ok && j.made[ref] != "" {
		s.id = j.made[ref]
	}
	if s.t != nil && s.method != http.MethodPost {
		s.location = s.t.location(j.root, s.id)
	} else if strings.HasPrefix(s.path, "/") && s.method != http.MethodPost {
		s.location = j.root + s.path
	}
	k, err := j.task(s)
	if err != nil {
		j.fail(s, err)
		return
	}
	verbs := j.h.item
	if s.method == http.MethodPost {
		verbs = j.h.collection
	}
	v, _ := verbOf(verbs, s.method) // locate has checked that it is there
	ctx, _ := j.h.asked(j.r.Context(), s.method, j.root)
	done, err := v.act(ctx, k)
	if err != nil {
		j.fail(s, err)
		return
	}
	j.succeed(s, done.status, done.id, done.version)
}

// task makes of an operation what a request of its own would be, and has it
// authorised.
func (j *job) task(s *step) (task, error) {
	if s.wrong != nil {
		return task{}, s.wrong
	}
	for _, ref := range s.refs {
		if j.made[ref] == "" {
			return task{}, &scim.Error{Status: http.StatusConflict, Detail: refPrefix + ref + ", which it refers to, has not been made"}
		}
	}
	own := j.request(s)
	if err := j.h.c.Authorize(own); err != nil {
		return task{}, refused(err)
	}
	k := task{t: s.t, id: s.id, rules: j.h.rules(own), quiet: true}
	if s.version != "" {
		k.match = []string{s.version}
	}
	if s.method != http.MethodDelete {
		k.body = s.rewritten(func(ref string) string { return j.made[ref] }).AppendJSON(nil)
	}
	return k, nil
}

// request is the request that an operation would be by itself, without its body.
func (j *job) request(s *step) *http.Request {
	own := j.r.WithContext(j.r.Context())
	own.Method, own.Body, own.ContentLength = s.method, http.NoBody, 0
	path := j.h.c.Base + s.t.Endpoint
	at := path
	if s.method != http.MethodPost {
		path, at = path+"/"+s.id, path+"/"+url.PathEscape(s.id)
	}
	u := *j.r.URL
	u.Path, u.RawPath, u.RawQuery = path, at, ""
	own.URL, own.RequestURI = &u, u.RequestURI()
	return own
}

func (j *job) succeed(s *step, status int, id, version string) {
	s.status, s.tag, s.location = status, version, s.t.location(j.root, id)
	if s.method == http.MethodPost {
		j.made[s.bulkID] = id
	}
}

func (j *job) fail(s *step, err error) {
	s.err = j.h.told(j.r.Context(), err)
	s.status = s.err.Status
}

// answer lists what came of the operations that were carried out, in their order in
// the request (RFC 7644 §3.7.3). What is shown of a success is where it is.
func (j *job) answer() []byte {
	var results []scim.Value
	for _, s := range j.steps {
		if !s.done {
			continue
		}
		var o scim.Object
		for _, m := range [][2]string{{"location", s.location}, {"method", s.method}, {"bulkId", s.bulkID}, {"version", s.tag}, {"status", strconv.Itoa(s.status)}} {
			if m[1] != "" {
				o.Set(m[0], scim.String(m[1]))
			}
		}
		if s.err != nil {
			o.Set("response", message(s.err))
		}
		results = append(results, scim.Complex(o))
	}
	out := scim.NewResource(scim.BulkResponseURN)
	out.Set("Operations", scim.List(results...))
	return out.AppendJSON(make([]byte, 0, usualBody+len(results)*usualResult))
}

const usualResult = 160 // bytes

// message is an error as a value.
func message(e *scim.Error) scim.Value {
	body, _ := e.MarshalJSON()                                // it has no error
	v, _ := scim.ParseValue(body, scim.Limits{MaxString: -1}) // nor has what was just written
	return v
}
