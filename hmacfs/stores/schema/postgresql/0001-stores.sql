-- Texts are bytes of UTF-8: they are compared by their bytes, and may hold any character.
-- Times are seconds since the epoch.  A name is in one of the first two tables or in neither.
CREATE TABLE files (
    name BYTEA NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL CHECK (size >= 0),
    sha256 BYTEA NOT NULL CHECK (length(sha256) = 32),
    content_type BYTEA NOT NULL,
    uploaded_at DOUBLE PRECISION NOT NULL,
    owner BYTEA,
    expires_at DOUBLE PRECISION,
    metadata BYTEA
);
CREATE INDEX files_by_age ON files (uploaded_at);
CREATE INDEX files_by_owner ON files USING hash (owner);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX files_by_digest ON files (sha256, name);
CREATE TABLE tombstones (
    name BYTEA NOT NULL PRIMARY KEY,
    buried_at DOUBLE PRECISION NOT NULL,
    reason BYTEA NOT NULL
);
CREATE INDEX tombstones_by_age ON tombstones (buried_at);
CREATE TABLE blocks (
    sha256 BYTEA NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    blocked_at DOUBLE PRECISION NOT NULL
);
CREATE TABLE entries (
    kind BYTEA NOT NULL,
    name BYTEA NOT NULL,
    value BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    ends_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX entries_by_end ON entries (ends_at);
CREATE TABLE counters (
    name BYTEA NOT NULL PRIMARY KEY,
    ends_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX counters_by_end ON counters (ends_at);
CREATE TABLE deltas (
    counter BYTEA NOT NULL,
    name BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (counter, name)
);
