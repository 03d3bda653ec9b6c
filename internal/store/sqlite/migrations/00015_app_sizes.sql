-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- How many accounts an app has, live and disabled, and how many memberships: each cycle
-- tells it, and one that changed a single account must not count a hundred thousand.
CREATE TABLE app_sizes (
    app         TEXT    PRIMARY KEY,
    live        INTEGER NOT NULL,
    disabled    INTEGER NOT NULL,
    memberships INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO app_sizes (app, live, disabled, memberships)
    SELECT name, (SELECT count(*) FROM accounts WHERE app = name AND state = 'live'),
        (SELECT count(*) FROM accounts WHERE app = name AND state = 'disabled'),
        (SELECT count(*) FROM app_members WHERE app = name) FROM apps;

-- +goose StatementBegin
CREATE TRIGGER accounts_come AFTER INSERT ON accounts WHEN NEW.state IN ('live', 'disabled') BEGIN
    INSERT INTO app_sizes (app, live, disabled, memberships) VALUES (NEW.app, NEW.state = 'live', NEW.state = 'disabled', 0)
        ON CONFLICT (app) DO UPDATE SET live = live + excluded.live, disabled = disabled + excluded.disabled;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_turn AFTER UPDATE OF state ON accounts WHEN NEW.state <> OLD.state BEGIN
    INSERT INTO app_sizes (app, live, disabled, memberships)
        VALUES (NEW.app, (NEW.state = 'live') - (OLD.state = 'live'), (NEW.state = 'disabled') - (OLD.state = 'disabled'), 0)
        ON CONFLICT (app) DO UPDATE SET live = live + excluded.live, disabled = disabled + excluded.disabled;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_go AFTER DELETE ON accounts WHEN OLD.state IN ('live', 'disabled') BEGIN
    UPDATE app_sizes SET live = live - (OLD.state = 'live'), disabled = disabled - (OLD.state = 'disabled') WHERE app = OLD.app;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER app_members_come AFTER INSERT ON app_members BEGIN
    INSERT INTO app_sizes (app, live, disabled, memberships) VALUES (NEW.app, 0, 0, 1)
        ON CONFLICT (app) DO UPDATE SET memberships = memberships + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER app_members_go AFTER DELETE ON app_members BEGIN
    UPDATE app_sizes SET memberships = memberships - 1 WHERE app = OLD.app;
END;
-- +goose StatementEnd

-- Nobody counts by it any more; of those who are out there are few.
DROP INDEX accounts_state;
CREATE INDEX accounts_disabled ON accounts (app, remote_id) WHERE state = 'disabled';

-- +goose Down
DROP INDEX accounts_disabled;
CREATE INDEX accounts_state ON accounts (app, state);
DROP TRIGGER app_members_go;
DROP TRIGGER app_members_come;
DROP TRIGGER accounts_go;
DROP TRIGGER accounts_turn;
DROP TRIGGER accounts_come;
DROP TABLE app_sizes;
