// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strconv"
	"strings"
)

// ParseFilter reads a filter expression (RFC 7644 §3.4.2.2): the whole grammar,
// operators and words in any letter case. "not" binds tighter than "and", and
// "and" than "or"; brackets that change nothing are dropped. Beyond the grammar
// it accepts $ref as a name, runs of blanks where one may stand, and
// `emails[…].value eq "x"`. An error is a *[SyntaxError].
func ParseFilter(s string, lim FilterLimits) (Filter, error) {
	p := newFilterParser(s, "filter", lim)
	if err := p.start(); err != nil {
		return nil, err
	}
	p.blanks()
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.pos < len(s) {
		return nil, p.fail(p.pos, "unexpected text after the expression")
	}
	return f, nil
}

// filterParser is a recursive descent over filter or path text.
type filterParser struct {
	s      string
	what   string
	pos    int
	lim    FilterLimits
	depth  int
	terms  int
	inside bool // within square brackets
}

func newFilterParser(s, what string, lim FilterLimits) *filterParser {
	return &filterParser{s: s, what: what, lim: lim.withDefaults()}
}

func (p *filterParser) start() error {
	if len(p.s) > p.lim.MaxBytes {
		return p.exceeded(p.lim.MaxBytes, "bytes", p.lim.MaxBytes)
	}
	if p.s == "" {
		return p.fail(0, "empty "+p.what)
	}
	return nil
}

func (p *filterParser) fail(at int, reason string) error {
	return &SyntaxError{What: p.what, Offset: at, Reason: reason}
}

func (p *filterParser) exceeded(at int, what string, limit int) error {
	return &SyntaxError{What: p.what, Offset: at, limit: true, Reason: "more than " + strconv.Itoa(limit) + " " + what}
}

func (p *filterParser) blanks() bool {
	start := p.pos
	for p.pos < len(p.s) && p.s[p.pos] == ' ' {
		p.pos++
	}
	return p.pos > start
}

// peek returns the letters that follow, without consuming them.
func (p *filterParser) peek() string {
	end := p.pos
	for end < len(p.s) && p.s[end]|0x20 >= 'a' && p.s[end]|0x20 <= 'z' {
		end++
	}
	return p.s[p.pos:end]
}

// word consumes a blank and the word, if both follow.
func (p *filterParser) word(w string) bool {
	start := p.pos
	if p.blanks() && sameName(p.peek(), w) {
		after := p.pos + len(w)
		if after < len(p.s) && (p.s[after] == ' ' || p.s[after] == '(') {
			p.pos = after
			p.blanks()
			return true
		}
	}
	p.pos = start
	return false
}

func (p *filterParser) or() (Filter, error) {
	first, err := p.and()
	if err != nil {
		return nil, err
	}
	if !p.word("or") {
		return first, nil
	}
	or := &Or{Terms: []Filter{first}}
	for more := true; more; more = p.word("or") {
		next, err := p.and()
		if err != nil {
			return nil, err
		}
		or.Terms = append(or.Terms, next)
	}
	return or, nil
}

func (p *filterParser) and() (Filter, error) {
	first, err := p.term()
	if err != nil {
		return nil, err
	}
	if !p.word("and") {
		return first, nil
	}
	and := &And{Terms: []Filter{first}}
	for more := true; more; more = p.word("and") {
		next, err := p.term()
		if err != nil {
			return nil, err
		}
		and.Terms = append(and.Terms, next)
	}
	return and, nil
}

func (p *filterParser) term() (Filter, error) {
	if p.pos < len(p.s) && p.s[p.pos] == '(' {
		return p.group()
	}
	if sameName(p.peek(), "not") {
		start := p.pos
		p.pos += len("not")
		p.blanks()
		if p.pos < len(p.s) && p.s[p.pos] == '(' {
			f, err := p.group()
			if err != nil {
				return nil, err
			}
			return &Not{f}, nil
		}
		p.pos = start // an attribute whose name begins so
	}
	return p.expression()
}

func (p *filterParser) enter() error {
	if p.depth++; p.depth > p.lim.MaxDepth {
		return p.exceeded(p.pos, "levels of brackets", p.lim.MaxDepth)
	}
	p.pos++
	p.blanks()
	return nil
}

func (p *filterParser) leave(closing byte) error {
	p.blanks()
	if p.pos >= len(p.s) || p.s[p.pos] != closing {
		return p.fail(p.pos, string(rune(closing))+" is wanted")
	}
	p.pos++
	p.depth--
	return nil
}

func (p *filterParser) group() (Filter, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	return f, p.leave(')')
}

