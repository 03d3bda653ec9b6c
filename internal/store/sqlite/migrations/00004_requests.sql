-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- What commands ask of the running engine, and what became of it.
CREATE TABLE requests (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL,
    args     TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    taken_at INTEGER,
    done_at  INTEGER,
    document TEXT,
    error    TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX requests_waiting ON requests (id) WHERE taken_at IS NULL AND done_at IS NULL;
CREATE INDEX requests_open ON requests (id) WHERE done_at IS NULL;
CREATE INDEX requests_done ON requests (done_at) WHERE done_at IS NOT NULL;

-- Why a source could not be read, since when and how often, until it can be.
CREATE TABLE source_trouble (
    source TEXT    PRIMARY KEY,
    what   TEXT    NOT NULL,
    since  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    tries  INTEGER NOT NULL
) WITHOUT ROWID;

-- Since when a hold stands.
ALTER TABLE holds ADD COLUMN since INTEGER;

-- +goose Down
ALTER TABLE holds DROP COLUMN since;
DROP TABLE source_trouble;
DROP TABLE requests;
