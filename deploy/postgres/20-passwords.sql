-- Gives the three roles their passwords. psql reads them from the secrets that compose mounts, so that they stand on
-- no command line. Run it again after a secret was changed.
\set ON_ERROR_STOP on
\set owner_password `cat "${FRONTWIRE_SECRETS_DIR:-/run/secrets}/owner_password"`
\set worker_password `cat "${FRONTWIRE_SECRETS_DIR:-/run/secrets}/worker_password"`
\set read_password `cat "${FRONTWIRE_SECRETS_DIR:-/run/secrets}/read_password"`
-- The statements hold secrets: keep them out of the server's log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
ALTER ROLE frontwire_owner PASSWORD :'owner_password';
ALTER ROLE frontwire_worker PASSWORD :'worker_password';
ALTER ROLE frontwire_read PASSWORD :'read_password';
