"""A second factor that somebody else sets, changes or removes touches the account."""

from django.db import migrations

TOUCH = """
CREATE FUNCTION ccpa_office_factor_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id = OLD.user_id AND NEW.type = OLD.type
        AND (NEW.data::jsonb - 'used_mask') = (OLD.data::jsonb - 'used_mask') THEN
        RETURN NULL;  -- it was only used
    END IF;
    IF TG_OP <> 'INSERT' AND ccpa_office_acting() IS DISTINCT FROM OLD.user_id THEN
        PERFORM ccpa_office_touch(OLD.user_id, 'second factor');
    END IF;
    IF TG_OP <> 'DELETE' AND ccpa_office_acting() IS DISTINCT FROM NEW.user_id
        AND (TG_OP = 'INSERT' OR NEW.user_id <> OLD.user_id) THEN
        PERFORM ccpa_office_touch(NEW.user_id, 'second factor');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER authenticator_touched AFTER INSERT OR UPDATE OR DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION ccpa_office_factor_touched();
"""
NO_TOUCH = """
DROP TRIGGER authenticator_touched ON mfa_authenticator;
DROP FUNCTION ccpa_office_factor_touched();
"""


class Migration(migrations.Migration):
    """Second factors are part of the account."""

    dependencies = [
        ("ccpa_office", "0002_the_book_and_the_staff"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]
    operations = [migrations.RunSQL(TOUCH, NO_TOUCH)]
