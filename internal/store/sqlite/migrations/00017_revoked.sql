-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- When somebody's access was ended at once, by whom, and the start date that was known
-- then: a newer one outdoes it.
ALTER TABLE people ADD COLUMN revoked_at INTEGER;
ALTER TABLE people ADD COLUMN revoked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE people ADD COLUMN revoked_start INTEGER;

-- +goose Down
ALTER TABLE people DROP COLUMN revoked_start;
ALTER TABLE people DROP COLUMN revoked_by;
ALTER TABLE people DROP COLUMN revoked_at;
