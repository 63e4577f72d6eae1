-- Retention and expiry take files page by page, in one order also where times are equal.
-- A statement that changes tables commits, so each can be taken again.
ALTER TABLE files ADD KEY IF NOT EXISTS files_in_order_of_age (uploaded_at, name);
ALTER TABLE files ADD KEY IF NOT EXISTS files_in_order_of_expiry (expires_at, name);
ALTER TABLE files DROP KEY IF EXISTS files_by_age;
ALTER TABLE files DROP KEY IF EXISTS files_by_expiry;
