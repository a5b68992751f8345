"""Registers the app."""

from django.apps import AppConfig


class RequestsAppConfig(AppConfig):
    """Requests."""

    name = "requests_app"
    verbose_name = "Requests"
