"""How far the digests of a host's database have been written to files."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0012_corrections_outside'),
    ]

    operations = [
        migrations.AddField(
            model_name='hostkey',
            name='handed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='hostkey',
            name='handed_to',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
