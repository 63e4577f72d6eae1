-- What several processes agree on for a while.  Times are seconds since the epoch.
CREATE TABLE entries (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    ends_at REAL NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE INDEX entries_by_end ON entries (ends_at);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    ends_at REAL NOT NULL
) WITHOUT ROWID;

CREATE INDEX counters_by_end ON counters (ends_at);

-- Each change of a counter, so that none counts twice.
CREATE TABLE deltas (
    counter TEXT NOT NULL,
    name TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (counter, name)
) WITHOUT ROWID;
