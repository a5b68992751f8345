"""What the console says once the office runs: where everything is, and what to try first."""

from collections.abc import Mapping

from ccpa_office.office import DEMO_USERS, Office

STEPS = (
    "Open {site}/requests/new/delete/ and ask for the deletion of a learner.",
    "Read the letters at {mail}.",
    "Sign in at {site}/admin/ as verifier, then as approver.",
)


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
        steps = [step.format(site=office.site, mail=mail) for step in STEPS]
        said += ["", "Try first:", *(f"  {n}. {step}" for n, step in enumerate(steps, 1))]
    return [*said, "", "Ctrl-C ends everything; the data stay."]
