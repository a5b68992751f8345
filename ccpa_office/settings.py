"""All settings, from the environment alone. Each variable has a line in ``.env.example``."""

import os
from collections import ChainMap
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from environ.fileaware_mapping import FileAwareMapping

from ccpa_office.envfile import read_variables
from ccpa_office.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent


class Variables(FileAwareMapping):  # type: ignore[misc]  # it has no types
    """Variables or files of theirs, without the line break that an editor leaves in a file."""

    def __getitem__(self, name: str) -> str:
        return str(super().__getitem__(name)).strip()


class Environment(environ.FileAwareEnv):  # type: ignore[misc]  # it has no types
    """The process's variables (or files that ``..._FILE`` names), then two files.

    ``.env`` is the operator's. ``office.env`` is what a running demo office wrote into its data
    folder, so that ``manage.py`` in another window speaks to the same engines. Neither is read
    where DATABASE_URL is given.
    """


def _environment() -> Environment:
    files: list[dict[str, str]] = []
    if not {"DATABASE_URL", "DATABASE_URL_FILE"} & os.environ.keys():
        files.append(read_variables(BASE_DIR / ".env"))
        folder = os.environ.get("DATA_DIR") or files[0].get("DATA_DIR") or BASE_DIR / "var"
        files.append(read_variables(Path(folder) / "office.env"))
    reader = Environment()
    reader.ENVIRON = Variables(env=ChainMap(os.environ, *files))
    return reader


env = _environment()


def given(name: str, default: str = "") -> str:
    """Return a setting's text; an empty one is as good as none."""
    return str(env.str(name, default="")) or default


IS_INSTALLATION = "DATABASE_URL" in env.ENVIRON  # otherwise a checkout that serves nobody

# --- secrets ------------------------------------------------------------------------------------
DEMO = env.bool("DEMO", default=False)
DEBUG = False
SECRET_KEY = given("SECRET_KEY")
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS", default=[])
DIGEST_KEYS = env.list("DIGEST_KEYS", default=[])
LEDGER_SIGNING_KEY = given("LEDGER_SIGNING_KEY")

