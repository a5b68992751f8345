"""Lists of the deletion platform: packed work items, what was looked at, and what may never be."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

# An item is settled once, by an answer; it begins as not looked up, and nothing of a list goes.
STAYS = """
ALTER TABLE requests_app_droppiece ADD CONSTRAINT a_piece_holds_every_item CHECK (
    octet_length(ids) = 12 * items AND octet_length(digests) = 32 * items
    AND octet_length(outcomes) = items AND items > 0);
ALTER TABLE requests_app_droplook ADD CONSTRAINT a_look_names_every_place CHECK (
    octet_length(places) = 4 * found);

CREATE FUNCTION requests_app_drop_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a list of the deletion platform stays as it came'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER drop_list_stays BEFORE DELETE ON requests_app_droplist
    FOR EACH ROW EXECUTE FUNCTION requests_app_drop_stays();
CREATE TRIGGER drop_piece_stays BEFORE DELETE ON requests_app_droppiece
    FOR EACH ROW EXECUTE FUNCTION requests_app_drop_stays();
CREATE TRIGGER drop_look_stays BEFORE UPDATE OR DELETE ON requests_app_droplook
    FOR EACH ROW EXECUTE FUNCTION requests_app_drop_stays();

CREATE FUNCTION requests_app_drop_piece_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.outcomes <> decode(repeat('00', NEW.items), 'hex') THEN
        RAISE EXCEPTION 'every item begins as not looked up' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drop_piece_begins BEFORE INSERT ON requests_app_droppiece
    FOR EACH ROW EXECUTE FUNCTION requests_app_drop_piece_begins();

CREATE FUNCTION requests_app_drop_piece_answered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.drop_list_id <> OLD.drop_list_id OR NEW.ordinal <> OLD.ordinal
       OR NEW.items <> OLD.items OR NEW.ids <> OLD.ids OR NEW.digests <> OLD.digests THEN
        RAISE EXCEPTION 'a list of the deletion platform stays as it came'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM requests_app_droplist
               WHERE id = NEW.drop_list_id AND settled_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this list is settled' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM requests_app_droplook WHERE piece_id = NEW.id) THEN
        RAISE EXCEPTION 'nobody looked for these items' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drop_piece_answered BEFORE UPDATE ON requests_app_droppiece
    FOR EACH ROW EXECUTE FUNCTION requests_app_drop_piece_answered();

CREATE FUNCTION requests_app_drop_count(outcomes bytea, code int) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT (octet_length(escaped) - octet_length(replace(escaped, sign, ''))) / octet_length(sign)
      FROM (SELECT encode(outcomes, 'escape') AS escaped,
                   encode(set_byte('\\x00'::bytea, 0, code), 'escape') AS sign) AS spelled
$$;
CREATE FUNCTION requests_app_drop_list_settles() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    IF OLD.settled_at IS NOT NULL OR (NEW.name, NEW.kind, NEW.day, NEW.broker, NEW.file_digest,
       NEW.loaded_at, NEW.loaded_by_id, NEW.data_key_id) IS DISTINCT FROM
       (OLD.name, OLD.kind, OLD.day, OLD.broker, OLD.file_digest,
       OLD.loaded_at, OLD.loaded_by_id, OLD.data_key_id)
       OR OLD.items NOT IN (0, NEW.items) THEN
        RAISE EXCEPTION 'a list of the deletion platform stays as it came'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.settled_at IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT coalesce(sum(items), 0) AS items,
           coalesce(sum(requests_app_drop_count(outcomes, 1)), 0) AS one,
           coalesce(sum(requests_app_drop_count(outcomes, 2)), 0) AS several,
           coalesce(sum(requests_app_drop_count(outcomes, 3)), 0) AS none
      INTO found FROM requests_app_droppiece WHERE drop_list_id = NEW.id;
    IF (found.items, found.one, found.several, found.none)
       IS DISTINCT FROM (NEW.items::bigint, NEW.one::numeric, NEW.several::numeric,
                         NEW.none::numeric) THEN
        RAISE EXCEPTION 'not every item of this list is answered'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drop_list_settles BEFORE UPDATE ON requests_app_droplist
    FOR EACH ROW EXECUTE FUNCTION requests_app_drop_list_settles();
