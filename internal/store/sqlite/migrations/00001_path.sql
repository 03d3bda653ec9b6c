-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- What sources state. One row for one source's view of one person.
CREATE TABLE records (
    source     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    person     TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    user       TEXT    NOT NULL,
    start_at   INTEGER,
    end_at     INTEGER,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    missing_at INTEGER,
    at         INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX records_person ON records (person);
CREATE INDEX records_missing ON records (source, id) WHERE missing_at IS NOT NULL;

CREATE TABLE source_reads (
    source   TEXT    PRIMARY KEY,
    at       INTEGER NOT NULL,
    file     TEXT    NOT NULL,
    complete INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    rows     INTEGER NOT NULL,
    digest   BLOB    NOT NULL,
    modified_at INTEGER,
    replay   INTEGER NOT NULL
) WITHOUT ROWID;

-- What was ever read, so that an old file is known when it comes again.
CREATE TABLE source_digests (
    source TEXT    NOT NULL,
    digest BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, digest)
) WITHOUT ROWID;

CREATE TABLE source_rejects (
    source TEXT    NOT NULL,
    line   INTEGER NOT NULL,
    col    INTEGER NOT NULL,
    field  TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    reason TEXT    NOT NULL
);
CREATE INDEX source_rejects_source ON source_rejects (source, line);

-- Who the records agree on.
CREATE TABLE people (
    id         TEXT    PRIMARY KEY,
    state      TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    user_name  TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    next_at    INTEGER,
    why        TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    admitted   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX people_state ON people (state);
CREATE INDEX people_next ON people (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX people_user_name ON people (user_name);

-- Names are kept for ever and never given to another.
CREATE TABLE names (
    scope     TEXT NOT NULL,
    attribute TEXT NOT NULL,
    canonical TEXT NOT NULL,
    name      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    PRIMARY KEY (scope, attribute, canonical)
) WITHOUT ROWID;
CREATE UNIQUE INDEX names_owner ON names (scope, attribute, owner);

CREATE TABLE teams (
    id    TEXT PRIMARY KEY,
    rule  TEXT NOT NULL,
    value TEXT NOT NULL,
    name  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE team_members (
    person TEXT NOT NULL,
    team   TEXT NOT NULL,
    PRIMARY KEY (person, team)
) WITHOUT ROWID;
CREATE INDEX team_members_team ON team_members (team, person);

-- What is known of apps.
CREATE TABLE apps (
    name    TEXT    PRIMARY KEY,
    digest  BLOB    NOT NULL,
    address TEXT    NOT NULL,
    listed  INTEGER NOT NULL,
    agreed  INTEGER NOT NULL,
    paused  TEXT    NOT NULL,
    foreign_accounts INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts (
    app       TEXT    NOT NULL,
    person    TEXT    NOT NULL,
    remote_id TEXT    NOT NULL DEFAULT '',
    state     TEXT    NOT NULL DEFAULT '',
    sent      TEXT,
    since     INTEGER,
    due       INTEGER NOT NULL DEFAULT 1,
    due_at    INTEGER,
    version   INTEGER NOT NULL DEFAULT 1,
    parked    TEXT    NOT NULL DEFAULT '',
    attempts  INTEGER NOT NULL DEFAULT 0,
    retry_at  INTEGER,
    wake_at   INTEGER,
    observe   INTEGER NOT NULL DEFAULT 0,
    last      TEXT    NOT NULL DEFAULT '',
    journal   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (app, person)
) WITHOUT ROWID;
CREATE INDEX accounts_person ON accounts (person);
CREATE INDEX accounts_due ON accounts (app, person) WHERE due = 1;
CREATE INDEX accounts_wake ON accounts (app, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX accounts_observe ON accounts (app, person) WHERE observe = 1;
CREATE INDEX accounts_parked ON accounts (app, person) WHERE parked <> '';
CREATE INDEX accounts_remote ON accounts (app, remote_id) WHERE remote_id <> '';
CREATE INDEX accounts_state ON accounts (app, state);

CREATE TABLE app_groups (
    app       TEXT    NOT NULL,
    team      TEXT    NOT NULL,
    remote_id TEXT    NOT NULL DEFAULT '',
    name      TEXT    NOT NULL DEFAULT '',
    parked    TEXT    NOT NULL DEFAULT '',
    attempts  INTEGER NOT NULL DEFAULT 0,
    retry_at  INTEGER,
    observe   INTEGER NOT NULL DEFAULT 0,
    last      TEXT    NOT NULL DEFAULT '',
    journal   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (app, team)
) WITHOUT ROWID;

CREATE TABLE app_members (
    app     TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    team    TEXT    NOT NULL,
    journal INTEGER NOT NULL,
    PRIMARY KEY (app, person, team)
) WITHOUT ROWID;
CREATE INDEX app_members_team ON app_members (app, team);

CREATE TABLE foreign_accounts (
    app         TEXT    NOT NULL,
    remote_id   TEXT    NOT NULL,
    user_name   TEXT    NOT NULL,
    external_id TEXT    NOT NULL,
    active      INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (app, remote_id)
) WITHOUT ROWID;

-- Intent before, outcome after.
CREATE TABLE journal (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    app        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    team       TEXT    NOT NULL,
    remote     TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    ops        TEXT    NOT NULL,
    request_id TEXT    NOT NULL DEFAULT '',
    at         INTEGER NOT NULL,
    result     TEXT,
    status     INTEGER,
    detail     TEXT,
    done_at    INTEGER,
    verified   INTEGER NOT NULL DEFAULT 0,
    elapsed    INTEGER
);
CREATE INDEX journal_open ON journal (app) WHERE result IS NULL OR result = 'ambiguous';
CREATE INDEX journal_done ON journal (done_at);
CREATE INDEX journal_person ON journal (app, person, id) WHERE person <> '';

CREATE TABLE holds (
    door   TEXT    NOT NULL,
    app    TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    cause  TEXT    NOT NULL,
    count  INTEGER NOT NULL,
    most   INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    PRIMARY KEY (door, app, id)
) WITHOUT ROWID;

CREATE TABLE guard_passed (
    app   TEXT    NOT NULL,
    cause TEXT    NOT NULL,
    n     INTEGER NOT NULL,
    at    INTEGER NOT NULL
);
CREATE INDEX guard_passed_at ON guard_passed (app, at);

-- The ledger: envelopes, payloads that can be erased, and the chain.
CREATE TABLE ledger (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    digest BLOB    NOT NULL
);

CREATE TABLE ledger_payloads (
    event   INTEGER PRIMARY KEY,
    person  TEXT    NOT NULL,
    salt    BLOB    NOT NULL,
    payload TEXT    NOT NULL
);
CREATE INDEX ledger_payloads_person ON ledger_payloads (person) WHERE person <> '';

CREATE TABLE ledger_chain (
    seq   INTEGER PRIMARY KEY,
    event INTEGER NOT NULL UNIQUE,
    hash  BLOB    NOT NULL
);

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE meta;
DROP TABLE ledger_chain;
DROP TABLE ledger_payloads;
DROP TABLE ledger;
DROP TABLE guard_passed;
DROP TABLE holds;
DROP TABLE journal;
DROP TABLE foreign_accounts;
DROP TABLE app_members;
DROP TABLE app_groups;
DROP TABLE accounts;
DROP TABLE apps;
DROP TABLE team_members;
DROP TABLE teams;
DROP TABLE names;
DROP TABLE people;
DROP TABLE source_rejects;
DROP TABLE source_digests;
DROP TABLE source_reads;
DROP TABLE records;
