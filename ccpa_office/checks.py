"""What production refuses to start with. Each finding has a number that never changes its meaning.

A bare checkout (no DATABASE_URL) is not an installation: there these run with ``--deploy`` only.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from ccpa_office import clock
from ccpa_office.keys import is_demo_key, is_key

OURS = "ccpa_office"
SHORTEST_SECRET = 50
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
HOW = "`python -m ccpa_office.keys` prints a set; docs/operations.md says where it goes."


def error(number: int, words: str, hint: str) -> Error:
    """Return a finding that stops the start."""
    return Error(words, hint=hint, id=f"ccpa_office.E{number:03}")


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's way of saying that it is empty
        return ""


def secret_key() -> Iterator[CheckMessage]:
    """E001: SECRET_KEY is missing or weak."""
    key = _secret_key()
    if len(key) < SHORTEST_SECRET or len(set(key)) < 10:
        yield error(1, "SECRET_KEY is missing, too short or too regular.", HOW)


def encryption_keys() -> Iterator[CheckMessage]:
    """E002: personal information could not be sealed."""
    keys = settings.ENCRYPTION_KEYS
    if not keys or not all(map(is_key, keys)):
        yield error(2, "ENCRYPTION_KEYS must be base64 of 32 bytes each, newest first.", HOW)


def digest_keys() -> Iterator[CheckMessage]:
    """E003: look-up and suppression could not work."""
    parts = [key.partition(":") for key in settings.DIGEST_KEYS]
    versions = [version for version, _, _ in parts]
    numbers = [int(version) for version in versions if version.isascii() and version.isdigit()]
    sound = all(is_key(key) for _, _, key in parts) and all(0 < n < 256 for n in numbers)
    if not parts or not sound or len(numbers) < len(parts) or len(set(numbers)) < len(numbers):
        yield error(3, "DIGEST_KEYS must be 1:<base64 of 32 bytes>, each with its own number.", HOW)


def signing_key() -> Iterator[CheckMessage]:
    """E004: the book could not be anchored."""
    if not all(map(is_key, settings.LEDGER_SIGNING_KEY.split(","))):
        yield error(4, "LEDGER_SIGNING_KEY must be base64 of an Ed25519 seed of 32 bytes.", HOW)


def all_keys() -> dict[str, str]:
    """Return every key by a name for people."""
    signing = enumerate(settings.LEDGER_SIGNING_KEY.split(","))
    keys = {"SECRET_KEY": _secret_key()}
    keys |= {f"LEDGER_SIGNING_KEY[{n}]": key for n, key in signing}
    keys |= {f"ENCRYPTION_KEYS[{n}]": key for n, key in enumerate(settings.ENCRYPTION_KEYS)}
    digests = enumerate(settings.DIGEST_KEYS)
    return keys | {f"DIGEST_KEYS[{n}]": key.partition(":")[2] for n, key in digests}


def keys_of_a_demo() -> Iterator[CheckMessage]:
    """E005: a key that a demo made, and left in a file."""
    names = sorted(name for name, key in all_keys().items() if key and is_demo_key(key))
    if names and not settings.DEMO:
        yield error(5, f"Made for a demo, refused in production: {', '.join(names)}.", HOW)


def same_key_twice() -> Iterator[CheckMessage]:
    """E018: one secret in two places."""
    keys = [key for key in all_keys().values() if key]
    if len(set(keys)) < len(keys):
        yield error(18, "One key stands in two places; each needs its own.", HOW)


def demo_in_production() -> Iterator[CheckMessage]:
    """E006: demo data and short waits where strangers can reach them."""
    host = urlsplit(settings.SITE_URL).hostname
    if settings.DEMO and host not in LOOPBACK_HOSTS:
        yield error(6, f"DEMO is on, but SITE_URL is not on this machine: {host}.", "Unset DEMO.")


def shifted_clock() -> Iterator[CheckMessage]:
    """E007, E022: the law's days are counted by the real clock."""
    if settings.CLOCK_OFFSET and not settings.DEMO:
        yield error(7, "CLOCK_OFFSET is set.", "Unset it; it is for rehearsals and tests.")
    try:
        clock.duration(settings.CLOCK_OFFSET)
    except clock.BadDuration:
        yield error(22, "CLOCK_OFFSET is not a duration such as P40D.", "Unset or mend it.")


def loopback_callbacks() -> Iterator[CheckMessage]:
    """E025: what calls out must not be led to this machine's own services."""
    if settings.ALLOW_LOOPBACK_CALLBACKS and not settings.DEMO:
        yield error(25, "ALLOW_LOOPBACK_CALLBACKS is on.", "Unset it; it is for tests.")


def debug() -> Iterator[CheckMessage]:
    """E008: debug pages show what must not be seen."""
    if settings.DEBUG:
        yield error(8, "DEBUG is on.", "It is never switched on by the environment; find who did.")


def site() -> Iterator[CheckMessage]:
    """E009, E010: links in letters lead to the right host, and by https."""
    if settings.DEMO:
        return
    parts = urlsplit(settings.SITE_URL)
    if parts.scheme != "https" or not parts.hostname or parts.path:
        yield error(9, "SITE_URL must be https://host and nothing more.", "Set SITE_URL.")
    hosts = set(settings.ALLOWED_HOSTS)
    if not hosts or "*" in hosts or hosts <= LOOPBACK_HOSTS:
        yield error(10, "ALLOWED_HOSTS must name the office's hosts.", "Set ALLOWED_HOSTS.")


