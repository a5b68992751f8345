"""A table of due work of the tests' own, and a worker that does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from django.db import connection, models, transaction

from ccpa_office import clock, ledger, work
from ccpa_office.models import DueWork
from ccpa_office.roles import Actor


class Chore(DueWork):
    """Something to do."""

    PERSONAL: ClassVar[dict[str, str]] = {"id": "key", "note": "none", **DueWork.WORK_PERSONAL}

    note = models.CharField(max_length=40, blank=True, default="")

    class Meta(DueWork.Meta):
        abstract = False
        app_label = "tests_office"

    def __str__(self) -> str:
        return f"chore {self.pk}"


@contextmanager
def table() -> Iterator[None]:
    """The table stands while this lasts."""
    with connection.schema_editor() as editor:
        editor.create_model(Chore)
        editor.execute(work.notify_trigger_sql(Chore.table()))
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.execute(work.notify_trigger_reverse_sql(Chore.table()))
            editor.delete_model(Chore)


def do(chores: list[Chore], outside: Path) -> None:
    """One chore: an effect outside, under a key of the chore; then the receipt, with the work."""
    (chore,) = chores
    work.seam("chore.before_effect")
    with (outside / "effects").open("a") as effects:
        effects.write(f"{chore.pk}\n")
    work.seam("chore.after_effect")
    with transaction.atomic():
        work.finish(chore, note="done")
        ledger.record(
            "chore.done", subject=f"chore:{chore.pk}", by=Actor.system("chores"), at=clock.now()
        )
        work.seam("chore.before_commit")
    work.seam("chore.after_commit")
