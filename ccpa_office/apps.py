"""Registers the app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string


class CcpaOfficeConfig(AppConfig):
    """CCPA Office."""

    name = "ccpa_office"
    verbose_name = "CCPA Office"

    def ready(self) -> None:
        """After each migration of this app, set up what must stand."""
        post_migrate.connect(
            import_string("ccpa_office.standing.after_migrate"),
            sender=self,
            dispatch_uid="standing",
        )
