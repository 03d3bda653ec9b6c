-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Who may write to an app. The fence counts the holders; every journal write
-- carries it, so that what a late holder has still to say is refused.
CREATE TABLE leases (
    app    TEXT    PRIMARY KEY,
    holder TEXT    NOT NULL,
    fence  INTEGER NOT NULL,
    until  INTEGER
) WITHOUT ROWID;

ALTER TABLE journal ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

-- When an app that asked for a pause may be asked again, and since when it has
-- been paused.
ALTER TABLE apps ADD COLUMN retry_at INTEGER;
ALTER TABLE apps ADD COLUMN paused_at INTEGER;

-- Who was marked since, for leavers and for marks of other replicas.
CREATE INDEX accounts_due_at ON accounts (app, due_at) WHERE due = 1;

-- Attributes that an app accepted with success and did not keep.
CREATE TABLE findings (
    app       TEXT    NOT NULL,
    attribute TEXT    NOT NULL,
    what      TEXT    NOT NULL,
    person    TEXT    NOT NULL,
    journal   INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (app, attribute)
) WITHOUT ROWID;

-- +goose Down
DROP INDEX accounts_due_at;
DROP TABLE findings;
ALTER TABLE apps DROP COLUMN paused_at;
ALTER TABLE apps DROP COLUMN retry_at;
ALTER TABLE journal DROP COLUMN fence;
DROP TABLE leases;
