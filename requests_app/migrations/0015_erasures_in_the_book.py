"""The book is asked for its erasures without being read whole (``erasure_ledger.missing``)."""

from django.db import migrations

FOUND = """
CREATE INDEX ledgerline_erasures ON ccpa_office_ledgerline (at)
    WHERE verb = 'erasure.carried-out'
"""
READ = "DROP INDEX ledgerline_erasures"


class Migration(migrations.Migration):
    """A partial index: a line of another verb costs nothing. About a second in a million lines."""

    dependencies = [
        ("requests_app", "0014_batches_of_deletion_lists"),
        ("ccpa_office", "0005_a_third_person_confirms"),
    ]
    operations = [migrations.RunSQL(FOUND, READ)]
