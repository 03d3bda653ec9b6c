-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- The same tables as on SQLite. Texts compare byte by byte, instants are microseconds since 1970 in UTC: both stores
-- then sort, and keep a time, alike.

-- The one engine. fence counts those that there were; pid is the session by which the last one holds the store.
CREATE TABLE engine (
    one    BOOLEAN          PRIMARY KEY DEFAULT true CHECK (one),
    holder TEXT COLLATE "C" NOT NULL,
    fence  BIGINT           NOT NULL,
    pid    BIGINT           NOT NULL,
    seen   TIMESTAMPTZ      NOT NULL
);

-- What sources state. One row for one source's view of one person. One whose person is '' waits for one; one that was
-- made a part of another record of its source names it (alias). same is an id of the human that several records of a
-- source have. One that is past has held its person, whom another one holds now.
CREATE TABLE records (
    source     TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    generation BIGINT           NOT NULL,
    person     TEXT COLLATE "C" NOT NULL,
    digest     BYTEA            NOT NULL,
    resource   TEXT COLLATE "C" NOT NULL,
    start_at   BIGINT,
    end_at     BIGINT,
    file       TEXT COLLATE "C" NOT NULL,
    line       BIGINT           NOT NULL,
    missing_at BIGINT,
    at         BIGINT           NOT NULL,
    holds      BOOLEAN          NOT NULL DEFAULT true,
    blocked    BOOLEAN          NOT NULL DEFAULT false,
    alias      TEXT COLLATE "C" NOT NULL DEFAULT '',
    same       TEXT COLLATE "C" NOT NULL DEFAULT '',
    past       BOOLEAN          NOT NULL DEFAULT false,
    PRIMARY KEY (source, id)
);
CREATE INDEX records_person ON records (person);
CREATE INDEX records_missing ON records (source, id) WHERE missing_at IS NOT NULL;
CREATE INDEX records_alias ON records (source, alias) WHERE alias <> '';
CREATE INDEX records_same ON records (source, same) WHERE same <> '';

CREATE TABLE source_reads (
    source      TEXT COLLATE "C" PRIMARY KEY,
    at          BIGINT           NOT NULL,
    file        TEXT COLLATE "C" NOT NULL,
    complete    BOOLEAN          NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    rows        BIGINT           NOT NULL,
    digest      BYTEA            NOT NULL,
    modified_at BIGINT,
    replay      BOOLEAN          NOT NULL
);

-- What was ever read, so that an old file is known when it comes again.
CREATE TABLE source_digests (
    source TEXT COLLATE "C" NOT NULL,
    digest BYTEA            NOT NULL,
    at     BIGINT           NOT NULL,
    PRIMARY KEY (source, digest)
);

CREATE TABLE source_rejects (
    source TEXT COLLATE "C" NOT NULL,
    line   BIGINT           NOT NULL,
    col    BIGINT           NOT NULL,
    field  TEXT COLLATE "C" NOT NULL,
    key    TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL
);
CREATE INDEX source_rejects_source ON source_rejects (source, line);

-- Why a source could not be read, since when and how often, until it can be.
CREATE TABLE source_trouble (
    source TEXT COLLATE "C" PRIMARY KEY,
    what   TEXT COLLATE "C" NOT NULL,
    since  BIGINT           NOT NULL,
    at     BIGINT           NOT NULL,
    tries  BIGINT           NOT NULL
);

