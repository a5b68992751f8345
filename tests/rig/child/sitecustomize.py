"""Python loads this by itself in the rig's processes: it puts a striking seam into the engine.

What a passing process does to itself stands in files that the rig writes, so nothing of this is
shipped and every strike is counted:

- ``passed/SEAM`` grows by one byte at each passage, whoever passes; its length is the ordinal.
- ``orders/SEAM@ORDINAL`` says what to do there: kill, kill-all, stop, lose or tear.
- the order moves to ``done/`` before it is carried out, with the process that did it.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

SEAMS = Path(os.environ.get("RIG_SEAMS", ""))
CHANGES: dict[str, dict[str, float]] = json.loads(os.environ.get("RIG_CHANGES", "{}"))
ENGINE = "ccpa_office.work"


class Lost(OSError):
    """The answer to a commit never came."""


def strike(name: str) -> None:
    """Pass a seam: count it, and do what was ordered for this passage."""
    order = SEAMS / "orders" / f"{name}@{ordinal(SEAMS / 'passed' / name)}"
    if not order.exists():
        return
    deed = order.read_text()
    order.with_suffix(order.suffix + ".half").write_text(
        f"{deed} {os.environ.get('RIG_NAME', '?')} {os.getpid()}"
    )
    order.unlink()
    order.with_suffix(order.suffix + ".half").rename(SEAMS / "done" / order.name)
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed == "kill-all":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    elif deed == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif deed == "lose":
        raise Lost
    elif deed == "tear":
        tear()


def tear() -> None:
    """Die in the middle of the newest line of the erasure ledger: its end was never written."""
    file = Path(os.environ["ERASURE_LEDGER_DIR"]) / "erasures.jsonl"
    os.truncate(file, file.stat().st_size - 40)
    os.kill(os.getpid(), signal.SIGKILL)


def ordinal(file: Path) -> int:
    """Append one byte and return how many there are; no two processes get the same."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, b".")
        return os.lseek(handle, 0, os.SEEK_CUR)
    finally:
        os.close(handle)


def change(module: ModuleType, name: str, value: float) -> None:
    """Give a constant, or ``function.argument`` at every call, another value: seconds for a
    period."""
    function, _, argument = name.partition(".")
    if not argument:
        is_period = isinstance(getattr(module, name), timedelta)
        setattr(module, name, timedelta(seconds=value) if is_period else value)
        return
    made = getattr(module, function)
    shape = signature(made)

    @wraps(made)
    def call(*given: Any, **named: Any) -> Any:
        bound = shape.bind(*given, **named)
        bound.arguments[argument] = timedelta(seconds=value)
        return made(*bound.args, **bound.kwargs)

    setattr(module, function, call)


class Patcher(MetaPathFinder):
    """Finds the rooms that the rig changes, and changes them once they are loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in CHANGES and name != ENGINE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            for constant, value in CHANGES.get(name, {}).items():
                change(module, constant, value)
            if name == ENGINE and os.environ.get("RIG_SEAMS"):
                module.seam = strike  # type: ignore[attr-defined]

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Patcher())
