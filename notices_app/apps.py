"""Registers the app."""

from django.apps import AppConfig


class NoticesAppConfig(AppConfig):
    """Notices."""

    name = "notices_app"
    verbose_name = "Notices"
