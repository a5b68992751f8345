"""Which batch deletes the people of one system whom a deletion list means."""

import django.db.models.deletion
from django.db import migrations, models

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
    """A table of its own."""

    dependencies = [
        ('requests_app', '0013_what_hosts_were_handed'),
    ]

    operations = [
        migrations.CreateModel(
            name='DropBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('system_key', models.CharField(max_length=40)),
                ('batch', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests_app.batch')),
                ('drop_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='requests_app.droplist')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('drop_list', 'system_key'), name='a_list_has_one_batch_in_a_system')],
            },
        ),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
    ]
