// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// mostPaged is how many rows can be reached by page and per_page.
	mostPaged = 1_000
	// mostTaken is how many rows a checkpoint's page may have.
	mostTaken   = 100
	defaultTake = 50
	// checkpointLife is how long a checkpoint can be used.
	checkpointLife = 24 * time.Hour
)

// row is a row of a list: what it is sorted by, and how it is shown.
type row struct {
	key  string
	json func() jsontext.Value
}

// page is a window on a list, by offsets.
type page struct {
	start, limit int
	totals       bool
}

func invalidPaging(message string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_paging", message)
}

// number reads a parameter that is a number.
func (c *call) number(name string, otherwise, least, most int) (int, error) {
	text := c.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, badQuery("Expected type integer but found type string on property " + name)
	case n < least:
		return 0, badQuery(fmt.Sprintf("Value %d is less than minimum %d on property %s", n, least, name))
	case n > most:
		return 0, badQuery(fmt.Sprintf("Value %d is greater than maximum %d on property %s", n, most, name))
	}
	return n, nil
}

func (c *call) page() (page, error) {
	limit, err := c.number("per_page", min(defaultTake, c.cfg.MostPerPage), 0, c.cfg.MostPerPage)
	if err != nil {
		return page{}, err
	}
	n, err := c.number("page", 0, 0, 1<<30)
	if err != nil {
		return page{}, err
	}
	p := page{start: n * limit, limit: limit, totals: c.query.Get("include_totals") == "true"}
	if p.start+p.limit > mostPaged {
		return page{}, invalidPaging("You can only page through the first 1000 records.")
	}
	return p, nil
}

// write shows a window of rows.
func (p page) write(name string, total int, rows []row) jsontext.Value {
	list := appendRows(nil, rows)
	if !p.totals {
		return list
	}
	var o object
	o.number("start", p.start)
	o.number("limit", p.limit)
	o.number("length", len(rows))
	o.number("total", total)
	o.raw(name, list)
	return o.end()
}

func appendRows(b []byte, rows []row) []byte {
	b = append(b, '[')
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.json()...)
	}
	return append(b, ']')
}

// list answers with rows, which it sorts by their keys: by offsets, or by checkpoints
// if from or take ask for that, or if the endpoint knows nothing else.
func (c *call) list(name string, rows []row) (answer, error) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.key, b.key) })
	if c.query.Has("take") || c.query.Has("from") || !slices.Contains(c.route.query, "page") {
		return c.listFrom(name, rows)
	}
	p, err := c.page()
	if err != nil {
		return answer{}, err
	}
	total := len(rows)
	rows = rows[min(p.start, total):min(p.start+p.limit, total)]
	return ok(p.write(name, total, rows))
}

func (c *call) listFrom(name string, rows []row) (answer, error) {
	take, err := c.number("take", defaultTake, 1, mostTaken)
	if err != nil {
		return answer{}, err
	}
	if from := c.query.Get("from"); from != "" {
		after, err := c.checkpoint(from)
		if err != nil {
			return answer{}, err
		}
		i, _ := slices.BinarySearchFunc(rows, after, func(r row, key string) int {
			if r.key <= key {
				return -1
			}
			return 1
		})
		rows = rows[i:]
	}
	var o object
	shown := rows[:min(take, len(rows))]
	o.raw(name, appendRows(nil, shown))
	if len(rows) > take {
		o.text("next", base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s %s", c.now.Unix(), c.args["id"], shown[len(shown)-1].key)))
	}
	return ok(o.end())
}

// checkpoint reads a checkpoint: it lives for a day, and belongs to one list.
func (c *call) checkpoint(text string) (string, error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	made, rest, cutOnce := strings.Cut(string(plain), " ")
	of, key, cutTwice := strings.Cut(rest, " ")
	at, badTime := strconv.ParseInt(made, 10, 64)
	if err != nil || !cutOnce || !cutTwice || badTime != nil || of != c.args["id"] || c.now.Sub(time.Unix(at, 0)) >= checkpointLife {
		return "", invalidPaging("The from parameter is invalid, or has expired.")
	}
	return key, nil
}
