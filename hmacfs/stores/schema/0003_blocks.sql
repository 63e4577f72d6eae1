-- Taking down: who has these bytes.
CREATE INDEX files_by_digest ON files (sha256, name);

-- The bytes that are not taken, by their digest.
CREATE TABLE blocks (
    sha256 BLOB NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    blocked_at REAL NOT NULL
) WITHOUT ROWID;
