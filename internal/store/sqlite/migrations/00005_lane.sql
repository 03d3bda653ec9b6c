-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Whether an account's person is not in: the leaver lane looks for these before
-- every window of a first load, and must not read everybody who is due for that.
ALTER TABLE accounts ADD COLUMN out INTEGER NOT NULL DEFAULT 0;
UPDATE accounts SET out = 1 WHERE person IN (SELECT id FROM people WHERE state NOT IN ('active', 'on_leave', 'missing'));
CREATE INDEX accounts_out ON accounts (app, due_at) WHERE due = 1 AND out = 1;

-- When somebody was last marked at an app: one row to look at once a second, and
-- no index that every mark and every clearing of one has to keep.
ALTER TABLE apps ADD COLUMN marked_at INTEGER;
UPDATE apps SET marked_at = (SELECT max(due_at) FROM accounts WHERE app = apps.name AND due = 1);
DROP INDEX accounts_due_at;

-- Events are chained in the order of their ids, so that the number alone finds one.
CREATE TABLE links (
    seq   INTEGER PRIMARY KEY,
    event INTEGER NOT NULL,
    hash  BLOB    NOT NULL
);
INSERT INTO links SELECT seq, event, hash FROM ledger_chain;
DROP TABLE ledger_chain;
ALTER TABLE links RENAME TO ledger_chain;

-- +goose Down
CREATE UNIQUE INDEX ledger_chain_event ON ledger_chain (event);
CREATE INDEX accounts_due_at ON accounts (app, due_at) WHERE due = 1;
ALTER TABLE apps DROP COLUMN marked_at;
DROP INDEX accounts_out;
ALTER TABLE accounts DROP COLUMN out;
