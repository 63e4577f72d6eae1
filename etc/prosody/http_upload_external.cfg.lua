-- Prosody with mod_http_upload_external, one of the community modules (Debian: prosody-modules).
--
-- What to change: the two names, and the secret. This prints the same with yours in it:
--     hmac-file-server xmpp-config prosody

Component "upload.example.org" "http_upload_external"
  -- The public URL of hmac-file-server and its upload_prefix, with a slash at the end.
  http_upload_external_base_url = "https://files.example.org/upload/"
  -- The same as security.secret there.
  http_upload_external_secret = "the secret"
  -- With v2 the type of a file is signed too.
  http_upload_external_protocol = "v2"
  -- At most what server.max_upload_size allows there.
  http_upload_external_file_size_limit = 100 * 1024 * 1024
