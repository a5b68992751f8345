"""The reference pages of map files, made of the same forms and codes that read them."""

from collections.abc import Iterator

from notices_app.datamap import form_own, masks
from notices_app.datamap.codes import GROUPS
from notices_app.datamap.form import COLLECTION, DATASET, FIELD, MAP
from notices_app.datamap.form_fides import (
    COLLECTION_STRATEGY,
    CONFIGURATION,
    FIDES_COLLECTION,
    FIDES_DATASET,
    FIDES_FIELD,
    REFERENCES,
    STRATEGY,
    SUFFIX,
)
from notices_app.datamap.reading import BIGGEST, DEEPEST, MOST_FINDINGS, MOST_NODES
from notices_app.datamap.shapes import Keys
from notices_app.datamap.taxonomy import USUAL

MADE = "Generated from the code by `manage.py manual`."
SECTIONS: dict[str, dict[str, Keys]] = {
    "The file": {"": MAP},
    "The dataset": {
        "": DATASET,
        "`fides_meta`": FIDES_DATASET,
        "`ccpa_meta`": form_own.CCPA_DATASET,
        "`ccpa_meta`, `leaves_out`": form_own.LEFT_OUT,
    },
    "A collection": {
        "": COLLECTION,
        "`fides_meta`": FIDES_COLLECTION,
        "`fides_meta`, `masking_strategy_override`": COLLECTION_STRATEGY,
        "`ccpa_meta`": form_own.CCPA_COLLECTION,
        "`ccpa_meta`, `exception`": form_own.EXCEPTION,
        "`ccpa_meta`, `hold`": form_own.HOLD,
    },
    "A field": {
        "": FIELD,
        "`fides_meta`": FIDES_FIELD,
        "`fides_meta`, `references`": REFERENCES,
        "`fides_meta`, `masking_strategy_override`": STRATEGY,
        "`fides_meta`, `masking_strategy_override`, `configuration`": CONFIGURATION,
        "`format_preservation`": SUFFIX,
        "`ccpa_meta`": form_own.CCPA_FIELD,
        "`ccpa_meta`, `contact`": form_own.CONTACT,
        "`ccpa_meta`, `verification`": form_own.VERIFICATION,
    },
}


def keys_page() -> str:
    """Return the page of every key that a map file may hold."""
    return "\n".join([*_head(), *_sections(), *_words(), *_strategies(), *_categories(), ""])


def _head() -> Iterator[str]:
    yield "# Map files: every key"
    yield from ("", MADE, "What a map is for, and an example, stands in [map.md](map.md).", "")
    yield f"Limits: {BIGGEST:,} bytes, {DEEPEST} levels, {MOST_NODES:,} values, one document,"
    yield f"one dataset. A check reports {MOST_FINDINGS} findings at most."


def _sections() -> Iterator[str]:
    for title, parts in SECTIONS.items():
        yield from ("", f"## {title}")
        for name, keys in parts.items():
            yield from ("", f"### {name}") if name else ()
            yield from ("", "| key | holds | says |", "|---|---|---|")
            yield from _rows(keys)


def _rows(keys: Keys) -> Iterator[str]:
    for key, shape in keys.keys.items():
        must = " (must)" if key in keys.required else ""
        one = " (one of)" if key in keys.one else ""
        yield _row(f"`{key}`{must}{one}", shape.words(), keys.says.get(key, ""))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _words() -> Iterator[str]:
    yield from ("", "## What `on_delete`, `on_shared` and `on_kept` do to a field", "")
    yield from ("| word | effect |", "|---|---|")
    yield from (_row(word, effect) for word, effect in form_own.MASKS.items())


def _strategies() -> Iterator[str]:
    yield from ("", "## What fideslang's strategies become", "")
    yield from ("| strategy | becomes | reads of `configuration` |", "|---|---|---|")
    for name, takes in masks.TAKES.items():
        made = masks.BECOMES[name]({"rewrite_value": "..."})
        words = ", ".join(f"`{key}`" for key in sorted(takes)) or "nothing"
        yield _row(f"`{name}`", f"`{made.how}`", words)


def _categories() -> Iterator[str]:
    yield from ("", "## The data categories that fideslang ships with", "")
    yield "The category of the Act in which each usually falls: a proposal, never a decision."
    yield from ("", "| data category | usually |", "|---|---|")
    yield from (_row(f"`{key}`", f"`{found.value}`" if found else "none")
                for key, found in USUAL.items())  # fmt: skip


def codes_page() -> str:
    """Return the page of every finding: what it means and what mends it."""
    page = ["# Map files: every finding", "", MADE]
    for title, codes in GROUPS.items():
        page += ["", f"## {title}", "", "| code | level | means | cure |", "|---|---|---|---|"]
        page += [_row(f"`{code}`", said.level, said.meaning, said.cure)
                 for code, said in codes.items()]  # fmt: skip
    return "\n".join([*page, ""])
