// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// account is a row of the app's own table, which stands for a table in a database.
type account struct {
	ID, Version           int
	External, Login, Name string
	Active                bool
	Created, Changed      time.Time
}

type table struct {
	mu   sync.Mutex
	last int
	rows map[int]account
}

func newTable() *table { return &table{rows: map[int]account{}} }

func (t *table) find(id string) (account, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.row(id)
}

func (t *table) row(id string) (account, bool) {
	n, _ := strconv.Atoi(id)
	a, ok := t.rows[n]
	return a, ok && strconv.Itoa(n) == id
}

func (t *table) all() []account {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.rows), func(a, b account) int { return cmp.Compare(a.ID, b.ID) })
}

// write changes a row, or makes one if id is "", in one transaction.
func (t *table) write(id string, change func(*account) error) (account, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	a, ok := t.row(id)
	switch {
	case id == "":
		t.last++
		a = account{ID: t.last, Created: now}
	case !ok:
		return a, scimserver.ErrNotFound
	}
	old := a
	if err := change(&a); err != nil || id != "" && a == old {
		return a, err
	}
	for _, other := range t.rows {
		if other.ID != a.ID && scim.Fold(other.Login) == scim.Fold(a.Login) {
			return a, &scimserver.UniquenessError{Attribute: "userName"}
		}
	}
	a.Version, a.Changed = a.Version+1, now
	t.rows[a.ID] = a
	return a, nil
}

func (t *table) remove(id string, may func(account) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.row(id)
	if !ok {
		return scimserver.ErrNotFound
	}
	if err := may(a); err != nil {
		return err
	}
	delete(t.rows, a.ID)
	return nil
}
