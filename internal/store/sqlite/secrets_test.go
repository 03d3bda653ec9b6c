// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/store/sqlite"
)

// TestSecretsOfAnEarlierStore: a store that was written before secrets had a state, and is
// opened for reading alone, shows them.
func TestSecretsOfAnEarlierStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sqlite.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	err = db.Secrets().Update(t.Context(), func(tx secret.Tx) error {
		return tx.PutSecret(t.Context(), secret.Sealed{Name: "crm", Version: 3, Origin: "https://app.example", Key: "0a0b0c0d", Ciphertext: []byte{1}, Created: tx.Now(), Who: "ines"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = raw.ExecContext(t.Context(), `ALTER TABLE secrets DROP COLUMN state`)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := sqlite.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if all, err := old.Secrets().Secrets(t.Context()); err != nil || len(all) != 1 || all[0].Version != 3 || all[0].State != secret.Held || all[0].Who != "ines" {
		t.Errorf("%+v, %v", all, err)
	}
}
