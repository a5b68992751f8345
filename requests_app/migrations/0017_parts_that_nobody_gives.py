"""When somebody was reminded of a part of an answer, and since when it is late."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0016_parts_by_hand'),
    ]

    operations = [
        migrations.AddField(
            model_name='part',
            name='late_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='part',
            name='reminded_on',
            field=models.DateField(null=True),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('late_on', None), ('stage', 'asked')), fields=['due_on'], name='parts_that_wait'),
        ),
    ]
