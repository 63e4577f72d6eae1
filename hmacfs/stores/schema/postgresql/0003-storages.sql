-- Of which storage the files are: one row at most, so that no two storages have one index.
CREATE TABLE IF NOT EXISTS storages (
    id BYTEA NOT NULL PRIMARY KEY
);
