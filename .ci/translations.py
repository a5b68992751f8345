"""Every text in every language: says what is missing or unsure, and fails if anything is."""

import sys
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "ccpa_office" / "locale"


def gaps(catalog: Path) -> list[str]:
    """Return what a catalog lacks."""
    entries = [entry for entry in polib.pofile(str(catalog)) if not entry.obsolete]
    return [
        f"{catalog.parent.parent.name}: {entry.msgid[:70]!r}"
        for entry in entries
        if entry.fuzzy or not entry.translated()
    ]


found = [gap for catalog in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")) for gap in gaps(catalog)]
sys.stdout.writelines(f"{gap}\n" for gap in found)
sys.exit(bool(found))
