"""What the console says once the office runs: where everything is, and what to try first."""

import shlex
from collections.abc import Iterable, Iterator, Mapping

from ccpa_office.office import BASE_DIR, DEMO_USERS, Office

STEPS = (
    "Ask: open {site}/requests/new/delete/ as Orla Dunmarrow, orla.dunmarrow@example.org.",
    "Read the letters at {mail}. The second went to the address on file.",
    "Confirm by the link in it: ZIP code 95501, telephone +1 707 555-0163.",
    "Verify: sign in at {site}/admin/ as verifier, open the request: it is the consumer.",
    "Approve: sign in as approver, read the plan, approve it. The verifier could not.",
    "Wait for the cool-off, which is short in a demo ({cool_off}); the batch then runs by itself:",
    "    {manage} batch run --wait",
    "Look at what is left: {manage} learner orla.dunmarrow@example.org",
    "Read the last letter, and the request's page by the link in the first.",
)
"""What to do in one go; a line that begins with blanks belongs to the one before."""


def manage(office: Office) -> str:
    """How to call a command in another window, so that it speaks to this office."""
    elsewhere = office.data_dir != BASE_DIR / "var"
    folder = f"DATA_DIR={shlex.quote(str(office.data_dir))} " if elsewhere else ""
    return f"{folder}.venv/bin/python manage.py"


def numbered(steps: Iterable[str]) -> Iterator[str]:
    """The steps with their numbers."""
    number = 0
    for step in steps:
        number += not step.startswith(" ")
        yield f"     {step.strip()}" if step.startswith(" ") else f"  {number}. {step}"


def lines(office: Office, variables: Mapping[str, str], *, first_time: bool) -> list[str]:
    """Return the console's lines."""
    ports = office.ports_in_use(variables)
    mail = f"http://127.0.0.1:{ports['mail']}/" if ports else ""
    said = [
        "",
        f"The office is open:  {office.site}/",
        f"Staff:               {office.site}/admin/",
    ]
    said += [f"Caught mail:         {mail}"] if mail else []
    if office.demo:
        password = (
            variables["DEMO_PASSWORD"] if first_time else f"see {office.data_dir}/office.json"
        )
        said += [
            f"Users:               {', '.join(DEMO_USERS)}",
            f"Password of each:    {password}",
        ]
        seconds = round(float(variables.get("COOL_OFF_HOURS", "72")) * 3600)
        facts = {
            "site": office.site,
            "mail": mail,
            "cool_off": f"{seconds} seconds",
            "manage": manage(office),
        }
        steps = [step.format(**facts) for step in STEPS]
        said += ["", "Try first (docs/tour.md shows it with pictures):", *numbered(steps)]
    return [*said, "", "Ctrl-C ends everything; the data stay."]
