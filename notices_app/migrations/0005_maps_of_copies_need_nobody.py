"""A copy's map needs nobody by name; keys that a store says are kept with the version."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


STAYS = """
CREATE OR REPLACE FUNCTION map_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'a map version is never deleted'; END IF;
  IF (NEW.id, NEW.system_id, NEW.number, NEW.document, NEW.digest, NEW.findings, NEW.keys,
      NEW.loaded_by_id, NEW.loaded_at)
     IS DISTINCT FROM
     (OLD.id, OLD.system_id, OLD.number, OLD.document, OLD.digest, OLD.findings, OLD.keys,
      OLD.loaded_by_id, OLD.loaded_at)
  THEN RAISE EXCEPTION 'a map version is never edited'; END IF;
  IF OLD.approved_by_id IS NOT NULL
     AND (NEW.approved_by_id, NEW.approved_at)
         IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at)
  THEN RAISE EXCEPTION 'an approval is never edited'; END IF;
  RETURN NEW;
END $$;
"""
STAYED = STAYS.replace(" NEW.keys,", "").replace(" OLD.keys,", "")


class Migration(migrations.Migration):
    """Maps of rehearsal copies count as loaded; a version keeps the keys that its store said."""

    dependencies = [
        ('notices_app', '0004_a_share_of_time'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='datamapversion',
            name='a_map_is_approved_by_a_second_person',
        ),
        migrations.AddField(
            model_name='datamapversion',
            name='keys',
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name='datamapversion',
            name='loaded_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='datamapversion',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('loaded_by__isnull', False), models.Q(('approved_by', models.F('loaded_by')), _negated=True)), _connector='OR'), name='a_map_is_approved_by_a_second_person'),
        ),
        migrations.RunSQL(STAYS, STAYED),
    ]
