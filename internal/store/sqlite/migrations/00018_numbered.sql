-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- People and records have numbers beneath their keys. Rows as wide as these, ordered by a
-- hash, were a deep tree: whoever came had five pages of it written, and now one of an
-- index of ids, while rows that come together stand together. The indexes have numbers
-- in the place of keys, too.
CREATE TABLE numbered (
    id         TEXT    PRIMARY KEY NOT NULL,
    state      TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    user_name  TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    next_at    INTEGER,
    why        TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    admitted   INTEGER NOT NULL
);
INSERT INTO numbered (id, state, user, user_name, generation, revision, next_at, why, cause, admitted)
    SELECT id, state, user, user_name, generation, revision, next_at, why, cause, admitted FROM people ORDER BY id;
DROP TABLE people;
ALTER TABLE numbered RENAME TO people;
CREATE INDEX people_state ON people (state);
CREATE INDEX people_next ON people (next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX people_user_name ON people (user_name);

CREATE TABLE numbered (
    source     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    person     TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    user       TEXT    NOT NULL,
    start_at   INTEGER,
    end_at     INTEGER,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    missing_at INTEGER,
    at         INTEGER NOT NULL,
    holds      INTEGER NOT NULL DEFAULT 1,
    blocked    INTEGER NOT NULL DEFAULT 0,
    alias      TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (source, id)
);
INSERT INTO numbered (source, id, generation, person, digest, user, start_at, end_at, file, line, missing_at, at, holds, blocked, alias)
    SELECT source, id, generation, person, digest, user, start_at, end_at, file, line, missing_at, at, holds, blocked, alias FROM records ORDER BY source, id;
DROP TABLE records;
ALTER TABLE numbered RENAME TO records;
CREATE INDEX records_person ON records (person);
CREATE INDEX records_missing ON records (source, id) WHERE missing_at IS NOT NULL;
CREATE INDEX records_alias ON records (source, alias) WHERE alias <> '';

-- +goose Down
CREATE TABLE keyed (
    source     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    person     TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    user       TEXT    NOT NULL,
    start_at   INTEGER,
    end_at     INTEGER,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    missing_at INTEGER,
    at         INTEGER NOT NULL,
    holds      INTEGER NOT NULL DEFAULT 1,
    blocked    INTEGER NOT NULL DEFAULT 0,
    alias      TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
INSERT INTO keyed (source, id, generation, person, digest, user, start_at, end_at, file, line, missing_at, at, holds, blocked, alias)
    SELECT source, id, generation, person, digest, user, start_at, end_at, file, line, missing_at, at, holds, blocked, alias FROM records ORDER BY source, id;
DROP TABLE records;
ALTER TABLE keyed RENAME TO records;
CREATE INDEX records_person ON records (person);
CREATE INDEX records_missing ON records (source, id) WHERE missing_at IS NOT NULL;
CREATE INDEX records_alias ON records (source, alias) WHERE alias <> '';

CREATE TABLE keyed (
    id         TEXT    PRIMARY KEY,
    state      TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    user_name  TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    next_at    INTEGER,
    why        TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    admitted   INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO keyed (id, state, user, user_name, generation, revision, next_at, why, cause, admitted)
    SELECT id, state, user, user_name, generation, revision, next_at, why, cause, admitted FROM people ORDER BY id;
DROP TABLE people;
ALTER TABLE keyed RENAME TO people;
CREATE INDEX people_state ON people (state);
CREATE INDEX people_next ON people (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX people_user_name ON people (user_name);
