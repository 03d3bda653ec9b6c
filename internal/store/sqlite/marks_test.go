// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// Whoever changes is marked in every app that there is, however many, those included
// that came in the same transaction, and none that was taken back.
func TestMarksInEveryApp(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "usher.db"))
	ctx := t.Context()
	put := func(tx provision.Tx, id string) error {
		d, ok := tx.(directory.Tx)
		if !ok {
			return errors.New("no directory")
		}
		p := &directory.Person{ID: id, State: directory.Active, Generation: 1, Revision: 1, User: scim.NewResource(scim.UserURN)}
		return d.PutPeople(ctx, []*directory.Person{p})
	}
	marked := func(tx provision.Tx, apps int, id string) {
		t.Helper()
		for i := range apps + 1 {
			found, err := tx.Subjects(ctx, provision.Query{App: fmt.Sprint("app", i), People: []string{id}, Due: true, Now: tx.Now(), Limit: 9})
			if err != nil || (len(found) == 1) != (i < apps) {
				t.Errorf("%s at app %d of %d: %d marks, %v", id, i, apps, len(found), err)
			}
		}
	}
	err := db.Provision().Update(ctx, func(tx provision.Tx) error {
		for apps := range 6 {
			id := fmt.Sprint("person", apps)
			for range 2 { // anew, and again
				if err := put(tx, id); err != nil {
					return err
				}
			}
			marked(tx, apps, id)
			if err := tx.PutApp(ctx, provision.AppState{Name: fmt.Sprint("app", apps)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	err = open(t, filepath.Join(t.TempDir(), "usher.db")).Rehearse(ctx, func(in store.DB) error {
		err := in.Provision().Update(ctx, func(tx provision.Tx) error {
			return errors.Join(tx.PutApp(ctx, provision.AppState{Name: "app0"}), put(tx, "x"), refused)
		})
		if !errors.Is(err, refused) {
			return err
		}
		return in.Provision().Update(ctx, func(tx provision.Tx) error {
			err := put(tx, "y")
			marked(tx, 0, "y")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
