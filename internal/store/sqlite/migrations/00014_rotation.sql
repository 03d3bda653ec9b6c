-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- How far a version is on its way: '' is held; 'intended' was made here, and may or may
-- not be taken yet where it goes; 'retiring' is the one before, to be taken back there.
ALTER TABLE secrets ADD COLUMN state TEXT NOT NULL DEFAULT '';

-- +goose Down
DELETE FROM secrets WHERE state = 'intended';
ALTER TABLE secrets DROP COLUMN state;
