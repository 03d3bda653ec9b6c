-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Sources that can be asked for single records. A record that is blocked has no end
-- date of its own, only when that was first said; one that was made a part of another
-- record of its source names it.
ALTER TABLE records ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN alias TEXT NOT NULL DEFAULT '';
CREATE INDEX records_alias ON records (source, alias) WHERE alias <> '';

-- Which records have to be read, since when, and from when on. gone_at is when one was
-- first found to be gone.
CREATE TABLE source_marks (
    source  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    due_at  INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    renewed INTEGER NOT NULL,
    gone_at INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX source_marks_due ON source_marks (source, due_at);

-- Events that were taken, so that one that comes twice is known.
CREATE TABLE source_events (
    source TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX source_events_at ON source_events (source, at);

-- Teams that a source states, and the records that are in them.
CREATE TABLE source_teams (
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    rule   TEXT NOT NULL,
    value  TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;

CREATE TABLE source_members (
    source TEXT NOT NULL,
    team   TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (source, team, record)
) WITHOUT ROWID;
CREATE INDEX source_members_record ON source_members (source, record);

-- +goose Down
DROP TABLE source_members;
DROP TABLE source_teams;
DROP TABLE source_events;
DROP TABLE source_marks;
DROP INDEX records_alias;
ALTER TABLE records DROP COLUMN alias;
ALTER TABLE records DROP COLUMN blocked;
