-- A name is in one of the two tables or in neither, never in both.

-- The files that are whole and visible.  Times are seconds since the epoch.
CREATE TABLE files (
    name TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    content_type TEXT NOT NULL,
    uploaded_at REAL NOT NULL,
    owner TEXT,
    expires_at REAL
);

-- Retention: oldest first.
CREATE INDEX files_by_age ON files (uploaded_at);

-- Quotas: how much an owner has, and which of it is oldest.  The index alone answers both.
CREATE INDEX files_by_owner ON files (owner, uploaded_at, size) WHERE owner IS NOT NULL;

-- Expiry: what is due.
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

-- The names that had a file.
CREATE TABLE tombstones (
    name TEXT NOT NULL PRIMARY KEY,
    buried_at REAL NOT NULL,
    reason TEXT NOT NULL
);

CREATE INDEX tombstones_by_age ON tombstones (buried_at);
