"""Where the rig's office stands: one throw-away folder, and one environment for every process."""

import json
import os
import tempfile
from pathlib import Path

from ccpa_office.engines.home import open_home
from ccpa_office.engines.pair import Engines
from ccpa_office.engines.postgresql import APPLICATION, LEARNER_OWNER, OWNER
from ccpa_office.keys import demo_secrets
from tests.ports import free_port

OFFICE, LEARNERS = "rig_office", "rig_learners"
PRISTINE = {OFFICE: "rig_office_pristine", LEARNERS: "rig_learners_pristine"}
ROOMS = "rig_office_rooms"
"""The office with its systems outside, as it was at the beginning."""
LEASE = 2.5
CHANGES = {
    "ccpa_office.work": {
        "claim.lease": LEASE, "renew.lease": LEASE, "BACKOFF_STEP": 0.1, "BACKOFF_MOST": 2.0,
        "AWAY": 0.5,
    },
    "requests_app.correspondence.delivery": {"BUDGET": 1.5},
    "ccpa_office.keeping": {"TICK_SECONDS": 0.5},
    "requests_app.fulfillment.outside.carrying": {"FIRST_POLL": 0.3, "NEXT_SIGHT": 1.0},
    "requests_app.fulfillment.outside.breaker": {"FIRST_PAUSE": 0.5},
    "requests_app.fulfillment.handing": {"RUNNING": 2.0},
}  # fmt: skip
"""What must not wait for a minute in a rig: seconds, by room and name."""

FOLDER = Path(tempfile.mkdtemp(prefix="ccpa-rig-"))
ENGINES = Engines(open_home(FOLDER), FOLDER / "logs", lambda _: None, durable=False)
SEAMS = FOLDER / "seams"
ANCHORS, ERASURES, PACKAGES = FOLDER / "anchors", FOLDER / "erasures", FOLDER / "packages"
MAIL_PORT = free_port()
WEB_PORT = free_port()
SITE = f"http://127.0.0.1:{WEB_PORT}"


def _url(role: str, database: str) -> str:
    return ENGINES.postgresql.url(role, database)


OWNER_URL = _url(OWNER, OFFICE)
LEARNER_URL = _url(LEARNER_OWNER, LEARNERS)
PRISTINE_URL = _url(LEARNER_OWNER, PRISTINE[LEARNERS])
VARIABLES = {
    **demo_secrets(),
    "DEMO": "1",
    "DATA_DIR": str(FOLDER),
    "SITE_URL": SITE,
    "BUSINESS_NAME": "Quillmere Learning",
    "DATABASE_URL": _url(APPLICATION, OFFICE),
    "REDIS_URL": ENGINES.valkey.url,
    "EMAIL_URL": f"smtp://127.0.0.1:{MAIL_PORT}",
    "LEDGER_ANCHOR_DIR": str(ANCHORS),
    "ERASURE_LEDGER_DIR": str(ERASURES),
    "PACKAGE_DIR": str(PACKAGES),
    "OUTBOUND_ALLOWED_HOSTS": "127.0.0.1",
    "ALLOW_LOOPBACK_CALLBACKS": "1",
    "COOL_OFF_HOURS": "0",
    "BATCH_AT": "*",
    "KEEPER_IDLE_SECONDS": "1",
    "CLOCK_OFFSET": "",
}
CHILD = {
    "RIG_SEAMS": str(SEAMS),
    "RIG_CHANGES": json.dumps(CHANGES),
    "PYTHONPATH": str(Path(__file__).parent / "child"),
}
"""What the office's processes get besides; the rig itself is not changed."""


def set_environment() -> None:
    """Make this process a member of the office."""
    os.environ.update(VARIABLES)
    os.environ.pop("DATABASE_OWNER_URL", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "ccpa_office.settings"
