#!/usr/bin/env python
"""Django's command line for CCPA Office."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError, connection

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ccpa_office.settings")
    try:
        execute_from_command_line(sys.argv)
    except BrokenPipeError:  # whoever reads our lines, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OperationalError:
        if connection.connection is not None or "--traceback" in sys.argv:
            raise
        sys.exit(
            "The office's database does not answer: see DATABASE_URL, or DATA_DIR of `make run`."
        )
