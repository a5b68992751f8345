"""Where tries to sign in are counted: keyed digests only, worthless after a day, never logged."""

from django.db import migrations

TRIES = """
CREATE UNLOGGED TABLE ccpa_office_throttle (
    key bytea PRIMARY KEY,
    tries integer NOT NULL,
    since timestamptz NOT NULL,
    closed_until timestamptz,
    level integer NOT NULL
);
"""
NO_TRIES = "DROP TABLE ccpa_office_throttle;"


class Migration(migrations.Migration):
    """The throttle of the sign-in."""

    dependencies = [("ccpa_office", "0003_second_factors")]
    operations = [migrations.RunSQL(TRIES, NO_TRIES)]
