-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- How many resources of a type a provider has, without those that were deleted: every
-- page tells it, and must not count them.
CREATE TABLE pushed_counts (
    source TEXT    NOT NULL,
    type   TEXT    NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (source, type)
) WITHOUT ROWID;
INSERT INTO pushed_counts (source, type, n) SELECT source, type, count(*) FROM pushed WHERE deleted = 0 GROUP BY source, type;

-- +goose StatementBegin
CREATE TRIGGER pushed_comes AFTER INSERT ON pushed WHEN NEW.deleted = 0 BEGIN
    INSERT INTO pushed_counts (source, type, n) VALUES (NEW.source, NEW.type, 1) ON CONFLICT (source, type) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pushed_goes AFTER UPDATE OF deleted ON pushed WHEN NEW.deleted <> OLD.deleted BEGIN
    INSERT INTO pushed_counts (source, type, n) VALUES (NEW.source, NEW.type, 1) ON CONFLICT (source, type) DO UPDATE SET n = n + 1 - 2 * NEW.deleted;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER pushed_goes;
DROP TRIGGER pushed_comes;
DROP TABLE pushed_counts;
