// SPDX-License-Identifier: Apache-2.0

package csv

import "bytes"

// fault is what is wrong with a record as a whole. In all of them the key is unsure.
type fault uint8

const (
	faultNone      fault = iota
	faultStray           // text after a closing quote
	faultOpen            // a quote that is never closed
	faultSwallowed       // a quoted field that looks like several rows
	faultTooLong         // longer than MaxRow
)

type state uint8

const (
	atField   state = iota // nothing of the field is read yet
	inBare                 // in a field without quotes
	inBareCR               // the same, and the last byte was a CR
	inQuotes               // in a quoted field
	atQuote                // a quote within quotes: the end, or the first of two
	atQuoteCR              // the end of a quoted field, and a CR
	inRubbish              // after a fault: up to the line end
	afterCR                // a line ended with CR: a LF belongs to it
)

type lineEnds uint8

const (
	endsUnknown lineEnds = iota
	endsLF               // LF or CRLF; a lone CR is data
	endsCR               // CR, LF or CRLF
)

const (
	classDelim = 1 << iota
	classLF
	classCR
)

type span struct{ from, to int }

// record is one row as it stands in the file. It is reused for the next one.
type record struct {
	line      int    // where it starts
	fields    int    // how many there are
	size      int    // bytes
	text      []byte // of the kept fields
	spans     []span // of each slot in text
	fault     fault
	faultAt   int // 1-based field
	faultLine int // where the quote began
	lastLine  int
}

// parser splits UTF-8 text into records. It is fed piece by piece and keeps only the fields that have a slot, so that its
// memory is bounded by maxRow whatever the file holds. encoding/csv is not used as its reader, on a broken quote, neither
// says where the next row starts nor bounds what the quote swallows.
type parser struct {
	delim   byte
	ends    lineEnds
	maxRow  int
	columns int   // of the header; 0 while it is read
	slots   []int // by field: the slot, or -1; nil = keep every field
	emit    func(*record) error
	done    bool // set by emit to stop

	class  [256]byte
	st     state
	line   int
	rec    record
	slot   int
	quoted bool
	from   int // where the field's text starts in rec.text
	// Of the quoted field that is being read:
	quoteLine, breaks, delims int
	lastCR                    bool
}

func newParser(delim byte, maxRow int, emit func(*record) error) *parser {
	p := &parser{delim: delim, maxRow: maxRow, emit: emit, line: 1}
	p.class[delim] = classDelim
	p.class['\n'] = classLF
	p.class['\r'] = classCR
	p.startRecord()
	return p
}

// keep restricts the fields that are kept to n slots, and says how many fields a row has.
func (p *parser) keep(slots []int, n int) {
	p.slots, p.columns = slots, len(slots)
	p.rec.spans = make([]span, n)
	p.startRecord()
}

func (p *parser) startRecord() {
	p.rec = record{line: p.line, text: p.rec.text[:0], spans: p.rec.spans}
	if p.slots == nil {
		p.rec.spans = p.rec.spans[:0]
	}
	clear(p.rec.spans)
	p.startField()
}

func (p *parser) startField() {
	p.st, p.quoted, p.from = atField, false, len(p.rec.text)
	p.breaks, p.delims, p.lastCR = 0, 0, false
	switch {
	case p.slots == nil:
		p.slot = p.rec.fields
	case p.rec.fields < len(p.slots):
		p.slot = p.slots[p.rec.fields]
	default:
		p.slot = -1
	}
}

