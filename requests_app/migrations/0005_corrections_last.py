"""Later looks at what was corrected; the keys that they read live as long."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


from ccpa_office import work

# References are checked at their statement (decision 13).
IMMEDIATE = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferrable
        AND conrelid = 'requests_app_correctionlook'::regclass LOOP
        EXECUTE format('ALTER TABLE requests_app_correctionlook ALTER CONSTRAINT %I NOT DEFERRABLE',
                       found.conname);
    END LOOP;
END $$;
"""
NEEDED = """
CREATE FUNCTION requests_app_key_is_looked_by() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM requests_app_consumerrequest asked
               JOIN requests_app_correction correction ON correction.consumer_request_id = asked.id
               JOIN requests_app_correctionlook look ON look.correction_id = correction.id
               WHERE asked.data_key_id = OLD.id AND look.state <> 'done') THEN
        RAISE EXCEPTION 'a later look still needs this key' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER key_is_looked_by BEFORE UPDATE ON ccpa_office_datakey
    FOR EACH ROW WHEN (OLD.destroyed_at IS NULL
        AND (NEW.destroyed_at IS NOT NULL OR octet_length(NEW.wrapped) = 0))
    EXECUTE FUNCTION requests_app_key_is_looked_by();
"""
NOT_NEEDED = """
DROP TRIGGER key_is_looked_by ON ccpa_office_datakey;
DROP FUNCTION requests_app_key_is_looked_by();
"""
TABLE = "requests_app_correctionlook"


class Migration(migrations.Migration):
    """A feed that puts a wrong value back is found."""

    dependencies = [
        ('requests_app', '0004_keys_that_are_needed_live'),
    ]

    operations = [
        migrations.CreateModel(
            name='CorrectionLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lane', models.CharField(choices=[('mail', 'Mail'), ('verify', 'Verify'), ('plan', 'Plan'), ('erase', 'Erase'), ('collect', 'Collect'), ('prove', 'Prove'), ('house', 'House')], max_length=16)),
                ('state', models.CharField(choices=[('ready', 'Ready'), ('running', 'Running'), ('done', 'Done'), ('parked', 'Waits for a person')], default='ready', max_length=16)),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('owner', models.CharField(blank=True, default='', max_length=64)),
                ('fence', models.BigIntegerField(default=0)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('error_code', models.CharField(blank=True, default='', max_length=64)),
                ('day', models.PositiveSmallIntegerField()),
                ('looked_at', models.DateTimeField(null=True)),
                ('seen', models.CharField(blank=True, choices=[('right', 'it stands corrected'), ('wrong', 'the wrong value is back'), ('other', 'something else stands there')], default='', max_length=8)),
                ('correction', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='looks', to='requests_app.correction')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('ready', 'running', 'parked'))), fields=['lane', 'state', 'not_before'], name='correctionlook_due_idx'), models.Index(condition=models.Q(('seen', 'wrong')), fields=['correction'], name='corrections_undone')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='correctionlook_runs_under_a_lease'), models.UniqueConstraint(fields=('correction', 'day'), name='a_look_at_a_correction_once')],
            },
        ),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
        migrations.RunSQL(NEEDED, NOT_NEEDED),
        migrations.RunSQL(
            work.notify_trigger_sql(TABLE), work.notify_trigger_reverse_sql(TABLE)
        ),
    ]
