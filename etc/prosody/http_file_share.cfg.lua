-- Prosody with its own mod_http_file_share (0.12 or later), which lets hmac-file-server keep the files.
--
-- What to change: the two names, and the secret. This prints the same with yours in it:
--     hmac-file-server xmpp-config prosody-file-share

Component "upload.example.org" "http_file_share"
  -- The public URL of hmac-file-server and its upload_prefix, with a slash at the end.
  http_file_share_base_url = "https://files.example.org/upload/"
  -- The same as security.file_share_secret there, or as security.secret if that is not set.
  http_file_share_secret = "the secret"
  -- At most what server.max_upload_size allows there.
  http_file_share_size_limit = 100 * 1024 * 1024
  http_file_share_daily_quota = 1024 * 1024 * 1024
