// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

const (
	encUTF8    = "utf-8"
	encUTF16LE = "utf-16le"
	encUTF16BE = "utf-16be"
	enc1252    = "windows-1252"
	encLatin1  = "iso-8859-1"
	encLatin9  = "iso-8859-15"
)

// chunkSize is what is read at once.
const chunkSize = 256 << 10

func encodingByName(name string) (string, error) {
	switch n := strings.ToLower(name); n {
	case "", encUTF8, encUTF16LE, encUTF16BE, enc1252, encLatin1, encLatin9:
		return n, nil
	case "utf8":
		return encUTF8, nil
	case "cp1252":
		return enc1252, nil
	case "latin1", "latin-1":
		return encLatin1, nil
	case "latin9", "latin-9":
		return encLatin9, nil
	}
	return "", fmt.Errorf("csv: unknown encoding %q; known are utf-8, utf-16le, utf-16be, windows-1252, iso-8859-1, iso-8859-15", name)
}

// codePage is the table of an encoding of one byte a character; nil for others.
func codePage(encoding string) *charmap.Charmap {
	switch encoding {
	case enc1252:
		return charmap.Windows1252
	case encLatin1:
		return charmap.ISO8859_1
	case encLatin9:
		return charmap.ISO8859_15
	}
	return nil
}

// format is how the bytes of a file become text.
type format struct {
	encoding string
	bom      int // length of the byte order mark
	note     string
}

// findFormat looks at the start of the file, and at all of it if nothing else tells.
func findFormat(ctx context.Context, src io.Reader, want string) (format, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return format{}, err
	}
	head = head[:n]
	f, err := formatByMark(head)
	if err != nil {
		return format{}, err
	}
	switch {
	case f.bom > 0 && want != "" && want != f.encoding:
		return format{}, fmt.Errorf("the file begins with the byte order mark of %s, but the configuration says %s", f.encoding, want)
	case f.bom > 0:
		return f, nil
	case want != "":
		return format{encoding: want}, nil
	}
	whole, broken, err := countUTF8(ctx, io.MultiReader(bytes.NewReader(head), src))
	switch {
	case err != nil:
		return format{}, err
	case broken == 0:
		return format{encoding: encUTF8}, nil
	case whole > broken:
		return format{encoding: encUTF8, note: fmt.Sprintf("taken as UTF-8, with %d broken bytes", broken)}, nil
	}
	return format{encoding: enc1252, note: "not valid UTF-8: taken as Windows-1252; set the encoding if that is wrong"}, nil
}

func formatByMark(head []byte) (format, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(head, []byte{0, 0, 0xFE, 0xFF}):
		return format{}, errors.New("the file is UTF-32, which is not read; save it as UTF-8")
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return format{encoding: encUTF8, bom: 3}, nil
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return format{encoding: encUTF16LE, bom: 2}, nil
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return format{encoding: encUTF16BE, bom: 2}, nil
	}
	return format{}, nil
}

// countUTF8 counts valid sequences of several bytes, and bytes that belong to none.
func countUTF8(ctx context.Context, src io.Reader) (whole, broken int, err error) {
	buf := make([]byte, chunkSize)
	rest := 0
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, context.Cause(ctx)
		}
		n, err := src.Read(buf[rest:])
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		b, eof := buf[:rest+n], err != nil
		for len(b) > 0 && (eof || b[0] < utf8.RuneSelf || utf8.FullRune(b)) {
			if b[0] < utf8.RuneSelf {
				b = b[asciiPrefix(b):]
				continue
			}
			_, size := utf8.DecodeRune(b)
			if size > 1 {
				whole++
			} else {
				broken++
			}
			b = b[size:]
		}
		if eof {
			return whole, broken, nil
		}
		rest = copy(buf, b)
	}
}

func asciiPrefix(b []byte) int {
	n := 0
	for len(b)-n >= 8 && binary.LittleEndian.Uint64(b[n:])&0x8080808080808080 == 0 {
		n += 8
	}
	for n < len(b) && b[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// decoder turns the bytes of a file into UTF-8, piece by piece. What is broken stays recognisable for source.BadText, in its row.
type decoder struct {
	encoding string
	skip     int // bytes of the byte order mark yet to come
	odd      []byte
	high     rune // a high surrogate that waits for its low one
	out      []byte
}

// decode returns text that is valid until the next call.
func (d *decoder) decode(b []byte) []byte {
	n := min(d.skip, len(b))
	d.skip, b = d.skip-n, b[n:]
	if d.encoding == encUTF8 {
		return b
	}
	if page := codePage(d.encoding); page != nil {
		d.out = d.out[:0]
		for _, c := range b {
			r := page.DecodeByte(c)
			if r == utf8.RuneError {
				r = rune(c) // a byte that the code page leaves open becomes a C1 control, which source.BadText refuses
			}
			d.out = utf8.AppendRune(d.out, r)
		}
		return d.out
	}
	return d.decodeUTF16(b)
}

func (d *decoder) decodeUTF16(b []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if d.encoding == encUTF16BE {
		order = binary.BigEndian
	}
	d.out = d.out[:0]
	if len(d.odd) == 1 && len(b) > 0 {
		d.unit(rune(order.Uint16([]byte{d.odd[0], b[0]})))
		d.odd, b = d.odd[:0], b[1:]
	}
	for ; len(b) >= 2; b = b[2:] {
		d.unit(rune(order.Uint16(b)))
	}
	d.odd = append(d.odd, b...)
	return d.out
}

func (d *decoder) unit(u rune) {
	if d.high != 0 {
		if r := utf16.DecodeRune(d.high, u); r != utf8.RuneError {
			d.out = utf8.AppendRune(d.out, r)
			d.high = 0
			return
		}
		d.out = appendSurrogate(d.out, d.high)
		d.high = 0
	}
	switch {
	case u >= 0xD800 && u < 0xDC00:
		d.high = u
	case utf16.IsSurrogate(u):
		d.out = appendSurrogate(d.out, u)
	default:
		d.out = utf8.AppendRune(d.out, u)
	}
}

// close returns what the end of the file leaves over.
func (d *decoder) close() []byte {
	var b []byte // not d.out, which the caller may still hold
	if d.high != 0 {
		b = appendSurrogate(b, d.high)
	}
	return append(b, bytes.Repeat([]byte{0xFF}, len(d.odd))...)
}

// appendSurrogate writes the three bytes that UTF-8 would have for it, so that it stays to be found; see surrogate.
func appendSurrogate(b []byte, u rune) []byte {
	return append(b, 0xED, 0x80|byte(u>>6)&0x3F, 0x80|byte(u)&0x3F)
}
