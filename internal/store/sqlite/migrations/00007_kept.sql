-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Of resources that are neither people nor teams the store itself sees to it that a
-- name is there once. Names of Users are looked up with those who are gone; names of
-- Groups may be there twice.
CREATE UNIQUE INDEX pushed_taken ON pushed (source, type, name) WHERE deleted = 0 AND name <> '' AND type NOT IN ('User', 'Group');

-- +goose Down
DROP INDEX pushed_taken;
