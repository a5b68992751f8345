"""Whether the address of the form itself led to somebody: a name alone tells a stranger nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0017_parts_that_nobody_gives'),
    ]

    operations = [
        migrations.AddField(
            model_name='consumerrequest',
            name='by_address',
            field=models.BooleanField(null=True),
        ),
    ]
