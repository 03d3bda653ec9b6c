-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Access tokens of OAuth clients are tokens that say whose they are and by which key
-- the client was known. They end soon, and then go.
ALTER TABLE tokens ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN thumbprint TEXT NOT NULL DEFAULT '';
CREATE INDEX tokens_access ON tokens (expires) WHERE client <> '';

-- Which assertions have been exchanged already: each is good for one token.
CREATE TABLE assertions (
    digest  BLOB    PRIMARY KEY,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX assertions_expires ON assertions (expires);

-- +goose Down
DROP TABLE assertions;
DELETE FROM tokens WHERE client <> ''; -- nobody would ask any more whether the client is still there
DROP INDEX tokens_access;
ALTER TABLE tokens DROP COLUMN thumbprint;
ALTER TABLE tokens DROP COLUMN client;
