-- Retention and expiry take files page by page, in one order also where times are equal.
DROP INDEX files_by_age;
CREATE INDEX files_by_age ON files (uploaded_at, name);
DROP INDEX files_by_expiry;
CREATE INDEX files_by_expiry ON files (expires_at, name) WHERE expires_at IS NOT NULL;
