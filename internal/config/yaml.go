// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxDepth = 20
	// maxStructure bounds lines and the characters that make structure: a parsed
	// node costs some hundred times the one byte that asks for it, and the time
	// of the parser grows with the square of the keys in a map (100,000 keys: 20 s).
	maxStructure = 60_000
	// maxRefused ends the search for things that are not allowed: a file full
	// of them is no configuration.
	maxRefused = 20
)

type kind uint8

const (
	kindBad kind = iota // already reported
	kindNull
	kindText
	kindQuoted
	kindInteger
	kindDecimal
	kindBool
	kindMap
	kindList
)

// node is the file's tree cut down to what a configuration needs.
type node struct {
	kind     kind
	pos      Position
	raw      string // as written, before expansion; what errors show
	value    string // after expansion
	expanded bool
	entries  []entry
	items    []*node
	shape    *Schema // a probe only: what its readers ask of it, see JSONSchema
}

type entry struct {
	key   Text
	value *node
}

// reader turns the bytes of one file into a node, collecting what is wrong.
type reader struct {
	file   string
	lines  [][]byte
	lookup func(string) (string, bool)
	errs   Errors
}

// fail notes a mistake. The YAML library counts the lines of a plain scalar that runs
// over several of them anew, so that a place may lie behind the end of the file.
func (r *reader) fail(pos Position, msg, hint string) {
	if n := len(r.lines); n > 0 {
		pos.Line = min(pos.Line, n)
	}
	r.errs = append(r.errs, &Error{Pos: pos, Msg: msg, Hint: hint})
}

func (r *reader) at(line, column int) Position {
	return Position{File: r.file, Line: max(line, 1), Column: max(column, 1)}
}

// read returns the tree, or nil if the file cannot be taken as one.
func (r *reader) read(data []byte) *node {
	src, ok := r.plain(data)
	if !ok {
		return nil
	}
	body, err := r.parse(src)
	if err != nil {
		r.syntax(err)
		return nil
	}
	if body == nil {
		if len(r.errs) == 0 {
			r.fail(r.at(1, 1), "the configuration is empty", "examples/hr-csv/usher.yaml is one to start from")
		}
		return nil
	}
	return r.node(body, 1)
}

// plain checks the bytes and makes every line end in \n.
func (r *reader) plain(data []byte) (string, bool) {
	if len(data) > MaxFile {
		r.fail(Position{File: r.file}, "the file is larger than 4 MiB", "")
		return "", false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	r.lines = bytes.Split(data, []byte("\n"))
	structure := 0
	for n, line := range r.lines {
		structure++
		for i := 0; i < len(line); {
			c, size := utf8.DecodeRune(line[i:])
			switch {
			case c == utf8.RuneError && size == 1:
				r.fail(r.at(n+1, utf8.RuneCount(line[:i])+1), "not UTF-8 text", "save the file as UTF-8")
				return "", false
			case c < ' ' && c != '\t' || c == 0x7f || c == 0xfeff:
				r.fail(r.at(n+1, utf8.RuneCount(line[:i])+1), fmt.Sprintf("control character U+%04X", c), "")
				return "", false
			case strings.ContainsRune(":,-?[]{}", c):
				structure++
			}
			i += size
		}
	}
	if structure > maxStructure {
		r.fail(Position{File: r.file}, "the file holds too many keys and lists", "")
		return "", false
	}
	return string(data), true
}

// parse returns the one document's body; nil if there is none.
func (r *reader) parse(src string) (body ast.Node, err error) {
	// The YAML library is not ours; a panic of its parser must become an error
	// of this file, as reading a configuration is no reason to crash.
	defer func() {
		if p := recover(); p != nil {
			body, err = nil, errUnreadable
		}
	}()
	tokens := lexer.Tokenize(src)
	if !r.allowed(tokens) {
		return nil, nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			start := doc.Start // the ---; a document may also begin behind a ...
			if start == nil {
				start = doc.Body.GetToken()
			}
			r.fail(r.tokenPos(start), "a second document in the file", "write one document without ---")
			break
		}
		body = doc.Body
	}
	return body, nil
}

var errUnreadable = errors.New("cannot be read as YAML")

// allowed reports the tokens that this file may not hold. It runs before the
// parser, which descends as deep as the text says: false means do not parse.
func (r *reader) allowed(tokens token.Tokens) bool {
	refused, flow := 0, 0
	var columns []int // where the open block maps and lists began
	for _, tk := range tokens {
		msg, hint := refusal(tk.Type)
		if msg != "" {
			r.fail(r.tokenPos(tk), msg, hint)
			if refused++; refused >= maxRefused {
				return false
			}
		}
		switch {
		case tk.Type == token.MappingStartType || tk.Type == token.SequenceStartType:
			flow++
		case tk.Type == token.MappingEndType || tk.Type == token.SequenceEndType:
			flow = max(0, flow-1)
		case flow > 0:
		case tk.Type == token.SequenceEntryType || tk.Next != nil && tk.Next.Type == token.MappingValueType:
			for len(columns) > 0 && columns[len(columns)-1] >= tk.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, tk.Position.Column)
		}
		if flow+len(columns) > maxDepth {
			r.fail(r.tokenPos(tk), fmt.Sprintf("nested deeper than %d", maxDepth), "")
			return false
		}
	}
	return true
}