def demo_password() -> Iterator[CheckMessage]:
    """E011: demo users do not exist in production."""
    if settings.DEMO_PASSWORD and not settings.DEMO:
        yield error(11, "DEMO_PASSWORD is set.", "Unset it; there are no demo users here.")


def outside_folders() -> Iterator[CheckMessage]:
    """E012, E013: a witness that lies beside the data is lost, or changed, with them."""
    if settings.DEMO:
        return
    append = "Another volume, best one that the database's machine can only append to."
    apart = "Another volume than the data, and in none of their backups."
    for number, name, hint in (
        (12, "LEDGER_ANCHOR_DIR", append),
        (13, "ERASURE_LEDGER_DIR", apart),
    ):
        if Path(getattr(settings, name)).resolve().is_relative_to(settings.DATA_DIR):
            yield error(number, f"{name} lies inside DATA_DIR.", hint)


def mail() -> Iterator[CheckMessage]:
    """E014, E015: letters must leave the machine, encrypted, from an address that exists."""
    if settings.DEMO:
        return
    parts = urlsplit(settings.EMAIL_URL)
    if parts.hostname not in LOOPBACK_HOSTS and parts.scheme == "smtp":
        yield error(14, "EMAIL_URL sends letters in clear text.", "smtp+tls:// or smtp+ssl://")
    if settings.MAIL_FROM.endswith(".invalid"):
        yield error(15, "MAIL_FROM is not an address that can be answered.", "Set MAIL_FROM.")


def database_roles() -> Iterator[CheckMessage]:
    """E016: the application must not be the tables' owner."""
    owner = urlsplit(settings.DATABASE_OWNER_URL).username
    if not settings.DEMO and owner and owner == settings.DATABASES["default"].get("USER"):
        hint = "Two roles: the owner migrates, the application owns nothing."
        yield error(16, "DATABASE_URL and DATABASE_OWNER_URL name the same role.", hint)


def broker() -> Iterator[CheckMessage]:
    """W017: without a broker the work is done, but slowly."""
    if not settings.DEMO and not settings.REDIS_URL:
        hint = "Set REDIS_URL. Until then the keeper alone does all work."
        yield Caution("REDIS_URL is missing.", hint=hint, id="ccpa_office.W017")


def the_offices_own_rules() -> Iterator[CheckMessage]:
    """E019, E020, E021: the calendar exists; waits are waits; somebody always approves."""
    if settings.OFFICE_CALENDAR not in {"ca_state", "weekday", "civ9", "federal"}:
        yield error(19, "OFFICE_CALENDAR is not known.", "ca_state, weekday, civ9 or federal.")
    if settings.COOL_OFF_HOURS < 0 or (settings.COOL_OFF_HOURS < 1 and not settings.DEMO):
        yield error(20, "COOL_OFF_HOURS leaves no time to stop an erasure.", "72 is the default.")
    if settings.APPROVALS_ALWAYS not in {1, 2}:
        yield error(21, "APPROVALS_ALWAYS must be 1 or 2; never none.", "Set it to 1 or 2.")


RULES: tuple[Callable[[], Iterable[CheckMessage]], ...] = (
    secret_key,
    encryption_keys,
    digest_keys,
    signing_key,
    keys_of_a_demo,
    same_key_twice,
    demo_in_production,
    shifted_clock,
    loopback_callbacks,
    debug,
    site,
    demo_password,
    outside_folders,
    mail,
    database_roles,
    broker,
    the_offices_own_rules,
)


def findings() -> list[CheckMessage]:
    """Return every finding of every rule."""
    return [finding for rule in RULES for finding in rule()]


def installation(**_given: Any) -> list[CheckMessage]:
    """Check an installation at every start of anything."""
    return findings() if settings.IS_INSTALLATION else []


def bare_checkout(**_given: Any) -> list[CheckMessage]:
    """Check a checkout without an installation when it is asked for."""
    return [] if settings.IS_INSTALLATION else findings()


ROLE = """
SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication,
    EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p')),
    has_schema_privilege(current_schema(), 'CREATE')
FROM pg_roles WHERE rolname = current_user
"""


def application_role(*, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """E030, E031: the application's role in the database can do no more than it must.

    Not asked of a demo, nor while the owner migrates.
    """
    given = settings.DATABASES["default"].get("USER")
    ours = connection.settings_dict.get("USER") == given
    return role_findings() if databases and ours and not settings.DEMO else []


def role_findings() -> list[CheckMessage]:
    """Return what the role that we are connected as could do beyond its work."""
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        mighty, owns, creates = cursor.fetchone()
    hint = "docs/operations.md, database roles; then `manage.py migrate` with the owner's URL."
    found: list[CheckMessage] = []
    if mighty:
        found.append(error(30, "DATABASE_URL names a superuser or maker of roles.", hint))
    if owns or creates:
        found.append(error(31, "The role of DATABASE_URL owns or may make tables.", hint))
    return found


def register_all() -> None:
    """Make the findings part of Django's own checks."""
    register(installation, OURS)
    register(bare_checkout, OURS, deploy=True)
    register(application_role, Tags.database, OURS)


def refuse() -> None:
    """Stop a program that runs no checks by itself. Raises ImproperlyConfigured."""
    bad = [found for found in run_checks(tags=[OURS]) if found.is_serious()]
    if bad:
        raise ImproperlyConfigured("\n".join(f"{found.id}: {found.msg}" for found in bad))