# --- engines ------------------------------------------------------------------------------------
DATA_DIR = Path(given("DATA_DIR") or BASE_DIR / "var").resolve()
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgresql:///ccpa_office")}
ADDRESS = DATABASES["default"].get("OPTIONS", {})
DATABASES["default"].update(
    {
        "ENGINE": "ccpa_office.database",
        "HOST": ADDRESS.pop("host", "") or DATABASES["default"]["HOST"],  # a socket's folder
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "application_name": "ccpa-office",
            "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
            "prepare_threshold": 1,  # for cursors that ask for it: ccpa_office/database/base.py
            **ADDRESS,
        },
        "TEST": {"NAME": given("TEST_DATABASE_NAME", "test_ccpa_office")},
    }
)
DATABASE_OWNER_URL = given("DATABASE_OWNER_URL")
LEARNER_DATABASE_URL = given("LEARNER_DATABASE_URL")  # the demo's alone
REDIS_URL = given("REDIS_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- apps ---------------------------------------------------------------------------------------
ROOT_URLCONF = "ccpa_office.urls"
WSGI_APPLICATION = "ccpa_office.wsgi.application"
TEST_RUNNER = "ccpa_office.runner.PytestRunner"
INSTALLED_APPS = [
    "ccpa_office",
    "notices_app",
    "requests_app",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
]
MIDDLEWARE = [
    "ccpa_office.gate.AnswerHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ccpa_office.gate.InputGate",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ccpa_office.staffgate.StaffGate",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# --- where the office stands --------------------------------------------------------------------
SITE_URL = given("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
STAFF_HOST = given("STAFF_HOST")
HTTPS = urlsplit(SITE_URL).scheme == "https"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:  # only where a proxy of ours always sets or strips this header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# --- staff and sessions -------------------------------------------------------------------------
AUTH_USER_MODEL = "ccpa_office.StaffMember"
AUTHENTICATION_BACKENDS = [
    "ccpa_office.signin.StaffBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": f"{VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{VALIDATION}.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/admin/"
PASSWORD_RESET_TIMEOUT = 30 * 60
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "ccpa_office.signin.StaffAdapter"
ACCOUNT_FORMS = {
    "login": "ccpa_office.signin.SignInForm",
    "change_password": "ccpa_office.signin.NewPasswordForm",
}
ACCOUNT_RATE_LIMITS = False  # tries are counted in the database, see ccpa_office/throttle.py
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/" if STAFF_HOST else "/"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
ACCOUNT_PREVENT_ENUMERATION = True
MFA_ADAPTER = "ccpa_office.signin.SecondFactors"
MFA_FORMS = {
    "authenticate": "ccpa_office.signin.CodeForm",
    "reauthenticate": "ccpa_office.signin.CodeAgainForm",
    "add_webauthn": "ccpa_office.signin.NewKeyForm",
    "authenticate_webauthn": "ccpa_office.signin.KeyForm",
    "login_webauthn": "ccpa_office.signin.KeyAloneForm",
    "reauthenticate_webauthn": "ccpa_office.signin.KeyAgainForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_TOTP_ISSUER = "CCPA Office"

COOKIE_PREFIX = "__Host-" if HTTPS else ""
STAFF_IDLE_SECONDS = 20 * 60
STAFF_LONGEST_SECONDS = 10 * 60 * 60
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}office-session"
SESSION_COOKIE_AGE = STAFF_IDLE_SECONDS
SESSION_ENGINE = "ccpa_office.sessions"
SESSION_SAVE_EVERY_REQUEST = True  # prolonged by every page, written once a minute
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}office-form"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_AGE = None
CSRF_FAILURE_VIEW = "ccpa_office.answers.forged_form"
CSRF_TRUSTED_ORIGINS = [SITE_URL] if HTTPS else []
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}office-language"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

# --- what every answer says ---------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^(?:[a-z]{2}/)?api/"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
PERMISSIONS_POLICY = (
    "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), "
    "encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), picture-in-picture=(), sync-xhr=(), usb=(), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
BODY_LIMIT = 5 * 1024 * 1024  # a larger body is refused before it is read
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT  # no file waits in clear in a folder for temporary ones
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 10

# --- time and languages -------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "America/Los_Angeles"
CLOCK_OFFSET = given("CLOCK_OFFSET")
OFFICE_CALENDAR = given("OFFICE_CALENDAR", "ca_state")
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "ccpa_office" / "locale"]

# --- the office ---------------------------------------------------------------------------------
BUSINESS_NAME = given("BUSINESS_NAME")
BUSINESS_EMAIL = given("BUSINESS_EMAIL")
BUSINESS_PHONE = given("BUSINESS_PHONE")
BUSINESS_ADDRESS = given("BUSINESS_ADDRESS")
COOL_OFF_HOURS = env.float("COOL_OFF_HOURS", default=72.0)
BATCH_AT = given("BATCH_AT", "02:00")
AUTO_VERIFY = env.bool("AUTO_VERIFY", default=False)
LEDGER_ANCHOR_DIR = Path(given("LEDGER_ANCHOR_DIR", str(DATA_DIR / "anchors")))
ERASURE_LEDGER_DIR = Path(given("ERASURE_LEDGER_DIR", str(DATA_DIR / "erasures")))
OLDEST_BACKUP_DAYS = env.int("OLDEST_BACKUP_DAYS", default=35)
BACKUP_DIR = given("BACKUP_DIR")
PACKAGE_DIR = Path(given("PACKAGE_DIR", str(DATA_DIR / "packages")))
KEEPER_IDLE_SECONDS = env.float("KEEPER_IDLE_SECONDS", default=30.0)

# --- ceilings (above them a second person approves) ---------------------------------------------
CEILING_PEOPLE = env.int("CEILING_PEOPLE", default=200)
CEILING_ROWS = env.int("CEILING_ROWS", default=10_000)
CEILING_SHARE = env.float("CEILING_SHARE", default=0.01)
APPROVALS_ALWAYS = env.int("APPROVALS_ALWAYS", default=1)

# --- calling out --------------------------------------------------------------------------------
OUTBOUND_ALLOWED_HOSTS = env.list("OUTBOUND_ALLOWED_HOSTS", default=[])
ALLOW_LOOPBACK_CALLBACKS = env.bool("ALLOW_LOOPBACK_CALLBACKS", default=False)

# --- mail ---------------------------------------------------------------------------------------
EMAIL_URL = given("EMAIL_URL", "smtp://127.0.0.1:1025")
MAIL_FROM = given("MAIL_FROM", "privacy@office.invalid")
DEFAULT_FROM_EMAIL = MAIL_FROM
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # letters go by correspondence alone

# --- files --------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "ccpa_office" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["png", "webp", "woff2", "gz", "svgz", "ico"]

# --- logs and checks ----------------------------------------------------------------------------
LOGGING = logging_config(plain=DEMO)
SILENCED_SYSTEM_CHECKS: list[str] = []
DEMO_PASSWORD = given("DEMO_PASSWORD")
