// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"fmt"

	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/store"
)

var secrets = group{
	"secrets are kept by name and version":      secretsAreKept,
	"secrets have a state":                      secretsHaveAState,
	"a failed change of secrets leaves nothing": failedSecrets,
	"a rehearsal sets no secret":                rehearsedSecrets,
}

func sealed(name string, version int) secret.Sealed {
	return secret.Sealed{
		Name: name, Version: version, Origin: "https://app.example", Key: "0a0b0c0d", Ciphertext: []byte{1, 0, byte(version), 255}, Created: noon, Who: "ines",
	}
}

func (b *bundle) secrets(fn func(secret.Tx) error) {
	b.Helper()
	b.must(b.all.Secrets().Update(b.ctx, fn))
}

// keptSecrets are what a store has, as name/version.
func (b *bundle) keptSecrets() (out []string) {
	b.Helper()
	all, err := b.all.Secrets().Secrets(b.ctx)
	b.must(err)
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s/%d", s.Name, s.Version))
	}
	return out
}

func secretsAreKept(b *bundle) {
	same(b, "at first", b.keptSecrets(), nil)
	anew := sealed("crm", 2)
	anew.Origin, anew.Key, anew.Ciphertext, anew.Who = "usher", "11111111", []byte("other"), "max"
	b.secrets(func(tx secret.Tx) error {
		for _, s := range []secret.Sealed{sealed("hook", 10), sealed("crm", 1), sealed("crm", 2), sealed("hook", 9), sealed("hook", 8), anew} {
			b.must(tx.PutSecret(b.ctx, s))
		}
		own, err := tx.Secrets(b.ctx, "crm")
		equal(b, "of one name, in the transaction", len(own), 2)
		return errors.Join(err, tx.DropSecrets(b.ctx, "hook", 9))
	})
	same(b, "by name, the newest first", b.keptSecrets(), []string{"crm/2", "crm/1", "hook/10", "hook/9"})
	all, err := b.all.Secrets().Secrets(b.ctx)
	b.must(err)
	equal(b, "one that was put again", fmt.Sprintf("%+v", all[0]), fmt.Sprintf("%+v", anew))
	equal(b, "its ciphertext", string(all[0].Ciphertext), "other")
	equal(b, "when", all[1].Created, noon)
}

func secretsHaveAState(b *bundle) {
	with := func(version int, state secret.State) secret.Sealed {
		s := sealed("tenant", version)
		s.State = state
		return s
	}
	b.secrets(func(tx secret.Tx) error {
		for _, s := range []secret.Sealed{with(1, secret.Held), with(2, secret.Retiring), with(3, secret.Held), with(4, secret.Intended)} {
			b.must(tx.PutSecret(b.ctx, s))
		}
		return tx.DropSecrets(b.ctx, "tenant", 5) // but for those that are on their way
	})
	same(b, "what is held alone is dropped", b.keptSecrets(), []string{"tenant/4", "tenant/2"})
	all, err := b.all.Secrets().Secrets(b.ctx)
	b.must(err)
	equal(b, "its state", all[0].State, secret.Intended)
	equal(b, "the state of the other", all[1].State, secret.Retiring)
	b.secrets(func(tx secret.Tx) error {
		return errors.Join(tx.PutSecret(b.ctx, with(4, secret.Held)), tx.DeleteSecret(b.ctx, "tenant", 2), tx.DeleteSecret(b.ctx, "tenant", 9), tx.DeleteSecret(b.ctx, "other", 4))
	})
	all, err = b.all.Secrets().Secrets(b.ctx)
	b.must(err)
	equal(b, "how many", len(all), 1)
	equal(b, "one that was put again", all[0].State, secret.Held)
}

func failedSecrets(b *bundle) {
	b.secrets(func(tx secret.Tx) error { return tx.PutSecret(b.ctx, sealed("crm", 1)) })
	err := b.all.Secrets().Update(b.ctx, func(tx secret.Tx) error {
		return errors.Join(tx.PutSecret(b.ctx, sealed("crm", 2)), tx.DropSecrets(b.ctx, "crm", 2),
			tx.TellSecrets(b.ctx, []secret.Told{{Kind: "secret.set", Actor: "ines", Sealed: sealed("crm", 2)}}), errUndo)
	})
	if !errors.Is(err, errUndo) {
		b.Errorf("error %v", err)
	}
	same(b, "secrets", b.keptSecrets(), []string{"crm/1"})
	b.empty()
}

func rehearsedSecrets(b *bundle) {
	b.must(b.all.Rehearse(b.ctx, func(db store.DB) error {
		in := bundle{b.T, b.ctx, whole{db}, db}
		in.secrets(func(tx secret.Tx) error { return tx.PutSecret(b.ctx, sealed("crm", 1)) })
		same(&in, "within", in.keptSecrets(), []string{"crm/1"})
		return nil
	}))
	same(b, "after", b.keptSecrets(), nil)
}
