-- Three roles with the least each needs. Run once as a superuser in the database of Frontwire, before the first
-- `frontwire db upgrade`; running it again changes nothing.
--
--   frontwire_owner    owns the database; only `frontwire db upgrade` logs in as this role
--   frontwire_worker   reads and writes rows; can't make, change or drop anything
--   frontwire_read     reads the views; sees no table, writes nothing, and no query of it takes longer than 10 s
--
-- No password is set here: 20-passwords.sql does that.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontwire_owner') THEN
        CREATE ROLE frontwire_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontwire_worker') THEN
        CREATE ROLE frontwire_worker LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontwire_read') THEN
        CREATE ROLE frontwire_read LOGIN CONNECTION LIMIT 30;
    END IF;
    -- The schema "public" belongs to whoever owns the database.
    EXECUTE format('ALTER DATABASE %I OWNER TO frontwire_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO frontwire_worker, frontwire_read', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO frontwire_worker, frontwire_read;

ALTER ROLE frontwire_read SET default_transaction_read_only = on;
ALTER ROLE frontwire_read SET statement_timeout = '10s';
ALTER ROLE frontwire_read SET lock_timeout = '2s';
ALTER ROLE frontwire_read SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE frontwire_read SET TimeZone = 'UTC';
-- Compiling a panel's query takes longer than running it: 0.3 to 2 s for a question that is answered in 50 ms.
ALTER ROLE frontwire_read SET jit = off;

-- What is there already, and what the owner will make later.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO frontwire_worker;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO frontwire_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE frontwire_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO frontwire_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE frontwire_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO frontwire_worker;

-- Default privileges know no difference between a table and a view, and the reader must see views alone. So each new
-- view is opened to it at the moment it is made, also one that a later version brings. The function has a schema that
-- belongs to the superuser, so that the owner of the tables can't change what runs here.
CREATE SCHEMA IF NOT EXISTS frontwire_setup;
CREATE OR REPLACE FUNCTION frontwire_setup.grant_on_create() RETURNS event_trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    made record;
BEGIN
    FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'public' LOOP
        IF made.object_type = 'view' THEN
            EXECUTE format('GRANT SELECT ON %s TO frontwire_read', made.object_identity);
        ELSIF made.object_type = 'table' AND made.object_identity = 'public.alembic_version' THEN
            -- The number of the schema is for the owner alone to change.
            EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %s FROM frontwire_worker', made.object_identity);
        END IF;
    END LOOP;
END
$$;

DROP EVENT TRIGGER IF EXISTS frontwire_grant_on_create;
CREATE EVENT TRIGGER frontwire_grant_on_create ON ddl_command_end
    WHEN TAG IN ('CREATE VIEW', 'CREATE TABLE')
    EXECUTE FUNCTION frontwire_setup.grant_on_create();

-- The same for a database that Frontwire has used before this file came to it.
DO $$
DECLARE
    view_name text;
BEGIN
    FOR view_name IN SELECT viewname FROM pg_views WHERE schemaname = 'public' LOOP
        EXECUTE format('GRANT SELECT ON public.%I TO frontwire_read', view_name);
    END LOOP;
    IF to_regclass('public.alembic_version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON public.alembic_version FROM frontwire_worker;
    END IF;
END
$$;
