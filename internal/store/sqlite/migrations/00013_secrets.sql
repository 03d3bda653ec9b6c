-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Credentials, sealed by a key that is not in here. The ciphertext opens with the name,
-- version and origin beside it, and with no others. Two versions of a name at most.
CREATE TABLE secrets (
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    origin     TEXT    NOT NULL,
    key_id     TEXT    NOT NULL,
    ciphertext BLOB    NOT NULL,
    created    INTEGER NOT NULL,
    who        TEXT    NOT NULL,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE secrets;
