"""Bring the tables up to date, as their owner."""

from typing import Any

import environ
from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ccpa_office.grants import grant


class Command(migrate.Command):
    help = (
        f"{migrate.Command.help} With DATABASE_OWNER_URL they belong to that role, and the role of "
        "DATABASE_URL gets exactly the rights that it needs."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then grant."""
        owner_url = settings.DATABASE_OWNER_URL
        if not owner_url:
            super().handle(*args, **options)
            return
        connections["default"] = owned(owner_url)
        super().handle(*args, **options)
        grant(settings.DATABASES["default"]["USER"])


def owned(owner_url: str) -> BaseDatabaseWrapper:
    """Return a connection to the same database as the tables' owner."""
    owner = environ.Env.db_url_config(owner_url)
    names = {name: owner[name] for name in ("USER", "PASSWORD")}
    given = connections["default"]
    given.close()
    return type(given)({**given.settings_dict, **names}, "default")
