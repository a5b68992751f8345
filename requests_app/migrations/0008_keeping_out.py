"""A host's own database keeps deleted people out: its key, and digests by that key."""

import django.db.models.deletion
from django.db import migrations, models

NEEDED = """
CREATE FUNCTION requests_app_host_key_is_needed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM requests_app_hostkey WHERE data_key_id = OLD.id) THEN
        RAISE EXCEPTION 'the key of a host still needs this key'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER host_key_is_needed BEFORE UPDATE ON ccpa_office_datakey
    FOR EACH ROW WHEN (OLD.destroyed_at IS NULL
        AND (NEW.destroyed_at IS NOT NULL OR octet_length(NEW.wrapped) = 0))
    EXECUTE FUNCTION requests_app_host_key_is_needed();
"""
NOT_NEEDED = """
DROP TRIGGER host_key_is_needed ON ccpa_office_datakey;
DROP FUNCTION requests_app_host_key_is_needed();
"""


class Migration(migrations.Migration):
    """Two tables of their own; a data key that seals a host's key is not destroyed."""

    dependencies = [
        ('ccpa_office', '0005_a_third_person_confirms'),
        ('notices_app', '0004_a_share_of_time'),
        ('requests_app', '0007_api_clients'),
    ]

    operations = [
        migrations.CreateModel(
            name='HostKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.BinaryField()),
                ('made_at', models.DateTimeField()),
                ('made_by_id', models.BigIntegerField()),
                ('data_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ccpa_office.datakey')),
                ('system', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='notices_app.datasystem')),
            ],
        ),
        migrations.CreateModel(
            name='HostDigest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32)),
                ('digest', models.BinaryField()),
                ('at', models.DateTimeField()),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='digests', to='requests_app.hostkey')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('key', 'digest', 'kind'), name='a_digest_of_a_host_stands_once')],
            },
        ),
        migrations.RunSQL(NEEDED, NOT_NEEDED),
    ]
