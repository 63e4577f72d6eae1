-- Texts are bytes of UTF-8: they are compared by their bytes, and may hold any character.
-- Times are seconds since the epoch.  A name is in one of the first two tables or in neither.
-- A statement that changes tables commits, so each can be taken again.
CREATE TABLE IF NOT EXISTS files (
    name VARBINARY(1024) NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL CHECK (size >= 0),
    sha256 BINARY(32) NOT NULL,
    content_type MEDIUMBLOB NOT NULL,
    uploaded_at DOUBLE NOT NULL,
    owner MEDIUMBLOB,
    expires_at DOUBLE,
    metadata MEDIUMBLOB,
    KEY files_by_age (uploaded_at),
    KEY files_by_owner (owner(255)),
    KEY files_by_expiry (expires_at),
    KEY files_by_digest (sha256, name)
) ENGINE=InnoDB;
CREATE TABLE IF NOT EXISTS tombstones (
    name VARBINARY(1024) NOT NULL PRIMARY KEY,
    buried_at DOUBLE NOT NULL,
    reason VARBINARY(255) NOT NULL,
    KEY tombstones_by_age (buried_at)
) ENGINE=InnoDB;
CREATE TABLE IF NOT EXISTS blocks (
    sha256 BINARY(32) NOT NULL PRIMARY KEY,
    blocked_at DOUBLE NOT NULL
) ENGINE=InnoDB;
CREATE TABLE IF NOT EXISTS entries (
    kind VARBINARY(512) NOT NULL,
    name VARBINARY(512) NOT NULL,
    value MEDIUMBLOB NOT NULL,
    sequence BIGINT NOT NULL,
    ends_at DOUBLE NOT NULL,
    PRIMARY KEY (kind, name),
    KEY entries_by_end (ends_at)
) ENGINE=InnoDB;
CREATE TABLE IF NOT EXISTS counters (
    name VARBINARY(512) NOT NULL PRIMARY KEY,
    ends_at DOUBLE NOT NULL,
    KEY counters_by_end (ends_at)
) ENGINE=InnoDB;
CREATE TABLE IF NOT EXISTS deltas (
    counter VARBINARY(512) NOT NULL,
    name VARBINARY(512) NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (counter, name)
) ENGINE=InnoDB;
