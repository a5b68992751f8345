"""What the application's database role may do with the book: add to it and read it."""

from django.db import connection


def grants_sql(app_role: str) -> str:
    """SQL for the tables' owner, after the general grants. Idempotent.

    The role adds lines and seals and can neither change nor remove them; of touched accounts it
    may write only who confirmed; of the clock's guard everything but whether rehearsals are on.
    """
    role = connection.ops.quote_name(app_role)
    return f"""
REVOKE ALL ON ccpa_office_ledgerline, ccpa_office_ledgerseal, ccpa_office_stafftouch,
    ccpa_office_clockguard FROM {role};
GRANT SELECT, INSERT ON ccpa_office_ledgerline, ccpa_office_ledgerseal TO {role};
GRANT SELECT, UPDATE (confirmed_by_id, confirmed_at) ON ccpa_office_stafftouch TO {role};
GRANT SELECT, UPDATE (seen_at, boot, uptime, suspect_since) ON ccpa_office_clockguard TO {role};
"""
