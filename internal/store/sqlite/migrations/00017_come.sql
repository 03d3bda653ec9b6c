-- SPDX-License-Identifier: Apache-2.0
-- +goose Up

-- Whoever puts a resource counts it, many at once: a trigger did so for each.
DROP TRIGGER pushed_comes;

-- +goose Down
-- +goose StatementBegin
CREATE TRIGGER pushed_comes AFTER INSERT ON pushed WHEN NEW.deleted = 0 BEGIN
    INSERT INTO pushed_counts (source, type, n) VALUES (NEW.source, NEW.type, 1) ON CONFLICT (source, type) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
