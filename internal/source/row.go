// SPDX-License-Identifier: Apache-2.0

package source

import "encoding/binary"

// Row is one record that can be taken as it is. Its values are packed, as a big
// file is in memory as a whole: names of a hundred thousand people are some ten
// megabytes, a slice of strings for each of them would be three times as much.
type Row struct {
	// Line is the 1-based line of the file in which the record starts.
	Line int
	// Key is the source's immutable id of the person, without blanks around it. No other row has it.
	Key string
	// packed is how many values there are, and each with its length before it.
	packed string
}

// NewRow makes a row of values: those of the declared columns that are read, in
// the order of the declaration.
func NewRow(line int, key string, values ...string) Row {
	var p Packer
	raw := make([][]byte, len(values))
	for i, v := range values {
		raw[i] = []byte(v)
	}
	p.Add(line, []byte(key), raw)
	return p.Rows()[0]
}

// Values unpacks the values.
func (r Row) Values() []string { return r.AppendValues(nil) }

// AppendValues unpacks the values behind those of dst.
func (r Row) AppendValues(dst []string) []string {
	n, rest := length(r.packed)
	for range n {
		size, text := length(rest)
		dst, rest = append(dst, text[:size]), text[size:]
	}
	return dst
}

// length reads a number off the front of what a Packer wrote.
func length(s string) (int, string) {
	n := 0
	for i := 0; ; i++ {
		n |= int(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, s[i+1:]
		}
	}
}

// Packer makes rows in blocks, so that each row costs its text and little more.
// The zero Packer is ready.
type Packer struct {
	rows  []Row
	block []byte
	ends  []place // of the rows whose text is in the block
}

type place struct{ key, packed, end int }

const blockSize = 64 << 10

// Add packs a row. Nothing of key and values is kept.
func (p *Packer) Add(line int, key []byte, values [][]byte) {
	at := place{key: len(p.block)}
	p.block = append(p.block, key...)
	at.packed = len(p.block)
	p.block = binary.AppendUvarint(p.block, uint64(len(values)))
	for _, v := range values {
		p.block = binary.AppendUvarint(p.block, uint64(len(v)))
		p.block = append(p.block, v...)
	}
	at.end = len(p.block)
	p.rows, p.ends = append(p.rows, Row{Line: line}), append(p.ends, at)
	if len(p.block) >= blockSize {
		p.flush()
	}
}

func (p *Packer) flush() {
	text := string(p.block)
	rows := p.rows[len(p.rows)-len(p.ends):]
	for i, at := range p.ends {
		rows[i].Key, rows[i].packed = text[at.key:at.packed], text[at.packed:at.end]
	}
	p.block, p.ends = p.block[:0], p.ends[:0]
}

// Rows returns all rows that were added.
func (p *Packer) Rows() []Row {
	p.flush()
	p.block, p.ends = nil, nil
	return p.rows
}
