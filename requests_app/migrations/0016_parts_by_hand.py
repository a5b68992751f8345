"""Parts of an answer to know that people give; what was confirmed stays as it is."""

import django.db.models.deletion
from django.db import migrations, models

# What was confirmed stays what it was until it is destroyed; nobody destroys its key before.
STAYS = """
CREATE FUNCTION requests_app_part_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.stage = 'destroyed' OR OLD.stage = 'confirmed' AND NEW.stage <> 'destroyed'
       AND (NEW.said, NEW.exception, NEW.note, NEW.content, NEW.digest, NEW.stage)
           IS DISTINCT FROM (OLD.said, OLD.exception, OLD.note, OLD.content, OLD.digest, OLD.stage)
    THEN
        RAISE EXCEPTION 'a part that counts stays as it is' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER part_stays BEFORE UPDATE ON requests_app_part
    FOR EACH ROW EXECUTE FUNCTION requests_app_part_stays();

CREATE FUNCTION requests_app_part_key_is_needed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM requests_app_part
               WHERE data_key_id = OLD.id AND stage <> 'destroyed') THEN
        RAISE EXCEPTION 'something still needs this key' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER part_key_is_needed BEFORE UPDATE ON ccpa_office_datakey
    FOR EACH ROW WHEN (OLD.destroyed_at IS NULL
        AND (NEW.destroyed_at IS NOT NULL OR octet_length(NEW.wrapped) = 0))
    EXECUTE FUNCTION requests_app_part_key_is_needed();
"""
MAY_GO = """
DROP TRIGGER part_key_is_needed ON ccpa_office_datakey;
DROP FUNCTION requests_app_part_key_is_needed();
DROP TRIGGER part_stays ON requests_app_part;
DROP FUNCTION requests_app_part_stays();
"""
STORED = """
ALTER TABLE requests_app_part ALTER COLUMN content SET STORAGE EXTERNAL,
    ALTER COLUMN asked SET STATISTICS 0, ALTER COLUMN note SET STATISTICS 0,
    ALTER COLUMN content SET STATISTICS 0;
"""
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

    dependencies = [
        ('ccpa_office', '0005_a_third_person_confirms'),
        ('requests_app', '0015_erasures_in_the_book'),
    ]

    operations = [
        migrations.CreateModel(
            name='Part',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('system_key', models.CharField(max_length=40)),
                ('stage', models.CharField(choices=[('asked', 'asked, and not answered yet'), ('answered', 'answered; another person confirms it'), ('confirmed', 'confirmed'), ('destroyed', 'destroyed')], default='asked', max_length=10)),
                ('asked', models.BinaryField(default=b'')),
                ('asked_at', models.DateTimeField()),
                ('due_on', models.DateField()),
                ('letters', models.PositiveSmallIntegerField(default=0)),
                ('link', models.BinaryField(null=True, unique=True)),
                ('link_until', models.DateTimeField(null=True)),
                ('assigned_to_id', models.BigIntegerField(null=True)),
                ('said', models.CharField(blank=True, choices=[('found', 'Here is what we hold'), ('nothing', 'Nothing was found'), ('kept', 'It is not given, under an exception')], default='', max_length=8)),
                ('exception', models.CharField(blank=True, default='', max_length=8)),
                ('note', models.BinaryField(default=b'')),
                ('content', models.BinaryField(default=b'')),
                ('ending', models.CharField(blank=True, default='', max_length=4)),
                ('size', models.PositiveIntegerField(default=0)),
                ('digest', models.CharField(blank=True, default='', max_length=64)),
                ('answered_at', models.DateTimeField(null=True)),
                ('answered_by_id', models.BigIntegerField(null=True)),
                ('by_link', models.BooleanField(default=False)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('confirmed_by_id', models.BigIntegerField(null=True)),
                ('destroyed_at', models.DateTimeField(null=True)),
                ('consumer_request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='requests_app.consumerrequest')),
                ('data_key', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to='ccpa_office.datakey')),
            ],
            options={
                'verbose_name': 'part by hand',
                'verbose_name_plural': 'parts by hand',
                'constraints': [models.UniqueConstraint(fields=('consumer_request', 'system_key'), name='a_system_gives_one_part'), models.CheckConstraint(condition=models.Q(('confirmed_by_id__isnull', True), models.Q(('answered_by_id__isnull', True), ('by_link', True)), models.Q(('answered_by_id__isnull', False), models.Q(('answered_by_id', models.F('confirmed_by_id')), _negated=True)), _connector='OR'), name='a_part_is_confirmed_by_another_person'), models.CheckConstraint(condition=models.Q(models.Q(('stage', 'confirmed'), _negated=True), models.Q(('confirmed_at__isnull', False), ('confirmed_by_id__isnull', False), models.Q(('said', ''), _negated=True)), _connector='OR'), name='a_part_counts_when_confirmed'), models.CheckConstraint(condition=models.Q(models.Q(('said', 'kept'), _negated=True), models.Q(('exception', ''), _negated=True), _connector='OR'), name='a_part_not_given_has_its_exception'), models.CheckConstraint(condition=models.Q(models.Q(('stage', 'destroyed'), _negated=True), models.Q(('asked', b''), ('content', b''), ('destroyed_at__isnull', False), ('note', b'')), _connector='OR'), name='a_destroyed_part_holds_nothing')],
            },
        ),
        migrations.RunSQL(STAYS, MAY_GO),
        migrations.RunSQL(STORED, migrations.RunSQL.noop),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
    ]
