"""Registers the app."""

from django.apps import AppConfig


class CcpaOfficeConfig(AppConfig):
    """CCPA Office."""

    name = "ccpa_office"
    verbose_name = "CCPA Office"
