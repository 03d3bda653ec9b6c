-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- A departure of several requests that was not done, and of which a part may be: what has
-- become of the last request says nothing of that.
ALTER TABLE accounts ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE accounts DROP COLUMN begun;
