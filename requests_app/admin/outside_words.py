"""Why a task of a system outside stands where it stands, in words for the desk."""

from django.utils.translation import gettext as _

from requests_app.models import OutsideTask


def why(task: OutsideTask) -> str:
    """The code of a task, in words; an unknown code stays what it is."""
    return why_of(task.error_code)


def why_of(code: str) -> str:
    """A code, in words; an unknown one stays what it is."""
    return _WORDS().get(code, code)


def _WORDS() -> dict[str, str]:  # noqa: N802  a table that speaks the reader's language
    return {
        "to-confirm": _("answered; another person confirms it"),
        "impossible": _("they say that it cannot be done"),
        "overdue": _("no answer by its day"),
        "residual": _("they say it is done, and it is still there"),
        "not-corrected": _("they say it is done, and the right value does not stand there"),
        "came-back": _("it was gone, and it is there again"),
        "answer-of-another": _("the answer was about somebody else"),
        "unknown": _("nobody knows whether it was done"),
        "no-second-look": _("nobody can look again; confirm it by hand"),
        "refused": _("they refused it"),
        "unauthorized": _("they do not accept our secret"),
        "forbidden": _("our account may not do this there"),
        "redirect": _("they sent us elsewhere; we do not follow"),
        "too-big": _("they say that it is too much at once"),
        "too-many": _("they hold more records than we accept"),
        "host-not-allowed": _("the host is not on the list of OUTBOUND_ALLOWED_HOSTS"),
        "not-what-was-approved": _("the plan is not what was approved"),
        "by-hand": _("it answers no machine; somebody asks by hand"),
        "nothing-to-ask-by": _(
            "nothing that we hold of this person names them there; somebody decides"
        ),
        "pending": _("they took it in and work on it"),
        "busy": _("they asked us to come later"),
        "unreachable": _("they do not answer"),
        "halted": _("erasures are stopped, or the batch is paused"),
    }
