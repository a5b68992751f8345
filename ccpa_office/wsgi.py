"""The door for a WSGI server. It does not open for an installation that a check refuses."""

import os

from django.core.wsgi import get_wsgi_application

from ccpa_office import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ccpa_office.settings")
application = get_wsgi_application()
checks.refuse()
