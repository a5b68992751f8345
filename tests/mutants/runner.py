"""Makes one mistake at a time in a copy of the tree and lets the suite look for it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import engines
from tests.mutants.mistake import Mistake
from tests.mutants.mistakes import MISTAKES

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("ccpa_office", "notices_app", "requests_app", "templates", "tests", "demo", "docs")
FILES = ("manage.py", "pyproject.toml", ".env.example", "Makefile")
FAILED = 1
"""What pytest answers when tests ran and some failed; anything else is no verdict."""
LIMIT = 1200


class NotThere(Exception):
    """The text that should be changed does not stand once in its file."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mistake."""

    name: str
    answer: int
    seconds: float

    @property
    def word(self) -> str:
        return {FAILED: "killed", 0: "SURVIVED"}.get(self.answer, f"NO VERDICT ({self.answer})")


def copy_tree(target: Path) -> None:
    """The tree without what is made at run time."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
    for name in COPIED:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target / name)


def make(mistake: Mistake, tree: Path) -> str:
    """Put the mistake into the copy; return the file as it was. Its text must stand there once."""
    file = tree / mistake.file
    text = file.read_text("utf-8")
    if text.count(mistake.right) != 1:
        raise NotThere(mistake.name)
    file.write_text(text.replace(mistake.right, mistake.wrong), "utf-8")
    return text


def look(tree: Path, selection: Iterable[str], *, fresh: bool = False, shown: bool = False) -> int:
    """Run some tests in the copy and say how pytest ended."""
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
        "--no-header", "--show-capture=no", "--tb=no", "--create-db" if fresh else "--reuse-db",
        *selection,
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "TEST_DATABASE_NAME": "test_mutants",
        "DJANGO_SETTINGS_MODULE": "tests.settings",  # not whatever importing the office set here
    }
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, timeout=LIMIT, check=False,
            capture_output=not shown,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return FAILED
    return done.returncode


def hunt(mistakes: Iterable[Mistake], tree: Path) -> Iterator[Verdict]:
    """Make each mistake, look, and take it back."""
    fresh = True
    for mistake in mistakes:
        started = time.monotonic()
        try:
            was = make(mistake, tree)
        except NotThere:
            yield Verdict(mistake.name, -1, 0.0)
            continue
        in_migration = "/migrations/" in mistake.file
        answer = look(tree, mistake.tests, fresh=fresh or in_migration)
        (tree / mistake.file).write_text(was, "utf-8")
        fresh = in_migration
        yield Verdict(mistake.name, answer, time.monotonic() - started)


def main(names: list[str]) -> int:
    """All mistakes, or those whose name holds one of ``names``. 0 when every one was noticed."""
    chosen = [each for each in MISTAKES if not names or any(name in each.name for name in names)]
    engines.start()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        selection = sorted({test for mistake in chosen for test in mistake.tests})
        if look(tree, selection, fresh=True, shown=True):
            sys.stdout.write("the tests that look for mistakes fail without one\n")
            return 2
        verdicts = []
        for verdict in hunt(chosen, tree):
            sys.stdout.write(f"{verdict.word:12} {verdict.seconds:5.1f} s  {verdict.name}\n")
            sys.stdout.flush()
            verdicts.append(verdict)
    killed = sum(verdict.answer == FAILED for verdict in verdicts)
    sys.stdout.write(f"{killed} of {len(verdicts)} killed\n")
    return int(killed != len(verdicts))
