-- Of which storage the files are: one row at most, so that no two storages have one index.
CREATE TABLE IF NOT EXISTS storages (
    id VARBINARY(64) NOT NULL PRIMARY KEY
) ENGINE=InnoDB;