"""
MAY_GO = """
DROP TRIGGER drop_list_settles ON requests_app_droplist;
DROP TRIGGER drop_piece_answered ON requests_app_droppiece;
DROP TRIGGER drop_piece_begins ON requests_app_droppiece;
DROP TRIGGER drop_look_stays ON requests_app_droplook;
DROP TRIGGER drop_piece_stays ON requests_app_droppiece;
DROP TRIGGER drop_list_stays ON requests_app_droplist;
DROP FUNCTION requests_app_drop_list_settles();
DROP FUNCTION requests_app_drop_count(bytea, int);
DROP FUNCTION requests_app_drop_piece_answered();
DROP FUNCTION requests_app_drop_piece_begins();
DROP FUNCTION requests_app_drop_stays();
ALTER TABLE requests_app_droplook DROP CONSTRAINT a_look_names_every_place;
ALTER TABLE requests_app_droppiece DROP CONSTRAINT a_piece_holds_every_item;
"""

# Nothing of it can be compressed, and no sample of it is anybody's business.
STORED = """
ALTER TABLE requests_app_droppiece ALTER COLUMN ids SET STORAGE EXTERNAL,
    ALTER COLUMN digests SET STORAGE EXTERNAL, ALTER COLUMN ids SET STATISTICS 0,
    ALTER COLUMN digests SET STATISTICS 0, ALTER COLUMN outcomes SET STATISTICS 0;
ALTER TABLE requests_app_droplook ALTER COLUMN keys SET STORAGE EXTERNAL,
    ALTER COLUMN keys SET STATISTICS 0, ALTER COLUMN places SET STATISTICS 0;
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
    """Three tables; what came stays, and no item is answered before somebody looked."""

    dependencies = [
        ('ccpa_office', '0005_a_third_person_confirms'),
        ('notices_app', '0004_a_share_of_time'),
        ('requests_app', '0010_people_of_a_list_wait'),
    ]

    operations = [
        migrations.CreateModel(
            name='DropList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('kind', models.CharField(max_length=8)),
                ('day', models.DateField()),
                ('broker', models.CharField(max_length=4)),
                ('file_digest', models.BinaryField(unique=True)),
                ('items', models.PositiveIntegerField()),
                ('loaded_at', models.DateTimeField()),
                ('loaded_by_id', models.BigIntegerField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('one', models.PositiveIntegerField(default=0)),
                ('several', models.PositiveIntegerField(default=0)),
                ('none', models.PositiveIntegerField(default=0)),
                ('data_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ccpa_office.datakey')),
            ],
        ),
        migrations.CreateModel(
            name='DropPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ordinal', models.PositiveIntegerField()),
                ('items', models.PositiveIntegerField()),
                ('ids', models.BinaryField()),
                ('digests', models.BinaryField()),
                ('outcomes', models.BinaryField()),
                ('drop_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pieces', to='requests_app.droplist')),
            ],
        ),
        migrations.CreateModel(
            name='DropLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('system_key', models.CharField(max_length=40)),
                ('found', models.PositiveIntegerField()),
                ('places', models.BinaryField()),
                ('keys', models.BinaryField()),
                ('unsure', models.PositiveIntegerField(default=0)),
                ('beyond', models.PositiveIntegerField(default=0)),
                ('at', models.DateTimeField()),
                ('map_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='notices_app.datamapversion')),
                ('piece', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='looks', to='requests_app.droppiece')),
            ],
        ),
        migrations.AddConstraint(
            model_name='droplist',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('none', 0), ('one', 0), ('settled_at__isnull', True), ('several', 0)), models.Q(('items', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('one'), '+', models.F('several')), '+', models.F('none'))), ('settled_at__isnull', False)), _connector='OR'), name='a_settled_list_counts_every_item'),
        ),
        migrations.AddConstraint(
            model_name='droppiece',
            constraint=models.UniqueConstraint(fields=('drop_list', 'ordinal'), name='a_piece_stands_once'),
        ),
        migrations.AddConstraint(
            model_name='droplook',
            constraint=models.UniqueConstraint(fields=('piece', 'system_key', 'map_version'), name='a_system_is_looked_at_once'),
        ),
        migrations.RunSQL(STAYS, MAY_GO),
        migrations.RunSQL(STORED, migrations.RunSQL.noop),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
    ]
