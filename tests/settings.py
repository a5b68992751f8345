"""The suite's settings: the office's own, over throw-away engines and throw-away keys.

The variables are set before the office's settings are read, so nothing of a developer's ``.env``
or of a running demo reaches the suite. Engines are started by the first test that needs them.
"""

import importlib

from tests import engines

engines.set_environment()
OFFICE = importlib.import_module("ccpa_office.settings")
globals().update({name: getattr(OFFICE, name) for name in dir(OFFICE) if name.isupper()})

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
]  # the real one is slow by design
MFA_TOTP_TOLERANCE = 1  # a code that was made just before its half minute ended is still right
DATABASES = OFFICE.DATABASES
# fifty at once wait for each other longer where the machine is busy; nobody waits for ever
WAITS = "-c lock_timeout=10min -c idle_in_transaction_session_timeout=30min"
DATABASES["default"]["OPTIONS"]["options"] = WAITS
