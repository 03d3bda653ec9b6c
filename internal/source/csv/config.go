// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/source"
)

// Config says which file to read and what is wanted of it. Path, Key and Columns are required.
type Config struct {
	Path string
	// Place connects to the server on which Path lies; nil is this machine.
	Place func(ctx context.Context) (Place, error)
	// Done is what is added to the file's name to get that of the file that says that it
	// is whole: it holds the file's SHA-256, as sha256sum prints it. "" is no such file.
	Done string
	// Key is the column that holds the immutable id; one of Columns.
	Key string
	// Columns are the declared columns. Others in the file are ignored.
	Columns []string
	// Read are the declared columns that some expression reads. No other is kept, or even looked at; the key is, always.
	Read []string
	// Required are the declared columns without which the file is refused; nil means all. A declared column that is neither
	// required nor there reads as "". The key is required in any case.
	Required []string
	// Changes says that the rows tell of changes, in the order in which they
	// came about: of several rows of one key the last that can be taken counts.
	Changes bool
	// Encoding is utf-8, utf-16le, utf-16be, windows-1252 (cp1252), iso-8859-1 (latin1) or iso-8859-15 (latin9); "" means
	// find out, which never finds the last two: text in the first is the same in windows-1252.
	Encoding string
	// Delimiter is an ASCII character; 0 means find out.
	Delimiter rune
	// Settle is how long to wait for a file that changes or looks unfinished; 0 means 10 s.
	Settle time.Duration
	// Listed is what [Files] said of the file, if it did: one on a server has been the same since then, if it is so now.
	Listed File
	Limits Limits
}

// Limits bound what one file may cost. A zero field means its default.
type Limits struct {
	MaxBytes   int64 // of the file; 4 GiB
	MaxRow     int   // bytes of a record, as UTF-8; 1 MiB
	MaxField   int   // characters of a value that is read; 4096
	MaxColumns int   // 1000
	MaxRows    int   // 10 million
}

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxBytes:   cmp.Or(l.MaxBytes, 4<<30),
		MaxRow:     cmp.Or(l.MaxRow, 1<<20),
		MaxField:   cmp.Or(l.MaxField, source.MaxField),
		MaxColumns: cmp.Or(l.MaxColumns, 1000),
		MaxRows:    cmp.Or(l.MaxRows, 10_000_000),
	}
}

// Validate says what is wrong with the configuration, before there is a file.
func (c Config) Validate() error {
	_, err := c.resolve()
	return err
}

// resolve checks the configuration and fills in the defaults.
func (c Config) resolve() (Config, error) {
	c.Limits = c.Limits.withDefaults()
	c.Settle = cmp.Or(c.Settle, 10*time.Second)
	if c.Required == nil {
		c.Required = c.Columns
	}
	enc, err := encodingByName(c.Encoding)
	if err != nil {
		return c, err
	}
	c.Encoding = enc
	switch {
	case c.Path == "":
		return c, errors.New("csv: no path")
	case c.Done != "" && (c.Done[0] != '.' || len(c.Done) > longestDone || strings.ContainsAny(c.Done, `/\*?[`)):
		return c, fmt.Errorf("csv: done is what is added to the file's name, such as .done or .sha256, and not %q", c.Done)
	case c.Settle < 0:
		return c, errors.New("csv: settle is negative")
	case min(c.Limits.MaxBytes, int64(c.Limits.MaxRow), int64(c.Limits.MaxField), int64(c.Limits.MaxColumns), int64(c.Limits.MaxRows)) < 0:
		return c, errors.New("csv: a limit is negative")
	case !slices.Contains(c.Columns, c.Key):
		return c, fmt.Errorf("csv: the key column %q is not declared", c.Key)
	case c.Delimiter != 0 && (c.Delimiter > '~' || c.Delimiter < ' ' && c.Delimiter != '\t' || c.Delimiter == '"'):
		return c, fmt.Errorf("csv: the delimiter %q is no printable ASCII character or tab, or is the quote", c.Delimiter)
	}
	return c, c.checkNames()
}

func (c Config) checkNames() error {
	for i, name := range c.Columns {
		if name == "" || strings.TrimFunc(name, source.IsBlank) != name {
			return fmt.Errorf("csv: the declared column %q is empty or has blanks around it", name)
		}
		if slices.Contains(c.Columns[:i], name) {
			return fmt.Errorf("csv: the column %q is declared twice", name)
		}
	}
	for _, name := range slices.Concat(c.Read, c.Required) {
		if !slices.Contains(c.Columns, name) {
			return fmt.Errorf("csv: the column %q is not declared", name)
		}
	}
	return nil
}

// kept are the columns whose values a row carries, in the order of the declaration.
func (c Config) kept() []string {
	var names []string
	for _, name := range c.Columns {
		if slices.Contains(c.Read, name) {
			names = append(names, name)
		}
	}
	return names
}
