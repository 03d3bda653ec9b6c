-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Security event tokens that their recipients do not have yet, without signatures. One
-- writer: the order of seq is the order of commits. Claims may hold personal data, and
-- go with whom they tell of.
CREATE TABLE event_outbox (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    source   TEXT    NOT NULL,
    delivery TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    resource TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    claims   TEXT    NOT NULL,
    UNIQUE (source, delivery, id)
);
CREATE INDEX event_outbox_stream ON event_outbox (source, delivery, seq);
CREATE INDEX event_outbox_resource ON event_outbox (source, resource);

-- +goose Down
DROP TABLE event_outbox;
