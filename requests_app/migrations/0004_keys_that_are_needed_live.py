"""No data key is destroyed while something still needs it, whoever tries."""

from django.db import migrations

NEEDED = """
CREATE FUNCTION requests_app_key_is_needed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM requests_app_kept WHERE data_key_id = OLD.id)
       OR EXISTS (SELECT FROM requests_app_package
                  WHERE data_key_id = OLD.id AND stage <> 'destroyed')
       OR EXISTS (SELECT FROM requests_app_plan
                  WHERE data_key_id = OLD.id AND state NOT IN ('void', 'stopped')
                    AND octet_length(subjects) > 0)
       OR EXISTS (SELECT FROM requests_app_outsidetask task
                  JOIN requests_app_plan plan ON plan.id = task.plan_id
                  WHERE plan.data_key_id = OLD.id AND (task.state <> 'done' OR EXISTS (
                      SELECT FROM requests_app_outsidelook look
                      WHERE look.task_id = task.id AND look.state <> 'done')))
       OR EXISTS (SELECT FROM requests_app_consumerrequest
                  WHERE data_key_id = OLD.id AND closed_at IS NULL) THEN
        RAISE EXCEPTION 'something still needs this key' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER key_is_needed BEFORE UPDATE ON ccpa_office_datakey
    FOR EACH ROW WHEN (OLD.destroyed_at IS NULL
        AND (NEW.destroyed_at IS NOT NULL OR octet_length(NEW.wrapped) = 0))
    EXECUTE FUNCTION requests_app_key_is_needed();
"""
NOT_NEEDED = """
DROP TRIGGER key_is_needed ON ccpa_office_datakey;
DROP FUNCTION requests_app_key_is_needed();
"""


class Migration(migrations.Migration):
    """The second line of defense behind ``retention`` and whoever destroys a package."""

    dependencies = [
        ("requests_app", "0003_called_back"),
        ("ccpa_office", "0005_a_third_person_confirms"),
    ]
    operations = [migrations.RunSQL(NEEDED, NOT_NEEDED)]
