-- Retention and expiry take files page by page, in one order also where times are equal.
-- A statement that changes tables commits, so each can be taken again, when it fails as done.
ALTER TABLE files ADD KEY files_in_order_of_age (uploaded_at, name);
ALTER TABLE files ADD KEY files_in_order_of_expiry (expires_at, name);
ALTER TABLE files DROP KEY files_by_age;
ALTER TABLE files DROP KEY files_by_expiry;
