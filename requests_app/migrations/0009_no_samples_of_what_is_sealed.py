"""No samples of a host's sealed key; references of the newer tables are checked at once."""

from django.db import migrations

UNSAMPLED = "ALTER TABLE requests_app_hostkey ALTER COLUMN sealed SET STATISTICS 0"
SAMPLED = "ALTER TABLE requests_app_hostkey ALTER COLUMN sealed SET STATISTICS -1"
IMMEDIATE = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT conrelid::regclass AS on_table, conname FROM pg_constraint
        WHERE contype = 'f' AND condeferrable AND conrelid::regclass::text LIKE 'requests_app_%' LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE',
                       found.on_table, found.conname);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    """What 0002 promises holds for the tables that came after it."""

    dependencies = [("requests_app", "0008_keeping_out")]
    operations = [
        migrations.RunSQL(UNSAMPLED, SAMPLED),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
    ]
