"""Collect the words to translate: Django's own command, which also hears what desks refuse."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management.commands import makemessages

from ccpa_office.admin import deeds
from ccpa_office.admin.site import site


def refusals() -> set[type[Exception]]:
    """Every refusal that a desk says to a person."""
    said = set(deeds.refusals())
    for desk in site.desks():
        said |= set(getattr(desk, "refusals", ()))
    said |= {each for refusal in said for each in _below(refusal)}
    ours = {each for each in said if each.__module__.partition(".")[0] in apps.app_configs}
    return ours - {deeds.Refused}  # its text is marked where it is written


def _below(refusal: type[Exception]) -> Iterator[type[Exception]]:
    for each in refusal.__subclasses__():
        yield each
        yield from _below(each)


def sentences() -> list[str]:
    """Their texts, as they are raised; and what their classes mean, for those without one."""
    known = refusals()
    found = {(each.__doc__ or "").strip().partition("\n")[0] for each in known}
    names = {each.__name__ for each in known}
    for app in apps.get_app_configs():
        if Path(app.path).parent == settings.BASE_DIR:
            for file in Path(app.path).rglob("*.py"):
                found |= set(_raised(ast.parse(file.read_text()), names))
    return sorted(found - {""})


def _raised(tree: ast.AST, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
            for given in node.args[:1]:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


class Command(makemessages.Command):
    """Lazy labels and the sentences of refusals join what ``_`` marks."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=_L"]

    def build_potfiles(self) -> list[str]:
        """Add the sentences of refusals to the template before it is merged."""
        files: list[str] = super().build_potfiles()
        for file in map(Path, files):
            written = file.read_text()
            marks = (f"msgid {json.dumps(each, ensure_ascii=False)}\n" for each in sentences())
            new = "".join(f'\n{mark}msgstr ""\n' for mark in marks if mark not in written)
            file.write_text(written + new)
        return files
