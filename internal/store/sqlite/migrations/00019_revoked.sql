-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- When somebody's access was ended at once, by whom, and the start date that was known
-- then: a newer one that has begun outdoes it, for good.
ALTER TABLE people ADD COLUMN revoked_at INTEGER;
ALTER TABLE people ADD COLUMN revoked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE people ADD COLUMN revoked_start INTEGER;
ALTER TABLE people ADD COLUMN revoked_outdone INTEGER NOT NULL DEFAULT 0;

-- An id of the human that several records of a source have. One that is past has held its
-- person, whom another one holds now.
ALTER TABLE records ADD COLUMN same TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN past INTEGER NOT NULL DEFAULT 0;
CREATE INDEX records_same ON records (source, same) WHERE same <> '';

-- +goose Down
DROP INDEX records_same;
ALTER TABLE records DROP COLUMN past;
ALTER TABLE records DROP COLUMN same;
ALTER TABLE people DROP COLUMN revoked_outdone;
ALTER TABLE people DROP COLUMN revoked_start;
ALTER TABLE people DROP COLUMN revoked_by;
ALTER TABLE people DROP COLUMN revoked_at;