-- Which records have to be read, since when, and from when on.
CREATE TABLE source_marks (
    source  TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    due_at  BIGINT           NOT NULL,
    since   BIGINT           NOT NULL,
    renewed BIGINT           NOT NULL,
    gone_at BIGINT,
    version BIGINT           NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX source_marks_due ON source_marks (source, due_at);

-- Events that were taken, so that one that comes twice is known.
CREATE TABLE source_events (
    source TEXT COLLATE "C" NOT NULL,
    id     TEXT COLLATE "C" NOT NULL,
    at     BIGINT           NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX source_events_at ON source_events (source, at);

-- Teams that a source states, and the records that are in them.
CREATE TABLE source_teams (
    source TEXT COLLATE "C" NOT NULL,
    id     TEXT COLLATE "C" NOT NULL,
    rule   TEXT COLLATE "C" NOT NULL,
    value  TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE TABLE source_members (
    source TEXT COLLATE "C" NOT NULL,
    team   TEXT COLLATE "C" NOT NULL,
    record TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, team, record)
);
CREATE INDEX source_members_record ON source_members (source, record);

-- Who the records agree on. revoked_at is when somebody's access was ended at once, with who did so and the start date
-- that was known then: a newer one that has begun outdoes it, for good.
CREATE TABLE people (
    id              TEXT COLLATE "C" PRIMARY KEY,
    state           TEXT COLLATE "C" NOT NULL,
    resource        TEXT COLLATE "C" NOT NULL,
    user_name       TEXT COLLATE "C" NOT NULL,
    generation      BIGINT           NOT NULL,
    revision        BIGINT           NOT NULL,
    next_at         BIGINT,
    why             TEXT COLLATE "C" NOT NULL,
    cause           TEXT COLLATE "C" NOT NULL,
    admitted        BOOLEAN          NOT NULL,
    revoked_at      BIGINT,
    revoked_by      TEXT COLLATE "C" NOT NULL DEFAULT '',
    revoked_start   BIGINT,
    revoked_outdone BOOLEAN          NOT NULL DEFAULT false
);
CREATE INDEX people_state ON people (state);
CREATE INDEX people_next ON people (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX people_user_name ON people (user_name);

-- The values by which records of other sources find their person.
CREATE TABLE person_keys (
    attribute TEXT COLLATE "C" NOT NULL,
    canonical TEXT COLLATE "C" NOT NULL,
    person    TEXT COLLATE "C" NOT NULL,
    source    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (attribute, canonical, person)
);
CREATE INDEX person_keys_person ON person_keys (person);

-- Names are kept for ever and never given to another.
CREATE TABLE names (
    scope     TEXT COLLATE "C" NOT NULL,
    attribute TEXT COLLATE "C" NOT NULL,
    canonical TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    owner     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (canonical, scope, attribute)
);
CREATE UNIQUE INDEX names_owner ON names (owner, scope, attribute);

CREATE TABLE teams (
    id    TEXT COLLATE "C" PRIMARY KEY,
    rule  TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    name  TEXT COLLATE "C" NOT NULL
);

CREATE TABLE team_members (
    person TEXT COLLATE "C" NOT NULL,
    team   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (person, team)
);
CREATE INDEX team_members_team ON team_members (team, person);

-- What is known of apps. marked_at is when somebody was last marked at one: one row to look at once a second.
CREATE TABLE apps (
    name             TEXT COLLATE "C" PRIMARY KEY,
    digest           BYTEA            NOT NULL,
    address          TEXT COLLATE "C" NOT NULL,
    listed           BOOLEAN          NOT NULL,
    agreed           BOOLEAN          NOT NULL,
    paused           TEXT COLLATE "C" NOT NULL,
    foreign_accounts BIGINT           NOT NULL,
    retry_at         BIGINT,
    paused_at        BIGINT,
    marked_at        BIGINT
);

-- Who may write to an app. The fence counts the holders.
CREATE TABLE leases (
    app    TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    fence  BIGINT           NOT NULL,
    until  BIGINT
);

-- out says that the person is not in: the leaver lane looks for these before every window of a first load. begun is a
-- departure of several requests of which a part may be done. late_until is until when a request that was given up may
-- have its effect: it is looked at once more after that.
CREATE TABLE accounts (
    app        TEXT COLLATE "C" NOT NULL,
    person     TEXT COLLATE "C" NOT NULL,
    remote_id  TEXT COLLATE "C" NOT NULL DEFAULT '',
    state      TEXT COLLATE "C" NOT NULL DEFAULT '',
    sent       TEXT COLLATE "C",
    since      BIGINT,
    due        BOOLEAN          NOT NULL DEFAULT true,
    due_at     BIGINT,
    version    BIGINT           NOT NULL DEFAULT 1,
    parked     TEXT COLLATE "C" NOT NULL DEFAULT '',
    attempts   BIGINT           NOT NULL DEFAULT 0,
    retry_at   BIGINT,
    wake_at    BIGINT,
    observe    BOOLEAN          NOT NULL DEFAULT false,
    last       TEXT COLLATE "C" NOT NULL DEFAULT '',
    journal    BIGINT           NOT NULL DEFAULT 0,
    out        BOOLEAN          NOT NULL DEFAULT false,
    begun      BOOLEAN          NOT NULL DEFAULT false,
    late_until BIGINT,
    PRIMARY KEY (app, person)
);
CREATE INDEX accounts_person ON accounts (person);
CREATE INDEX accounts_due ON accounts (app, person) WHERE due;
CREATE INDEX accounts_wake ON accounts (app, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX accounts_observe ON accounts (app, person) WHERE observe;
CREATE INDEX accounts_parked ON accounts (app, person) WHERE parked <> '';
CREATE INDEX accounts_remote ON accounts (app, remote_id) WHERE remote_id <> '';
CREATE INDEX accounts_out ON accounts (app, due_at) WHERE due AND out;
CREATE INDEX accounts_disabled ON accounts (app, remote_id) WHERE state = 'disabled';

CREATE TABLE app_groups (
    app       TEXT COLLATE "C" NOT NULL,
    team      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    name      TEXT COLLATE "C" NOT NULL DEFAULT '',
    parked    TEXT COLLATE "C" NOT NULL DEFAULT '',
    attempts  BIGINT           NOT NULL DEFAULT 0,
    retry_at  BIGINT,
    observe   BOOLEAN          NOT NULL DEFAULT false,
    last      TEXT COLLATE "C" NOT NULL DEFAULT '',
    journal   BIGINT           NOT NULL DEFAULT 0,
    PRIMARY KEY (app, team)
);

-- journal is -1 for one of which it is not known whether it is there.
CREATE TABLE app_members (
    app     TEXT COLLATE "C" NOT NULL,
    person  TEXT COLLATE "C" NOT NULL,
    team    TEXT COLLATE "C" NOT NULL,
    journal BIGINT           NOT NULL,
    PRIMARY KEY (app, person, team)
);
CREATE INDEX app_members_team ON app_members (app, team);

-- How many accounts an app has, live and disabled, and how many memberships: each cycle tells it, and must not count them.
CREATE TABLE app_sizes (
    app         TEXT COLLATE "C" PRIMARY KEY,
    live        BIGINT           NOT NULL,
    disabled    BIGINT           NOT NULL,
    memberships BIGINT           NOT NULL
);

CREATE TABLE foreign_accounts (
    app         TEXT COLLATE "C" NOT NULL,
    remote_id   TEXT COLLATE "C" NOT NULL,
    user_name   TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    active      BOOLEAN          NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (app, remote_id)
);

-- Attributes that an app accepted with success and did not keep.
CREATE TABLE findings (
    app       TEXT COLLATE "C" NOT NULL,
    attribute TEXT COLLATE "C" NOT NULL,
    what      TEXT COLLATE "C" NOT NULL,
    person    TEXT COLLATE "C" NOT NULL,
    journal   BIGINT           NOT NULL,
    at        BIGINT           NOT NULL,
    PRIMARY KEY (app, attribute)
);

-- Intent before, outcome after. The fence is that of the lease by which it was written.
CREATE TABLE journal (
    id         BIGINT           GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    app        TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    person     TEXT COLLATE "C" NOT NULL,
    team       TEXT COLLATE "C" NOT NULL,
    remote     TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT           NOT NULL,
    ops        TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    at         BIGINT           NOT NULL,
    result     TEXT COLLATE "C",
    status     BIGINT,
    detail     TEXT COLLATE "C",
    done_at    BIGINT,
    verified   BOOLEAN          NOT NULL DEFAULT false,
    elapsed    BIGINT,
    fence      BIGINT           NOT NULL DEFAULT 0
);
CREATE INDEX journal_open ON journal (app) WHERE result IS NULL OR result = 'ambiguous';
CREATE INDEX journal_done ON journal (done_at);
CREATE INDEX journal_person ON journal (app, person, id) WHERE person <> '';

CREATE TABLE holds (
    door   TEXT COLLATE "C" NOT NULL,
    app    TEXT COLLATE "C" NOT NULL,
    id     TEXT COLLATE "C" NOT NULL,
    cause  TEXT COLLATE "C" NOT NULL,
    count  BIGINT           NOT NULL,
    most   BIGINT           NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    since  BIGINT,
    PRIMARY KEY (door, app, id)
);

CREATE TABLE guard_passed (
    app   TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    n     BIGINT           NOT NULL,
    at    BIGINT           NOT NULL
);
CREATE INDEX guard_passed_at ON guard_passed (app, at);

-- What commands ask of the running engine, and what became of it.
CREATE TABLE requests (
    id       BIGINT           GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    kind     TEXT COLLATE "C" NOT NULL,
    args     TEXT COLLATE "C" NOT NULL,
    actor    TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL,
    taken_at BIGINT,
    done_at  BIGINT,
    document TEXT COLLATE "C",
    error    TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX requests_waiting ON requests (id) WHERE taken_at IS NULL AND done_at IS NULL;
CREATE INDEX requests_open ON requests (id) WHERE done_at IS NULL;
CREATE INDEX requests_done ON requests (done_at) WHERE done_at IS NOT NULL;

-- What identity providers push to us, as they see it. One that was deleted stays as a row without a body, so that whoever
-- comes back under the same externalId or user name is the same record again.
CREATE TABLE pushed (
    seq      BIGINT           GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    source   TEXT COLLATE "C" NOT NULL,
    type     TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    record   TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    external TEXT COLLATE "C" NOT NULL,
    version  BIGINT           NOT NULL,
    created  BIGINT           NOT NULL,
    modified BIGINT           NOT NULL,
    ended    BIGINT,
    members  BIGINT           NOT NULL,
    deleted  BOOLEAN          NOT NULL,
    body     TEXT COLLATE "C",
    UNIQUE (source, type, id)
);
CREATE INDEX pushed_live ON pushed (source, type, seq) WHERE NOT deleted;
CREATE INDEX pushed_name ON pushed (source, type, name);
CREATE INDEX pushed_external ON pushed (source, type, external) WHERE external <> '';
CREATE INDEX pushed_record ON pushed (source, record);
CREATE UNIQUE INDEX pushed_taken ON pushed (source, type, name) WHERE NOT deleted AND name <> '' AND type NOT IN ('User', 'Group');

-- Who is in a pushed group, one row each.
CREATE TABLE pushed_members (
    source TEXT COLLATE "C" NOT NULL,
    grp    TEXT COLLATE "C" NOT NULL,
    member TEXT COLLATE "C" NOT NULL,
    body   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, grp, member)
);
CREATE INDEX pushed_members_member ON pushed_members (source, member);

-- How many resources of a type a provider has, without those that were deleted: every page tells it, and must not count them.
CREATE TABLE pushed_counts (
    source TEXT COLLATE "C" NOT NULL,
    type   TEXT COLLATE "C" NOT NULL,
    n      BIGINT           NOT NULL,
    PRIMARY KEY (source, type)
);

-- Who may push. Of a token its digest alone is kept. Access tokens of OAuth clients say whose they are.
CREATE TABLE tokens (
    id         TEXT COLLATE "C" PRIMARY KEY,
    source     TEXT COLLATE "C" NOT NULL,
    digest     BYTEA            NOT NULL UNIQUE,
    owner      TEXT COLLATE "C" NOT NULL,
    created    BIGINT           NOT NULL,
    expires    BIGINT,
    revoked    BIGINT,
    used       BIGINT,
    client     TEXT COLLATE "C" NOT NULL DEFAULT '',
    thumbprint TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX tokens_access ON tokens (expires) WHERE client <> '';

-- Which assertions have been exchanged already: each is good for one token.
CREATE TABLE assertions (
    digest  BYTEA  PRIMARY KEY,
    expires BIGINT NOT NULL
);
CREATE INDEX assertions_expires ON assertions (expires);

-- Security event tokens that their recipients do not have yet, without signatures.
CREATE TABLE event_outbox (
    seq      BIGINT           GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    source   TEXT COLLATE "C" NOT NULL,
    delivery TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL,
    claims   TEXT COLLATE "C" NOT NULL,
    UNIQUE (source, delivery, id)
);
CREATE INDEX event_outbox_stream ON event_outbox (source, delivery, seq);
CREATE INDEX event_outbox_resource ON event_outbox (source, resource);

-- Credentials, sealed by a key that is not in here.
CREATE TABLE secrets (
    name       TEXT COLLATE "C" NOT NULL,
    version    BIGINT           NOT NULL,
    origin     TEXT COLLATE "C" NOT NULL,
    key_id     TEXT COLLATE "C" NOT NULL,
    ciphertext BYTEA            NOT NULL,
    created    BIGINT           NOT NULL,
    who        TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (name, version)
);

-- The ledger: envelopes, payloads that can be erased, and the chain.
CREATE TABLE ledger (
    id     BIGINT           GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at     BIGINT           NOT NULL,
    kind   TEXT COLLATE "C" NOT NULL,
    digest BYTEA            NOT NULL
);

CREATE TABLE ledger_payloads (
    event   BIGINT           PRIMARY KEY,
    person  TEXT COLLATE "C" NOT NULL,
    salt    BYTEA            NOT NULL,
    payload TEXT COLLATE "C" NOT NULL
);
CREATE INDEX ledger_payloads_person ON ledger_payloads (person) WHERE person <> '';

CREATE TABLE ledger_chain (
    seq   BIGINT PRIMARY KEY,
    event BIGINT NOT NULL,
    hash  BYTEA  NOT NULL
);

CREATE TABLE meta (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA            NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION usher_pushed_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pushed_counts AS c (source, type, n) VALUES (NEW.source, NEW.type, 1)
        ON CONFLICT (source, type) DO UPDATE SET n = c.n + CASE WHEN NEW.deleted THEN -1 ELSE 1 END;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER pushed_comes AFTER INSERT ON pushed FOR EACH ROW WHEN (NOT NEW.deleted) EXECUTE FUNCTION usher_pushed_counts();
CREATE TRIGGER pushed_goes AFTER UPDATE OF deleted ON pushed FOR EACH ROW WHEN (NEW.deleted <> OLD.deleted) EXECUTE FUNCTION usher_pushed_counts();

-- +goose StatementBegin
CREATE FUNCTION usher_account_sizes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was TEXT := '';
    now TEXT := '';
    of  TEXT;
BEGIN
    IF TG_OP <> 'INSERT' THEN was := OLD.state; of := OLD.app; END IF;
    IF TG_OP <> 'DELETE' THEN now := NEW.state; of := NEW.app; END IF;
    INSERT INTO app_sizes AS s (app, live, disabled, memberships)
        VALUES (of, (now = 'live')::int - (was = 'live')::int, (now = 'disabled')::int - (was = 'disabled')::int, 0)
        ON CONFLICT (app) DO UPDATE SET live = s.live + excluded.live, disabled = s.disabled + excluded.disabled;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER accounts_come AFTER INSERT ON accounts FOR EACH ROW WHEN (NEW.state IN ('live', 'disabled')) EXECUTE FUNCTION usher_account_sizes();
CREATE TRIGGER accounts_turn AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION usher_account_sizes();
CREATE TRIGGER accounts_go AFTER DELETE ON accounts FOR EACH ROW WHEN (OLD.state IN ('live', 'disabled')) EXECUTE FUNCTION usher_account_sizes();

-- By statement: the same row changed once for each of many members would be found more slowly each time.
-- +goose StatementBegin
CREATE FUNCTION usher_member_sizes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_sizes AS s (app, live, disabled, memberships)
        SELECT app, 0, 0, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed GROUP BY app
        ON CONFLICT (app) DO UPDATE SET memberships = s.memberships + excluded.memberships;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER app_members_come AFTER INSERT ON app_members REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usher_member_sizes();
CREATE TRIGGER app_members_go AFTER DELETE ON app_members REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usher_member_sizes();

-- +goose Down
DROP TABLE meta;
DROP TABLE ledger_chain;
DROP TABLE ledger_payloads;
DROP TABLE ledger;
DROP TABLE secrets;
DROP TABLE event_outbox;
DROP TABLE assertions;
DROP TABLE tokens;
DROP TABLE pushed_counts;
DROP TABLE pushed_members;
DROP TABLE pushed;
DROP TABLE requests;
DROP TABLE guard_passed;
DROP TABLE holds;
DROP TABLE journal;
DROP TABLE findings;
DROP TABLE foreign_accounts;
DROP TABLE app_sizes;
DROP TABLE app_members;
DROP TABLE app_groups;
DROP TABLE accounts;
DROP TABLE leases;
DROP TABLE apps;
DROP TABLE team_members;
DROP TABLE teams;
DROP TABLE names;
DROP TABLE person_keys;
DROP TABLE people;
DROP TABLE source_members;
DROP TABLE source_teams;
DROP TABLE source_events;
DROP TABLE source_marks;
DROP TABLE source_trouble;
DROP TABLE source_rejects;
DROP TABLE source_digests;
DROP TABLE source_reads;
DROP TABLE records;
DROP TABLE engine;
DROP FUNCTION usher_member_sizes;
DROP FUNCTION usher_account_sizes;
DROP FUNCTION usher_pushed_counts;
