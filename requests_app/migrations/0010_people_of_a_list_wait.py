"""People of a list stand sealed beside their chunk until its plan is built."""

import django.db.models.deletion
from django.db import migrations, models

UNSAMPLED = "ALTER TABLE requests_app_listed ALTER COLUMN people SET STATISTICS 0"
SAMPLED = "ALTER TABLE requests_app_listed ALTER COLUMN people SET STATISTICS -1"
IMMEDIATE = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferrable
        AND conrelid = 'requests_app_listed'::regclass LOOP
        EXECUTE format('ALTER TABLE requests_app_listed ALTER CONSTRAINT %I NOT DEFERRABLE',
                       found.conname);
    END LOOP;
END $$;
"""
NEEDED = """
CREATE FUNCTION requests_app_key_of_listed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM requests_app_listed WHERE data_key_id = OLD.id) THEN
        RAISE EXCEPTION 'a list still needs this key' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER key_of_listed BEFORE UPDATE ON ccpa_office_datakey
    FOR EACH ROW WHEN (OLD.destroyed_at IS NULL
        AND (NEW.destroyed_at IS NOT NULL OR octet_length(NEW.wrapped) = 0))
    EXECUTE FUNCTION requests_app_key_of_listed();
"""
NOT_NEEDED = """
DROP TRIGGER key_of_listed ON ccpa_office_datakey;
DROP FUNCTION requests_app_key_of_listed();
"""


class Migration(migrations.Migration):
    """One table of its own; its key is not destroyed while it holds anybody."""

    dependencies = [
        ('ccpa_office', '0005_a_third_person_confirms'),
        ('requests_app', '0009_no_samples_of_what_is_sealed'),
    ]

    operations = [
        migrations.CreateModel(
            name='Listed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('people', models.BinaryField()),
                ('chunk', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='listed', to='requests_app.chunk')),
                ('data_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ccpa_office.datakey')),
            ],
        ),
        migrations.RunSQL(UNSAMPLED, SAMPLED),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
        migrations.RunSQL(NEEDED, NOT_NEEDED),
    ]