func (p *filterParser) expression() (Filter, error) {
	if p.terms++; p.terms > p.lim.MaxTerms {
		return nil, p.exceeded(p.pos, "expressions", p.lim.MaxTerms)
	}
	path, err := p.path(false)
	if err != nil {
		return nil, err
	}
	if path.Filter != nil && path.Sub == "" {
		return &ValuePath{Path: Path{URN: path.URN, Attr: path.Attr}, Filter: path.Filter}, nil
	}
	if !p.blanks() {
		return nil, p.fail(p.pos, "a blank and an operator are wanted")
	}
	at := p.pos
	word := p.peek()
	p.pos += len(word)
	if sameName(word, "pr") {
		return &Present{path}, nil
	}
	op, ok := operator(word)
	if !ok {
		return nil, p.fail(at, "unknown operator")
	}
	if !p.blanks() {
		return nil, p.fail(p.pos, "a blank and a value are wanted")
	}
	v, err := p.operand()
	if err != nil {
		return nil, err
	}
	return &Compare{path, op, v}, nil
}

func operator(word string) (Op, bool) {
	for _, op := range [...]Op{OpEq, OpNe, OpCo, OpSw, OpEw, OpGt, OpGe, OpLt, OpLe} {
		if sameName(word, string(op)) {
			return op, true
		}
	}
	return "", false
}

// operand reads the JSON literal at the right of an operator, with the strict
// reader's own rules for strings and numbers.
func (p *filterParser) operand() (Value, error) {
	if p.pos < len(p.s) && (p.s[p.pos] == '{' || p.s[p.pos] == '[') {
		return Value{}, p.fail(p.pos, "an operand is a string, a number, true, false or null")
	}
	r := reader{s: p.s, pos: p.pos, lim: Limits{MaxString: p.lim.MaxBytes}.withDefaults()}
	v, err := r.value()
	if err != nil {
		err.What = p.what
		return Value{}, err
	}
	p.pos = r.pos
	if p.pos < len(p.s) && strings.IndexByte(" )]", p.s[p.pos]) < 0 {
		return Value{}, p.fail(p.pos, "unexpected text after the value")
	}
	return v, nil
}

// path reads [URN:]attribute, then [filter], then .sub. A bare URN is taken only
// where bare is set.
func (p *filterParser) path(bare bool) (Path, error) {
	start := p.pos
	var path Path
	if len(p.s)-p.pos >= 4 && sameName(p.s[p.pos:p.pos+4], "urn:") {
		token := p.urn()
		path.URN, path.Attr = splitURN(token)
		if path.Attr == "" {
			bracket := p.pos < len(p.s) && p.s[p.pos] == '['
			_, tail, _ := strings.Cut(token[strings.LastIndexByte(token, ':'):], ".")
			switch {
			case !isURN(token), bracket, isName(tail):
				return Path{}, p.fail(start, "not a schema URN with an attribute")
			case !bare:
				return Path{}, p.fail(start, "a URN without an attribute")
			}
			return path, nil
		}
		if !isURN(path.URN) {
			return Path{}, p.fail(start, "not a schema URN with an attribute")
		}
		path.Attr, path.Sub, _ = strings.Cut(path.Attr, ".")
	} else {
		name, err := p.name()
		if err != nil {
			return Path{}, err
		}
		path.Attr = name
	}
	if p.inside {
		if path.URN != "" || p.pos < len(p.s) && (p.s[p.pos] == '.' || p.s[p.pos] == '[') {
			return Path{}, p.fail(start, "within square brackets a path is the name of a sub-attribute")
		}
		return path, nil
	}
	if p.pos < len(p.s) && p.s[p.pos] == '[' {
		if path.Sub != "" {
			return Path{}, p.fail(p.pos, "square brackets follow an attribute, not a sub-attribute")
		}
		f, err := p.brackets()
		if err != nil {
			return Path{}, err
		}
		path.Filter = f
	}
	if path.Sub == "" && p.pos < len(p.s) && p.s[p.pos] == '.' {
		p.pos++
		sub, err := p.name()
		if err != nil {
			return Path{}, err
		}
		path.Sub = sub
	}
	return path, nil
}

func (p *filterParser) brackets() (Filter, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.inside = true
	f, err := p.or()
	p.inside = false
	if err != nil {
		return nil, err
	}
	return f, p.leave(']')
}

func (p *filterParser) name() (string, error) {
	start := p.pos
	for p.pos < len(p.s) && isNameByte(p.s[p.pos], p.pos == start) {
		p.pos++
	}
	if !isName(p.s[start:p.pos]) {
		return "", p.fail(start, "an attribute name is wanted")
	}
	return p.s[start:p.pos], nil
}

// urn consumes the characters of a URN and of the names after it.
func (p *filterParser) urn() string {
	start := p.pos
	for p.pos < len(p.s) && isURNByte(p.s[p.pos]) {
		p.pos++
	}
	return p.s[start:p.pos]
}

func isURNByte(c byte) bool {
	return isNameByte(c, false) || strings.IndexByte(".:~%+@/", c) >= 0
}

// isURN wants urn:namespace:specific (RFC 8141 §2) of the characters above.
func isURN(s string) bool {
	if len(s) < 4 || !sameName(s[:4], "urn:") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isURNByte(s[i]) {
			return false
		}
	}
	nid, nss, _ := strings.Cut(s[4:], ":")
	return nid != "" && nss != "" && nss[0] != ':' && nss[len(nss)-1] != ':'
}
