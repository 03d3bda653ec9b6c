// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/audit"
)

func TestChain(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.holds(audit.Report{})
	l.sequence(0)
	l.tell(3)
	l.holds(audit.Report{Pending: 3})
	l.sequence(3)
	first, err := l.verify()
	if err != nil || first.Events != 3 || first.Pending != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	l.sequence(0)
	l.tell(2)
	l.sequence(2)
	second, err := l.verify()
	if err != nil || second.Events != 5 || second.Head == first.Head {
		t.Fatalf("%+v, %v", second, err)
	}
}

// TestManyPages has more events than the sequencer and the verifier take at once.
func TestManyPages(t *testing.T) {
	t.Parallel()
	for _, n := range []int{999, 1000, 1001, 2500} {
		l := setup(t)
		l.tell(n)
		l.holds(audit.Report{Pending: n})
		l.sequence(n)
		l.holds(audit.Report{Events: int64(n)})
		l.tell(1)
		l.holds(audit.Report{Events: int64(n), Pending: 1})
	}
}

func TestErasureKeepsTheChain(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.tell(5)
	l.sequence(5)
	l.tamper(`DELETE FROM ledger_payloads WHERE person = 'p2'`)
	l.holds(audit.Report{Events: 5, Erased: 1})
	l.tell(1)
	l.sequence(1)
	l.holds(audit.Report{Events: 6, Erased: 1})
	// Before it is chained, too.
	l.tell(4)
	l.tamper(`DELETE FROM ledger_payloads WHERE event = 8`)
	l.sequence(4)
	l.holds(audit.Report{Events: 10, Erased: 2})
}

// TestTampering alters one thing at a time, and expects to be told where.
func TestTampering(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		seq    int64
		reason string
	}{
		"payload":                  {`UPDATE ledger_payloads SET payload = replace(payload, 'Clerk 2', 'Chief') WHERE event = 3`, 3, "payload"},
		"payload emptied":          {`UPDATE ledger_payloads SET payload = '' WHERE event = 3`, 3, "payload"},
		"salt":                     {`UPDATE ledger_payloads SET salt = randomblob(16) WHERE event = 3`, 3, "payload"},
		"salt emptied":             {`UPDATE ledger_payloads SET salt = x'' WHERE event = 3`, 3, "payload"},
		"payload moved into salt":  {`UPDATE ledger_payloads SET salt = salt || substr(CAST(payload AS BLOB), 1, 17), payload = substr(payload, 18) WHERE event = 3`, 3, "payload"},
		"payloads exchanged":       {`UPDATE ledger_payloads SET event = -event WHERE event IN (3, 4); UPDATE ledger_payloads SET event = 7 + event WHERE event < 0`, 3, "payload"},
		"payload and digest":       {`UPDATE ledger_payloads SET payload = 'x' WHERE event = 3; UPDATE ledger SET digest = randomblob(32) WHERE id = 3`, 3, "payload"},
		"digest of an erased one":  {`DELETE FROM ledger_payloads WHERE event = 3; UPDATE ledger SET digest = randomblob(32) WHERE id = 3`, 3, "hash"},
		"instant":                  {`UPDATE ledger SET at = at + 1 WHERE id = 3`, 3, "hash"},
		"kind":                     {`UPDATE ledger SET kind = 'person.created' WHERE id = 3`, 3, "hash"},
		"hash":                     {`UPDATE ledger_chain SET hash = randomblob(32) WHERE seq = 3`, 3, "hash"},
		"hash shortened":           {`UPDATE ledger_chain SET hash = x'' WHERE seq = 3`, 3, "hash"},
		"order of events":          {`UPDATE ledger_chain SET event = -event WHERE seq IN (3, 4); UPDATE ledger_chain SET event = 7 + event WHERE event < 0`, 3, "hash"},
		"order of entries":         {`UPDATE ledger_chain SET seq = -seq WHERE seq IN (3, 4); UPDATE ledger_chain SET seq = 7 + seq WHERE seq < 0`, 3, "hash"},
		"first entry":              {`DELETE FROM ledger_chain WHERE seq = 1`, 2, "entry 1 is missing"},
		"middle entry":             {`DELETE FROM ledger_chain WHERE seq = 3`, 4, "entry 3 is missing"},
		"middle entry, renumbered": {`DELETE FROM ledger_chain WHERE seq = 3; UPDATE ledger_chain SET seq = seq - 1 WHERE seq > 3`, 3, "hash"},
		"envelope":                 {`DELETE FROM ledger WHERE id = 3`, 3, "the event is missing"},
		"event altogether":         {`DELETE FROM ledger WHERE id = 3; DELETE FROM ledger_payloads WHERE event = 3; DELETE FROM ledger_chain WHERE event = 3`, 4, "entry 3 is missing"},
		"last envelope":            {`DELETE FROM ledger WHERE id = 5`, 5, "the event is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.tell(5)
			l.sequence(5)
			l.tamper(c.script)
			_, err := l.verify()
			var broken *audit.Broken
			if !errors.As(err, &broken) {
				t.Fatalf("error %v, want a *Broken", err)
			}
			if broken.Seq != c.seq || !strings.Contains(broken.Reason, c.reason) {
				t.Errorf("%v; want entry %d, %q", broken, c.seq, c.reason)
			}
			if broken.Event == 0 || !strings.Contains(err.Error(), broken.Reason) {
				t.Errorf("the error does not name the event: %v", err)
			}
		})
	}
}

// TestAPayloadThatIsGoneIsCounted: who deletes a payload alone cannot be told
// from an erasure by the chain, but can be seen in the count.
func TestAPayloadThatIsGoneIsCounted(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.tell(5)
	l.sequence(5)
	l.tamper(`DELETE FROM ledger_payloads WHERE event = 3`)
	l.holds(audit.Report{Events: 5, Erased: 1})
}

func TestASecondSequencerIsRefused(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.tell(3)
	s := &moving{Store: l.db.Ledger()}
	s.between = func() { l.sequence(3) }
	if n, err := audit.Sequence(t.Context(), s); err == nil || n != 0 {
		t.Fatalf("the second one chained %d, error %v", n, err)
	}
	l.holds(audit.Report{Events: 3})
	l.sequence(0)
	l.tell(1)
	l.sequence(1)
	l.holds(audit.Report{Events: 4})
}
