"""Programs that may ask the interface, by a token of which only a digest is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own; nothing else changes."""

    dependencies = [
        ('requests_app', '0006_later_looks'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiClient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=40, unique=True)),
                ('token', models.BinaryField(unique=True)),
                ('made_at', models.DateTimeField()),
                ('made_by_id', models.BigIntegerField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('entries', models.BigIntegerField(default=0)),
            ],
        ),
    ]
