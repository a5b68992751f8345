"""Bring notice files into the office."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import clock
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed
from notices_app import loading, publishing, vocabulary, writing

SEED = Path(__file__).resolve().parents[2] / "seed"
REFUSALS = (
    NotAllowed,
    loading.NotANotice,
    writing.UnknownTerm,
    vocabulary.TermInUse,
    publishing.AlreadyInWork,
    publishing.EffectiveTooEarly,
    publishing.NotReady,
    publishing.SecondPersonNeeded,
)


class Command(BaseCommand):
    help = (
        "Bring notice files into the office: when you set up the demo, or when a notice was "
        "written as files; again when a provider has a new address or a word is wanted. A version "
        "that is there is left alone, a new one published only in the demo; elsewhere it waits at "
        "the desk as a draft, for a second person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, default=SEED)
        parser.add_argument("--editor", default="editor", help="who writes and publishes")
        parser.add_argument("--reviewer", default="counsel", help="who reviews (demo only)")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        reviewer = _staff(options["reviewer"]) if settings.DEMO else None
        people = loading.People(editor=_staff(options["editor"]), reviewer=reviewer)
        try:
            versions = loading.load(
                options["folder"], people=people, on=clock.today(), at=clock.now()
            )
            if not versions:  # a provider may have a new address, or a new word be wanted
                loading.enter_words(options["folder"], by=people.editor, at=clock.now())
        except REFUSALS as refusal:
            raise CommandError(f"{type(refusal).__name__}: {refusal}") from refusal
        facts = [
            {"notice": v.notice.slug, "version": v.number, "status": v.status} for v in versions
        ]
        if options["json"]:
            self.stdout.write(json.dumps(facts))
        else:
            words = [f"{fact['notice']} {fact['version']}: {fact['status']}" for fact in facts]
            self.stdout.write("\n".join(words) or "No new version; the vocabulary is up to date.")


def _staff(username: str) -> Actor:
    try:
        return Actor.of(StaffMember.objects.get(username=username))
    except StaffMember.DoesNotExist as missing:
        raise CommandError("There is no member of staff of that name.") from missing
