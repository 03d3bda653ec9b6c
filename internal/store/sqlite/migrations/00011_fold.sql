-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Names of what was pushed before are folded as those that come now are, so that they
-- are found, and taken. What stands there is folded already, by letter case alone; then
-- the iotas were all the one that is a mark (U+0345).
UPDATE pushed SET name = scim_fold(replace(name, char(837), char(953))) WHERE name <> '';

-- +goose Down
SELECT 1; -- what was folded further cannot be told apart again
