-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- What identity providers push to us, as they see it: resources of a source, which
-- stand apart from the people whom they speak of. One that was deleted stays as a
-- row without a body, so that whoever comes back under the same externalId or user
-- name is the same record again.
CREATE TABLE pushed (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    source     TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    record     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    external   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    ended      INTEGER,
    members    INTEGER NOT NULL,
    deleted    INTEGER NOT NULL,
    body       TEXT,
    UNIQUE (source, type, id)
);
CREATE INDEX pushed_live ON pushed (source, type, deleted);
CREATE INDEX pushed_name ON pushed (source, type, name);
CREATE INDEX pushed_external ON pushed (source, type, external) WHERE external <> '';
CREATE INDEX pushed_record ON pushed (source, record);

-- Who is in a pushed group, one row each.
CREATE TABLE pushed_members (
    source TEXT NOT NULL,
    grp    TEXT NOT NULL,
    member TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (source, grp, member)
) WITHOUT ROWID;
CREATE INDEX pushed_members_member ON pushed_members (source, member);

-- Who may push. Of a token its digest alone is kept.
CREATE TABLE tokens (
    id         TEXT    PRIMARY KEY,
    source     TEXT    NOT NULL,
    digest     BLOB    NOT NULL UNIQUE,
    owner      TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    expires    INTEGER,
    revoked    INTEGER,
    used       INTEGER
) WITHOUT ROWID;

-- +goose Down
DROP TABLE tokens;
DROP TABLE pushed_members;
DROP TABLE pushed;
