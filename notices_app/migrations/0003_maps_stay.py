"""The database itself keeps map versions and their approvals as they were made."""

from django.db import migrations

FORBID = """
CREATE FUNCTION map_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'a map version is never deleted'; END IF;
  IF (NEW.id, NEW.system_id, NEW.number, NEW.document, NEW.digest, NEW.findings,
      NEW.loaded_by_id, NEW.loaded_at)
     IS DISTINCT FROM
     (OLD.id, OLD.system_id, OLD.number, OLD.document, OLD.digest, OLD.findings,
      OLD.loaded_by_id, OLD.loaded_at)
  THEN RAISE EXCEPTION 'a map version is never edited'; END IF;
  IF OLD.approved_by_id IS NOT NULL
     AND (NEW.approved_by_id, NEW.approved_at)
         IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at)
  THEN RAISE EXCEPTION 'an approval is never edited'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER map_version_stays BEFORE UPDATE OR DELETE ON notices_app_datamapversion
FOR EACH ROW EXECUTE FUNCTION map_version_stays();
"""
ALLOW = """
DROP TRIGGER map_version_stays ON notices_app_datamapversion;
DROP FUNCTION map_version_stays;
"""

UNSAMPLED = """
ALTER TABLE notices_app_datasystem ALTER COLUMN sealed_url SET STATISTICS 0;
ALTER TABLE notices_app_systemsecret ALTER COLUMN sealed SET STATISTICS 0;
"""
SAMPLED = "ALTER TABLE notices_app_datasystem ALTER COLUMN sealed_url SET STATISTICS -1"


class Migration(migrations.Migration):
    """The database itself refuses to edit a map that was loaded, or its approval."""

    dependencies = [("notices_app", "0002_what_was_published_stays")]
    operations = [migrations.RunSQL(FORBID, ALLOW), migrations.RunSQL(UNSAMPLED, SAMPLED)]
