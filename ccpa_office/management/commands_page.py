"""The page of the manual that lists every command with its verbs and options."""

import argparse
from collections.abc import Iterator

from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

OF_DJANGO = frozenset({"migrate", "makemessages"})
"""Commands of Django's own, which are told something more; its manual has their options."""


def commands_page() -> str:
    """Return the page: when to use each command, and what it takes."""
    page = ["# Commands", "", "Generated from the code by `manage.py manual`.", ""]
    page += ["Exit 0: done. Exit 1: refused or unsound. Exit 2: called wrongly. What stands in"]
    page += ["brackets may be left out; `--json` prints facts for programs.", ""]
    for name in ours():
        command = load_command_class(get_commands()[name], name)
        page += [f"## {name}", "", _plain(command.help), "", *_taken(command, name)]
    return "\n".join(page)


def ours() -> list[str]:
    """Return the names of the office's own commands."""
    floors = {config.name for config in apps.get_app_configs() if "." not in config.name}
    return sorted(name for name, app in get_commands().items() if app in floors)


def _taken(command: BaseCommand, name: str) -> list[str]:
    """Return a table of what a command takes; nothing where it takes nothing."""
    if name in OF_DJANGO:
        return []
    parser = command.create_parser("manage.py", name)
    told = {action.dest for action in _standard()}
    rows = [f"| {form} | {words} |" for form, words in _rows(parser, told)]
    return ["| it takes | |", "|---|---|", *rows, ""] if rows else []


def _standard() -> list[argparse.Action]:
    """Return what every command of Django takes."""
    return _actions(BaseCommand().create_parser("manage.py", "any"))


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return list(parser._actions)  # noqa: SLF001 - argparse has no public list of them


def _rows(
    parser: argparse.ArgumentParser, told: set[str], before: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield a form and its words: the positional ones and options, then each verb with its own."""
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            helps = {each.dest: each.help for each in action._choices_actions}  # noqa: SLF001
            for verb, sub in action.choices.items():
                yield f"**`{verb}`**", _plain(helps.get(verb))
                yield from _rows(sub, told, f"{verb} ")
        elif action.dest not in told:
            yield f"`{before}{_form(action)}`", _plain(action.help)


def _form(action: argparse.Action) -> str:
    """Return an argument as it is typed, in brackets if it may be left out."""
    value = _plain(str(action.metavar or _choices(action) or action.dest.upper()))
    if not action.option_strings:
        return f"[{value}]" if action.nargs in {"?", "*"} else value
    name = action.option_strings[-1]
    typed = name if action.nargs == 0 else f"{name} {value}"
    return typed if action.required else f"[{typed}]"


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices or ()))


def _plain(words: str | None) -> str:
    """Return words as they stand in a cell of a table."""
    return (words or "").replace("%%", "%").replace("|", "\\|")
