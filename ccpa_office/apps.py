"""Registers the app."""

import resource

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string

from ccpa_office import checks


def leave_no_core() -> None:
    """Have no memory of a process that breaks down written to disk: keys and people are in it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


class CcpaOfficeConfig(AppConfig):
    """CCPA Office."""

    name = "ccpa_office"
    verbose_name = "CCPA Office"

    def ready(self) -> None:
        """Register the checks, what must stand after a migration, and the time of sessions."""
        leave_no_core()
        checks.register_all()
        post_migrate.connect(
            import_string("ccpa_office.standing.after_migrate"),
            sender=self,
            dispatch_uid="standing",
        )
        connection_created.connect(
            import_string("ccpa_office.standing.tell_the_time"), dispatch_uid="time"
        )
        user_logged_in.connect(import_string("ccpa_office.gate.begin"), dispatch_uid="began")
