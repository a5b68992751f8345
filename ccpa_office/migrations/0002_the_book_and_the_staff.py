"""What the database itself refuses, stamps and wakes, whoever asks."""

from django.db import migrations

# The office's moment: the machine's, shifted by the session's offset only where rehearsals are
# allowed. Triggers of every floor read it, so that they honor the same clock as the application.
CLOCK = """
CREATE FUNCTION ccpa_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT clock_timestamp() + coalesce((
        SELECT nullif(current_setting('ccpa.clock_offset', true), '')::interval
        FROM ccpa_office_clockguard WHERE rehearsal), interval '0')
$$;
"""
NO_CLOCK = "DROP FUNCTION ccpa_now();"

# Append-only: rows by a row trigger, TRUNCATE by a statement trigger, which a row trigger misses.
BOOK = """
CREATE FUNCTION ccpa_office_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the book is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledgerline_append_only BEFORE UPDATE OR DELETE ON ccpa_office_ledgerline
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_append_only();
CREATE TRIGGER ledgerline_keeps_all BEFORE TRUNCATE ON ccpa_office_ledgerline
    FOR EACH STATEMENT EXECUTE FUNCTION ccpa_office_append_only();
CREATE TRIGGER ledgerseal_append_only BEFORE UPDATE OR DELETE ON ccpa_office_ledgerseal
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_append_only();
CREATE TRIGGER ledgerseal_keeps_all BEFORE TRUNCATE ON ccpa_office_ledgerseal
    FOR EACH STATEMENT EXECUTE FUNCTION ccpa_office_append_only();
CREATE FUNCTION ccpa_office_await_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ccpa_office_unsealedline (line_id) SELECT id FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER ledgerline_awaits_seal AFTER INSERT ON ccpa_office_ledgerline
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ccpa_office_await_seal();
"""
NO_BOOK = """
DROP TRIGGER ledgerline_awaits_seal ON ccpa_office_ledgerline;
DROP TRIGGER ledgerline_append_only ON ccpa_office_ledgerline;
DROP TRIGGER ledgerline_keeps_all ON ccpa_office_ledgerline;
DROP TRIGGER ledgerseal_append_only ON ccpa_office_ledgerseal;
DROP TRIGGER ledgerseal_keeps_all ON ccpa_office_ledgerseal;
DROP FUNCTION ccpa_office_append_only();
DROP FUNCTION ccpa_office_await_seal();
"""

# A table of due work wakes the keeper by itself; see work.notify_trigger_sql.
WAKE = """
CREATE FUNCTION ccpa_office_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('work', lane) FROM (
        SELECT DISTINCT lane FROM written
        WHERE state = 'ready' AND not_before <= ccpa_now()) AS due;
    RETURN NULL;
END $$;
"""
NO_WAKE = "DROP FUNCTION ccpa_office_wake();"

# Whoever changes an account that is not their own, or says nothing of who they are, touches it.
# A member may change their own password, address and second factor; never their own name or rights.
TOUCH = """
CREATE FUNCTION ccpa_office_acting() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT substring(current_setting('ccpa.actor', true) FROM '^staff:([0-9]{1,18})$')::bigint
$$;
CREATE FUNCTION ccpa_office_touch(member bigint, what text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO ccpa_office_stafftouch (member_id, by_id, what, at)
    VALUES (member, ccpa_office_acting(), what, ccpa_now())
$$;
CREATE FUNCTION ccpa_office_staff_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM ccpa_office_touch(NEW.id, 'created');
        RETURN NULL;
    END IF;
    IF NEW.username <> OLD.username OR NEW.is_superuser <> OLD.is_superuser
        OR NEW.is_staff <> OLD.is_staff OR NEW.is_active <> OLD.is_active THEN
        PERFORM ccpa_office_touch(NEW.id, 'rights');
    END IF;
    IF (NEW.password <> OLD.password OR NEW.email <> OLD.email)
        AND ccpa_office_acting() IS DISTINCT FROM NEW.id THEN
        PERFORM ccpa_office_touch(NEW.id, 'credentials');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER staffmember_touched AFTER INSERT OR UPDATE ON ccpa_office_staffmember
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_staff_touched();

CREATE FUNCTION ccpa_office_groups_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM ccpa_office_touch(OLD.staffmember_id, 'roles');
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM ccpa_office_touch(NEW.staffmember_id, 'roles');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER staffmember_groups_touched
    AFTER INSERT OR UPDATE OR DELETE ON ccpa_office_staffmember_groups
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_groups_touched();

CREATE FUNCTION ccpa_office_staff_id_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'an account is closed, never removed, and keeps its id'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER staffmember_id_stays BEFORE UPDATE OR DELETE ON ccpa_office_staffmember
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_staff_id_stays();

CREATE FUNCTION ccpa_office_role_name_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name <> OLD.name THEN
        RAISE EXCEPTION 'a group of staff keeps its name: the name is the role'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER group_name_stays BEFORE UPDATE ON auth_group
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_role_name_stays();
"""
NO_TOUCH = """
DROP TRIGGER group_name_stays ON auth_group;
DROP TRIGGER staffmember_id_stays ON ccpa_office_staffmember;
DROP TRIGGER staffmember_groups_touched ON ccpa_office_staffmember_groups;
DROP TRIGGER staffmember_touched ON ccpa_office_staffmember;
DROP FUNCTION ccpa_office_role_name_stays();
DROP FUNCTION ccpa_office_staff_id_stays();
DROP FUNCTION ccpa_office_groups_touched();
DROP FUNCTION ccpa_office_staff_touched();
DROP FUNCTION ccpa_office_touch(bigint, text);
DROP FUNCTION ccpa_office_acting();
"""


class Migration(migrations.Migration):
    """The book is append-only, accounts remember who touched them, due work wakes the keeper."""

    dependencies = [
        ("ccpa_office", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [
        migrations.RunSQL(CLOCK, NO_CLOCK),
        migrations.RunSQL(BOOK, NO_BOOK),
        migrations.RunSQL(WAKE, NO_WAKE),
        migrations.RunSQL(TOUCH, NO_TOUCH),
    ]