func (p *parser) feed(b []byte) error {
	for len(b) > 0 && !p.done {
		n, err := p.step(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// step reads some bytes of b, which is not empty, or changes the state.
func (p *parser) step(b []byte) (int, error) {
	switch p.st {
	case atField:
		if b[0] == '"' {
			p.st, p.quoted, p.quoteLine = inQuotes, true, p.line
			return 1, nil
		}
		p.st = inBare
		return 0, nil
	case inBare:
		return p.bare(b)
	case inBareCR, atQuoteCR:
		return p.pendingCR(b[0])
	case inQuotes:
		return p.quotes(b), nil
	case atQuote:
		return p.quote(b[0])
	case afterCR:
		p.st = atField
		if b[0] == '\n' {
			return 1, nil
		}
		return 0, nil
	default:
		return p.rubbish(b)
	}
}

func (p *parser) bare(b []byte) (int, error) {
	n := 0
	for n < len(b) && p.class[b[n]] == 0 {
		n++
	}
	p.take(b[:n])
	if n == len(b) {
		return n, nil
	}
	return n + 1, p.structural(b[n], inBareCR)
}

// structural handles a delimiter or line end that closes a field.
func (p *parser) structural(c byte, cr state) error {
	switch {
	case c == p.delim:
		p.endField()
		p.startField()
		return nil
	case c == '\n':
		if p.ends == endsUnknown {
			p.ends = endsLF
		}
		return p.endRecord()
	case p.ends == endsCR:
		err := p.endRecord()
		p.st = afterCR
		return err
	}
	p.st = cr
	return nil
}

// pendingCR decides what the CR before c was.
func (p *parser) pendingCR(c byte) (int, error) {
	switch {
	case c == '\n':
		p.ends = endsLF
		return 1, p.endRecord()
	case p.ends == endsUnknown:
		p.ends = endsCR
		return 0, p.endRecord()
	case p.st == inBareCR:
		p.take([]byte{'\r'})
		p.st = inBare
		return 0, nil
	}
	p.blame(faultStray)
	return 0, nil
}

func (p *parser) quotes(b []byte) int {
	n := bytes.IndexByte(b, '"')
	seg := b
	if n >= 0 {
		seg = b[:n]
	}
	p.take(seg)
	if breaks := p.countBreaks(seg); breaks > 0 {
		p.line += breaks
		p.breaks += breaks
	}
	p.delims += bytes.Count(seg, []byte{p.delim})
	if n < 0 {
		return len(b)
	}
	p.st = atQuote
	return n + 1
}

func (p *parser) countBreaks(seg []byte) int {
	if p.ends != endsCR {
		return bytes.Count(seg, []byte{'\n'})
	}
	n := 0
	for _, c := range seg {
		if c == '\r' || c == '\n' && !p.lastCR {
			n++
		}
		p.lastCR = c == '\r'
	}
	return n
}

// quote decides what the quote before c was.
func (p *parser) quote(c byte) (int, error) {
	if c == '"' {
		p.take([]byte{'"'})
		p.st = inQuotes
		return 1, nil
	}
	if p.class[c] != 0 {
		return 1, p.structural(c, atQuoteCR)
	}
	p.blame(faultStray)
	return 0, nil
}

func (p *parser) rubbish(b []byte) (int, error) {
	for n, c := range b {
		if c == '\n' || c == '\r' && p.ends != endsLF {
			p.size(n)
			err := p.endRecord()
			if c == '\r' {
				p.st = afterCR
			}
			return n + 1, err
		}
	}
	p.size(len(b))
	return len(b), nil
}

// take adds text to the field, unless nobody reads it or the record is past its limit.
func (p *parser) take(b []byte) {
	if p.size(len(b)) && p.slot >= 0 {
		p.rec.text = append(p.rec.text, b...)
	}
}

func (p *parser) size(n int) bool {
	p.rec.size += n
	if p.rec.size <= p.maxRow {
		return true
	}
	p.note(faultTooLong)
	return false
}

// blame gives the record up: what follows on the line is not read.
func (p *parser) blame(f fault) {
	p.note(f)
	p.st = inRubbish
}

func (p *parser) note(f fault) {
	if p.rec.fault == faultNone {
		p.rec.fault, p.rec.faultAt, p.rec.faultLine = f, p.rec.fields+1, p.line
		if p.quoted {
			p.rec.faultLine = p.quoteLine
		}
	}
}

func (p *parser) endField() {
	if p.breaks > 0 && p.columns > 1 && p.delims == p.breaks*(p.columns-1) {
		// From a quote that should not be there to another in the same column of a later row, a field holds exactly this
		// many delimiters; the row that comes out has the right length, its head from one person and its tail from another.
		p.note(faultSwallowed)
	}
	if p.slot >= 0 {
		s := span{p.from, len(p.rec.text)}
		if p.slots == nil {
			p.rec.spans = append(p.rec.spans, s)
		} else {
			p.rec.spans[p.slot] = s
		}
	}
	p.rec.fields++
	p.size(1)
}

// endRecord is called at a line end; the record's last field is the current one.
func (p *parser) endRecord() error {
	p.rec.lastLine = p.line
	p.line++
	return p.finishRecord()
}

func (p *parser) finishRecord() error {
	var err error
	if blank := p.rec.size == 0 && !p.quoted && p.rec.fields == 0; !blank {
		p.endField()
		err = p.emit(&p.rec)
	}
	p.startRecord()
	return err
}

// finish ends the text. It tells whether a quote was still open.
func (p *parser) finish() (open bool, err error) {
	if p.done || p.st == afterCR {
		return false, nil
	}
	if p.st == inQuotes {
		open = true
		p.rec.fault = faultNone // an open quote says more than the length that it led to
		p.note(faultOpen)
	}
	p.rec.lastLine = p.line
	return open, p.finishRecord()
}
