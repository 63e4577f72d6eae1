-- What the uploader said of the file: a JSON object.
ALTER TABLE files ADD COLUMN metadata TEXT;
