-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Whether a record keeps its person in: one of a source that only adds to
-- people does not. A record whose person is '' waits for one.
ALTER TABLE records ADD COLUMN holds INTEGER NOT NULL DEFAULT 1;

-- The values by which records of other sources find their person.
CREATE TABLE person_keys (
    attribute TEXT NOT NULL,
    canonical TEXT NOT NULL,
    person    TEXT NOT NULL,
    source    TEXT NOT NULL,
    PRIMARY KEY (attribute, canonical, person)
) WITHOUT ROWID;
CREATE INDEX person_keys_person ON person_keys (person);

-- +goose Down
DROP TABLE person_keys;
ALTER TABLE records DROP COLUMN holds;
