-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Until when a request for the account may have its effect that was given up: it is looked at
-- once more after that. NULL is never.
ALTER TABLE accounts ADD COLUMN late_until INTEGER;

-- +goose Down
ALTER TABLE accounts DROP COLUMN late_until;
