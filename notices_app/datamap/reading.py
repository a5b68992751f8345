"""A strict reader: YAML or JSON as a tree of text with lines and columns, and nothing guessed."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

import yaml

from ccpa_office.connectors.base import Finding

BIGGEST = 1_000_000
DEEPEST = 24
WIDEST = 400
MOST_NODES = 50_000
MOST_FINDINGS = 400
PLAIN = "tag:yaml.org,2002:str"

NOT_A_KEY = {"<<": ("merge", "merge keys are not read")}
LINE_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
SUSPECT = re.compile(r"[^\n\r\t -~\u00a1-\u00ac\u00ae-\u02ff\u3041-\u3096\u4e00-\u9fff]")
UNSEEN = {"Cc": "control", "Cf": "hidden", "Cs": "control", "Co": "control", "Cn": "control",
          "Zl": "control", "Zp": "control"}  # fmt: skip
SAID = {
    "control": "a control character stands in the text",
    "hidden": "a character that nobody sees stands in the text",
}
SECRET = re.compile(
    r"://[^\s/:@]*:[^\s/@]+@|-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abp]-[0-9A-Za-z-]{10,}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}"
)
FILLED_IN = re.compile(
    r"\$\{[^}]*\}|\$\([^)]*\)|\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|%\([A-Za-z_]+\)s"
    r"|^(?:env|vault|file|secret|ssm|awskms|op|doppler):",
    re.IGNORECASE,
)

_resolver: Any = yaml.resolver.Resolver()


@dataclass(frozen=True)
class Place:
    """Where something stands in the file, counted from one."""

    line: int
    column: int


@dataclass(frozen=True)
class Leaf:
    """A scalar as it is written, and whether YAML would take it for something else than text."""

    text: str
    bare: bool
    place: Place

    @property
    def is_text(self) -> bool:
        return not self.bare or kind_of(self.text) == PLAIN


@dataclass(frozen=True)
class Many:
    """A list."""

    items: list["Tree"]
    place: Place


@dataclass(frozen=True)
class Mapped:
    """A mapping; keys are text, each once."""

    entries: dict[str, "Tree"]
    places: dict[str, Place]
    place: Place


Tree = Leaf | Many | Mapped


def kind_of(text: str) -> str:
    """Return the tag that YAML 1.1 gives to a bare scalar."""
    return str(_resolver.resolve(yaml.ScalarNode, text, (True, False)))


@dataclass
class Report:
    """The findings of one file, in the order in which they were met."""

    file: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, place: Place, code: str, message: str) -> None:
        self._add("error", place, code, message)

    def warning(self, place: Place, code: str, message: str) -> None:
        self._add("warning", place, code, message)

    def _add(self, level: str, place: Place, code: str, message: str) -> None:
        if len(self.findings) == MOST_FINDINGS:
            level, code, message = "error", "too-many", "and more: mend these first"
        if len(self.findings) <= MOST_FINDINGS:
            self.findings.append(Finding(level, code, message, self.file, place.line, place.column))

    @property
    def is_sound(self) -> bool:
        return all(finding.level != "error" for finding in self.findings)


START = Place(1, 1)


def decode(raw: bytes, report: Report) -> str | None:
    """Return the text of a file, or nothing and a finding: UTF-8 without a mark is all we read."""
    if len(raw) > BIGGEST:
        report.error(START, "too-big", f"the file has more than {BIGGEST} bytes")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        place = Place(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        report.error(place, "encoding", "the file is not UTF-8")
        return None


def read(text: str, report: Report) -> Tree | None:
    """Return the file's only document, or nothing with at least one finding.

    Size, characters and indentation are looked at before anything is parsed.
    """
    before = len(report.findings)
    _look_over(text, report)
    if len(report.findings) > before:
        return None
    builder = _Builder(report)
    try:
        for event in yaml.parse(_without_tabs(text), Loader=yaml.SafeLoader):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        report.error(_place(error.problem_mark), "syntax", "this is not YAML or JSON")
    except (yaml.YAMLError, ValueError, OverflowError):
        report.error(START, "syntax", "this is not YAML or JSON")
    if builder.root is None and len(report.findings) == before:
        report.error(START, "empty", "the file holds no document")
    return builder.root if len(report.findings) == before else None


def _look_over(text: str, report: Report) -> None:
    """Report what no parser should be given."""
    if len(text.encode("utf-8", "surrogatepass")) > BIGGEST:
        report.error(START, "too-big", f"the file has more than {BIGGEST} bytes")
        return
    if text.startswith("\ufeff"):
        report.error(START, "encoding", "the file begins with a byte order mark")
        return
    deep = re.search(rf"^ {{{WIDEST},}}", text, re.MULTILINE)
    if deep:
        report.error(
            _at(text, deep.start()), "too-deep", f"more than {WIDEST} blanks before a line"
        )
    for match in SUSPECT.finditer(text):
        code = UNSEEN.get(unicodedata.category(match.group()))
        if code:
            report.error(_at(text, match.start()), code, SAID[code])
        if len(report.findings) > MOST_FINDINGS:
            break


def _at(text: str, index: int) -> Place:
    breaks = [match.end() for match in LINE_BREAK.finditer(text, 0, index)]
    return Place(len(breaks) + 1, index - (breaks[-1] if breaks else 0) + 1)


def _without_tabs(text: str) -> str:
    """Return JSON with blanks for tabs, which YAML does not know between its words."""
    return text.replace("\t", " ") if text.lstrip()[:1] == "{" else text


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else START


@dataclass
class _Open:
    """A list or mapping whose end has not come yet."""

    place: Place
    is_mapping: bool
    items: list[Tree] = field(default_factory=list)
    entries: dict[str, Tree] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    key: Leaf | None = None
    skips: bool = False


class _Builder:
    """Builds the tree from events with a stack of its own, so that depth costs no recursion."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.root: Tree | None = None
        self._stack: list[_Open] = []
        self._nodes = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event; false means that reading on is useless."""
        place = _place(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            return self._document(event, place)
        if isinstance(event, yaml.AliasEvent):
            self.report.error(place, "alias", "aliases are not read")
            self._put(Leaf("", bare=False, place=place))
            return True
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            return self._node(event, place)
        if isinstance(event, yaml.CollectionEndEvent):
            self._close()
        return True

    def _document(self, event: yaml.DocumentStartEvent, place: Place) -> bool:
        self._documents += 1
        if self._documents > 1:
            self.report.error(place, "documents", "a file holds one document")
            return False
        if event.version or event.tags:
            self.report.error(place, "directive", "directives are not read")
        return True

    def _node(self, event: yaml.NodeEvent, place: Place) -> bool:
        self._nodes += 1
        if self._nodes > MOST_NODES or len(self._stack) >= DEEPEST:
            self.report.error(place, "too-deep", "the file is nested too deeply or too long")
            return False
        if event.anchor is not None:
            self.report.error(place, "anchor", "anchors are not read")
        if getattr(event, "tag", None) is not None:
            self.report.error(place, "tag", "tags are not read")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, place)
        else:
            self._stack.append(_Open(place, isinstance(event, yaml.MappingStartEvent)))
        return True

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        text = whole(event.value)
        for code in dict.fromkeys(unseen(text)):
            self.report.error(place, code, SAID[code])
        if SECRET.search(text):
            self.report.error(place, "secret", "this looks like a secret; none belongs in a map")
        elif FILLED_IN.search(text):
            self.report.error(place, "filled-in", "nothing is filled in here: write what is meant")
        self._put(Leaf(text, bare=event.style is None, place=place))

    def _put(self, tree: Tree) -> None:
        if not self._stack:
            self.root = tree
            return
        top = self._stack[-1]
        if not top.is_mapping:
            top.items.append(tree)
        elif top.key is None and not top.skips:
            self._key(top, tree)
        else:
            if top.key is not None:
                top.entries[top.key.text] = tree
            top.key, top.skips = None, False

    def _key(self, top: _Open, tree: Tree) -> None:
        problem = _key_problem(top, tree)
        if problem:
            self.report.error(tree.place, *problem)
            top.skips = True
        elif isinstance(tree, Leaf):
            top.key = tree
            top.places[tree.text] = tree.place

    def _close(self) -> None:
        done = self._stack.pop()
        if done.is_mapping:
            self._put(Mapped(done.entries, done.places, done.place))
        else:
            self._put(Many(done.items, done.place))


def _key_problem(top: _Open, tree: Tree) -> tuple[str, str] | None:
    if not isinstance(tree, Leaf):
        return ("key", "a key must be a word")
    if tree.text in top.places:
        return ("duplicate", f"the key stands here twice: {shown(tree.text)}")
    if not tree.is_text:
        return NOT_A_KEY.get(tree.text, ("not-text", "a key must be text: put it in quotes"))
    return None


def whole(text: str) -> str:
    """Return a text with its surrogate pairs made one, as JSON writes what lies beyond U+FFFF."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def unseen(text: str) -> list[str]:
    """Return the codes of the characters that may not stand in a text."""
    kinds = (UNSEEN.get(unicodedata.category(each)) for each in SUSPECT.findall(text))
    return [kind for kind in kinds if kind]


def shown(text: str) -> str:
    """Return a key for a message if it looks like one; anything else could be a secret."""
    return f"'{text}'" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", text) else "this"
