"""Run the keeper."""

import signal
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ccpa_office.celery import app, hint
from ccpa_office.keeping import Keeper


class Command(BaseCommand):
    help = (
        "Keep the office's work moving: run one beside the workers, or two on two machines (one "
        "leads). It wakes workers, ticks the schedules, and does the work itself when nobody does."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or Ctrl-C."""
        app.loader.import_default_modules()
        keeper = Keeper(app, hint, timedelta(seconds=settings.KEEPER_IDLE_SECONDS))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: keeper.stop.set())
        self.stdout.write("The keeper keeps.")
        keeper.run()
        self.stdout.write("The keeper rests.")
