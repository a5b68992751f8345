"""Corrections reach systems outside: by whom they are answered, and the calls that were made."""

import django.db.models.deletion
from django.db import migrations, models

# Nobody is asked for a correction that is not approved; what was asked and answered stays.
_STAYS = """
CREATE OR REPLACE FUNCTION requests_app_outside_call_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.task_id, %(new)sNEW.step, NEW.key, NEW.question) IS DISTINCT FROM
       (OLD.task_id, %(old)sOLD.step, OLD.key, OLD.question) OR NEW.tries < OLD.tries - 1
       OR OLD.means IN ('done', 'nothing') THEN
        RAISE EXCEPTION 'a call outside stays as it was' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
STAYS = _STAYS % {"new": "NEW.correction_id, ", "old": "OLD.correction_id, "}
STAYED = _STAYS % {"new": "", "old": ""}
ASKED = """
CREATE FUNCTION requests_app_correction_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM requests_app_correction
                   WHERE id = NEW.correction_id AND stage = 'approved') THEN
        RAISE EXCEPTION 'this correction is not carried out' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER correction_asked BEFORE INSERT ON requests_app_outsidecall
    FOR EACH ROW WHEN (NEW.correction_id IS NOT NULL)
    EXECUTE FUNCTION requests_app_correction_asked();
"""
NOT_ASKED = """
DROP TRIGGER correction_asked ON requests_app_outsidecall;
DROP FUNCTION requests_app_correction_asked();
"""
UNSAMPLED = "ALTER TABLE requests_app_correction ALTER COLUMN records SET STATISTICS 0"
SAMPLED = "ALTER TABLE requests_app_correction ALTER COLUMN records SET STATISTICS -1"
# References are checked at their statement (decision 13).
IMMEDIATE = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferrable
        AND conrelid = 'requests_app_outsidecall'::regclass LOOP
        EXECUTE format('ALTER TABLE requests_app_outsidecall ALTER CONSTRAINT %I NOT DEFERRABLE',
                       found.conname);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    """What the sealed columns and the calls promise holds for corrections as well."""

    dependencies = [
        ('notices_app', '0004_a_share_of_time'),
        ('requests_app', '0011_deletion_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='correction',
            name='answered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='correction',
            name='answered_by_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='correction',
            name='confirmed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='correction',
            name='confirmed_by_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='correction',
            name='records',
            field=models.BinaryField(db_default=b'', default=b''),
        ),
        migrations.AddField(
            model_name='correction',
            name='round',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='correction',
            name='said',
            field=models.CharField(blank=True, choices=[('right', 'It is corrected'), ('nothing', 'Nothing was found'), ('impossible', 'It cannot be done')], db_default='', default='', max_length=10),
        ),
        migrations.AddField(
            model_name='outsidecall',
            name='correction',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='requests_app.correction'),
        ),
        migrations.AlterField(
            model_name='outsidecall',
            name='task',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='requests_app.outsidetask'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('confirmed_by_id__isnull', True), models.Q(('answered_by_id__isnull', False), models.Q(('answered_by_id', models.F('confirmed_by_id')), _negated=True)), _connector='OR'), name='another_person_confirms_a_correction'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['proposed', 'approved', 'refused']), ('said', ''), ('confirmed_by_id__isnull', False), _connector='OR'), name='a_correction_by_hand_counts_when_confirmed'),
        ),
        migrations.AddConstraint(
            model_name='outsidecall',
            constraint=models.UniqueConstraint(fields=('correction', 'step'), name='a_step_of_a_correction_stands_once'),
        ),
        migrations.AddConstraint(
            model_name='outsidecall',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('correction__isnull', False), ('task__isnull', True)), models.Q(('correction__isnull', True), ('task__isnull', False)), _connector='OR'), name='a_call_has_its_work'),
        ),
        migrations.RunSQL(STAYS, STAYED),
        migrations.RunSQL(ASKED, NOT_ASKED),
        migrations.RunSQL(UNSAMPLED, SAMPLED),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
    ]