func refusal(t token.Type) (msg, hint string) {
	const spell = "write the value out"
	switch t {
	case token.AnchorType:
		return "anchors (&) are not supported", spell
	case token.AliasType:
		return "aliases (*) are not supported", spell + "; put an expression that begins with * in quotes"
	case token.MergeKeyType:
		return "merge keys (<<) are not supported", spell
	case token.TagType:
		return "tags (!) are not supported", "put an expression that begins with ! in quotes"
	case token.DirectiveType:
		return "directives (%) are not supported", ""
	case token.MappingKeyType:
		return "keys that begin with ? are not supported", "write key: value"
	default:
		return "", ""
	}
}

// syntax reports an error of the YAML parser: its message without its excerpt
// of the file, which may show a credential.
func (r *reader) syntax(err error) {
	var y yaml.Error
	if !errors.As(err, &y) || y.GetToken() == nil {
		r.fail(Position{File: r.file}, errUnreadable.Error(), "")
		return
	}
	r.fail(r.tokenPos(y.GetToken()), "not valid YAML: "+y.GetMessage(), "")
}

func (r *reader) tokenPos(tk *token.Token) Position {
	if tk == nil || tk.Position == nil {
		return Position{File: r.file}
	}
	return r.at(tk.Position.Line, tk.Position.Column)
}

// node converts a node of the library, and what is in it.
func (r *reader) node(n ast.Node, depth int) *node {
	if n == nil {
		return &node{kind: kindNull, pos: r.at(1, 1)}
	}
	pos := r.tokenPos(n.GetToken())
	if depth > maxDepth {
		r.fail(pos, fmt.Sprintf("nested deeper than %d", maxDepth), "")
		return &node{kind: kindBad, pos: pos}
	}
	switch n := n.(type) {
	case *ast.AnchorNode: // reported by allowed, as are the next two
		return r.node(n.Value, depth)
	case *ast.TagNode:
		return r.node(n.Value, depth)
	case *ast.AliasNode:
		return &node{kind: kindBad, pos: pos}
	case *ast.MappingNode:
		return r.mapping(n, depth)
	case *ast.SequenceNode:
		out := &node{kind: kindList, pos: pos}
		for _, v := range n.Values {
			out.items = append(out.items, r.node(v, depth+1))
		}
		return out
	default:
		return r.scalar(n, pos)
	}
}

func (r *reader) mapping(n *ast.MappingNode, depth int) *node {
	out := &node{kind: kindMap, pos: r.tokenPos(n.GetToken())}
	first := map[string]Position{}
	for i, v := range n.Values {
		switch v.Key.(type) {
		case *ast.MergeKeyNode, *ast.MappingKeyNode: // reported by allowed
			continue
		}
		tk := v.Key.GetToken()
		key := Text{Value: tk.Value, Pos: r.inQuotes(tk)}
		if i == 0 {
			out.pos = key.Pos // a block map has the place of its first colon
		}
		if strings.Contains(key.Value, "${") {
			r.fail(key.Pos, "variables are not expanded in keys", "")
			continue
		}
		if at, twice := first[key.Value]; twice {
			r.fail(key.Pos, key.Value+" is there twice", fmt.Sprintf("first on line %d", at.Line))
			continue
		}
		first[key.Value] = key.Pos
		value := r.node(v.Value, depth+1)
		if value.kind == kindNull {
			value.pos = key.Pos // a missing value has no place of its own
		}
		out.entries = append(out.entries, entry{key, value})
	}
	return out
}

// inQuotes is the place of the token's first character, behind its quote.
func (r *reader) inQuotes(tk *token.Token) Position {
	pos := r.tokenPos(tk)
	if tk != nil && (tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType) {
		pos.Column++
	}
	return pos
}

func (r *reader) scalar(n ast.Node, pos Position) *node {
	tk := n.GetToken()
	out := &node{kind: kindText, pos: r.inQuotes(tk)}
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{kind: kindNull, pos: pos}
	case *ast.StringNode:
		if out.raw = n.Value; out.pos != pos {
			out.kind = kindQuoted
		}
	case *ast.LiteralNode:
		out.kind, out.raw, out.pos = kindQuoted, n.Value.Value, r.block(pos)
	case *ast.BoolNode:
		out.kind, out.raw = kindBool, tk.Value
	case *ast.IntegerNode:
		out.kind, out.raw = kindInteger, tk.Value
	case *ast.FloatNode:
		out.kind, out.raw = kindDecimal, tk.Value
	case *ast.InfinityNode, *ast.NanNode:
		out.kind, out.raw = kindText, tk.Value
	default:
		r.fail(pos, "a value of this kind is not supported", "")
		return &node{kind: kindBad, pos: pos}
	}
	value, used, problems := expand(out.raw, r.lookup)
	out.value, out.expanded = value, used
	for _, p := range problems {
		line, column := lineColumn(out.raw, p.offset)
		r.fail(Text{Pos: out.pos}.At(line, column), p.msg, p.hint)
		out.kind = kindBad
	}
	return out
}

// block is the place of the first line of a block scalar whose | or > stands at
// header: the line below it, at the column at which its text begins.
func (r *reader) block(header Position) Position {
	if header.Line >= len(r.lines) { // lines[header.Line] is the one below
		return header
	}
	i := slices.IndexFunc(r.lines[header.Line:], func(line []byte) bool {
		return len(bytes.TrimLeft(line, " ")) > 0
	})
	if i < 0 {
		return header
	}
	line := r.lines[header.Line+i]
	return r.at(header.Line+1, len(line)-len(bytes.TrimLeft(line, " "))+1)
}

func lineColumn(s string, offset int) (line, column int) {
	before := s[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
