"""The description file of an outside system, read as strictly as a map and held against itself."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ccpa_office.connectors.base import Repeat
from ccpa_office.connectors.http import (
    Auth,
    Description,
    Endpoint,
    JsonPath,
    Limits,
    Means,
    Records,
    Rule,
)
from ccpa_office.connectors.http.connector import PLACE
from ccpa_office.connectors.http.paths import WHOLE
from ccpa_office.law.vocabulary import Category
from notices_app.datamap.form_own import CODE
from notices_app.datamap.reading import Report, decode, read
from notices_app.datamap.shapes import (
    PLACES,
    Choice,
    Flag,
    Keys,
    Listed,
    Number,
    Shape,
    Word,
    place,
)
from notices_app.datamap.shapes_outside import Constant, Statuses, Texts

MARK = re.compile(r'^(?:\{\s*)?"?outside_system"?\s*:', re.MULTILINE)
PARTIES = ("service_provider", "contractor", "third_party", "business")
ENDPOINTS = ("find", "delete", "status", "export", "correct")
BARE = frozenset({204, 404, 410})
"""Status codes that may say done or nothing found by themselves: no error hides behind them."""
SECRETIVE = re.compile(r"authorization|key|token|secret|password", re.IGNORECASE)
OPEN_SECRET = re.compile(
    r"(api|access)[_-]?key|(access|auth)[_-]?token|secret|passw", re.IGNORECASE
)


KIND = Word(r"[a-z][a-z0-9_]{0,39}", "a kind in small letters")
TEXT = Word(r"[^\x00-\x1f\x7f]{1,120}", "a text on one line")
PATH = Word(r"(?!.*//)(?!.*\.\.)/[A-Za-z0-9._~/{}:@!$&'()*+,;=-]{0,300}", "a path such as /people")
WAY = Word(WHOLE.pattern, "a way such as $.people[0].id")
NAMED = r"(?!.*\]$)(?!\$$)" + WAY.pattern
HEADER = r"[A-Za-z][A-Za-z0-9-]{0,60}"
NAME = r"[A-Za-z_][A-Za-z0-9_.\[\]-]{0,60}"
RULE = Keys(
    {
        "status": Statuses(),
        "at": WAY,
        "equals": Constant(),
        "means": Choice(tuple(each.value for each in Means)),
        "ticket": WAY,
    },
    required=("status", "means"),
)
RECORDS = Keys(
    {"items": WAY, "id": WAY, "owner": Texts(KIND.pattern, WAY.pattern), "next": WAY,
     "cursor": Word(NAME, "the name of a parameter")},
    required=("items", "id", "owner"),
)  # fmt: skip


def _endpoint(methods: tuple[str, ...], **more: Shape) -> Keys:
    keys: dict[str, Shape] = {
        "method": Choice(methods), "path": PATH, "query": Texts(NAME), "body": Texts(NAME),
        "answers": Listed(RULE, least=1, most=40),
    }  # fmt: skip
    return Keys({**keys, **more}, required=("method", "path", "answers"))


ASKING, CHANGING = ("GET", "POST"), ("DELETE", "POST", "PUT", "PATCH")
FORM = Keys(
    {
        "name": TEXT,
        "kind": Choice(("http", "manual")),
        "party": Choice(PARTIES),
        "effect": Choice(tuple(each.value for each in Repeat)),
        "identifiers": Listed(KIND, least=1, most=10),
        "categories": Listed(Choice(tuple(Category.values)), most=12),
        "sensitive": Flag(),
        "recipient": CODE,
        "answer_days": Number(1, 40),
        "auth": Keys(
            {
                "headers": Texts(HEADER),
                "token": Keys(
                    {"path": PATH, "body": Texts(NAME), "at": WAY}, required=("path", "at")
                ),
            }
        ),
        "idempotency_header": Word(HEADER, "the name of a header"),
        "limits": Keys(
            {
                "per_second": Number(1, 100),
                "at_once": Number(1, 20),
                "answer_bytes": Number(1_000, 50_000_000),
                "depth": Number(2, 60),
                "records": Number(1, 100_000),
                "pages": Number(1, 1_000),
            }
        ),
        "find": _endpoint(ASKING, records=RECORDS),
        "export": _endpoint(ASKING, records=RECORDS),
        "delete": _endpoint(CHANGING, echo=WAY),
        "correct": _endpoint(
            CHANGING,
            echo=WAY,
            body=Texts(rf"{NAME}|\{{field\}}"),
            fields=Texts(KIND.pattern, NAMED),
        ),
        "status": _endpoint(ASKING),
    },
    required=("name", "kind", "party", "effect", "identifiers"),
)
DOCUMENT = Keys({"outside_system": FORM}, required=("outside_system",))


def is_description(raw: bytes | str) -> bool:
    """Whether a document means to describe an outside system, not a database."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return bool(MARK.search(text))


def describe(raw: bytes | str, report: Report) -> Description | None:
    """The description in a document, or nothing and at least one finding of level error."""
    text = decode(raw, report) if isinstance(raw, bytes) else raw
    tree = read(text, report) if text is not None else None
    document = DOCUMENT.read(tree, report) if tree is not None else None
    if document is None or not report.is_sound:
        return None
    said = document["outside_system"]
    return _description(said) if _agrees_with_itself(said, report) else None


# --- what no shape can say ----------------------------------------------------------------------


def _agrees_with_itself(said: Mapping[str, Any], report: Report) -> bool:
    present = [name for name in ENDPOINTS if name in said]
    if said["kind"] == "manual":
        for name in present:
            report.error(place(said, name), "misplaced", "a manual system has no addresses")
    elif "delete" not in said:
        report.error(place(said), "delete-missing", "the address for deletion is missing")
    else:
        for name in present:
            _check_endpoint(name, said, report)
        _check_effect(said, report)
        _check_correct(said, report)
        _check_auth(said.get("auth") or {PLACES: {"": place(said)}}, report)
    return report.is_sound


def _check_effect(said: Mapping[str, Any], report: Report) -> None:
    where = place(said, "effect")
    if said["effect"] == Repeat.KEYED and "idempotency_header" not in said:
        report.error(where, "key-header-missing", "a keyed system names its idempotency_header")
    if said["effect"] == Repeat.ASKABLE and "find" not in said:
        words = "what became of a lost answer can be asked by find alone"
        report.error(where, "cannot-ask", words)
    if "find" not in said:
        words = "nobody can look again: a person confirms every deletion"
        report.warning(place(said), "cannot-look", words)
        if "id" in _places(said["delete"]):
            report.error(place(said, "delete"), "find-missing", "an id is known only from find")


def _check_correct(said: Mapping[str, Any], report: Report) -> None:
    """One record at a time, found before and looked at again."""
    endpoint = said.get("correct")
    if endpoint is None:
        return
    if "find" not in said:
        words = "who holds the wrong value is known only from find"
        report.error(place(endpoint), "find-missing", words)
    if not endpoint.get("fields"):
        words = "say which kinds can be corrected, and where each stands in a record of find"
        report.error(place(endpoint), "fields-missing", words)
    for missing in sorted({"id", "value"} - _places(endpoint)):
        words = f"the place {{{missing}}} stands nowhere: one record gets one right value"
        report.error(place(endpoint), "place-missing", words)
    if len(endpoint.get("fields") or {}) > 1 and "field" not in _places(endpoint):
        words = "of several kinds the place {field} names the one that is corrected"
        report.error(place(endpoint), "place-missing", words)


def _check_endpoint(name: str, said: Mapping[str, Any], report: Report) -> None:
    endpoint = said[name]
    known = {
        "find": {*said["identifiers"]}, "export": {*said["identifiers"]},
        "delete": {*said["identifiers"], "id"}, "status": {"ticket"},
        "correct": {"id", "field", "value"},
    }[name]  # fmt: skip
    strange = _places(endpoint) - known
    for found in strange:
        words = "a secret stands under auth alone" if found.startswith("secret:") else (
            f"nothing fills this place here; known are {', '.join(sorted(known))}")  # fmt: skip
        report.error(place(endpoint), "place-unknown", words)
    if not strange:
        _check_whom(name, said, report)
    _check_open(endpoint, report)
    if name in {"find", "export"}:
        _check_records(endpoint, report)
    for rule in endpoint["answers"]:
        _check_rule(name, rule, said, report)


def _check_whom(name: str, said: Mapping[str, Any], report: Report) -> None:
    """A question names its one record, or its person by each identifier in turn."""
    endpoint, kinds = said[name], {*said["identifiers"]}
    placed, where = _places(endpoint), place(said[name])
    if name == "status" and "ticket" not in placed:
        report.error(where, "place-missing", "the place {ticket} stands nowhere: which job is it?")
    if name == "delete" and "id" in placed and placed & kinds:
        words = "a record is deleted by its {id} alone: nothing else is known of it then"
        report.error(where, "place-unknown", words)
    if name not in {"find", "export", "delete"} or "id" in placed:
        return
    for kind in sorted(kinds - placed):
        words = f"the place {{{kind}}} stands nowhere: people are asked for by each identifier"
        report.error(where, "place-missing", words)
    in_path = {found[2] for found in PLACE.finditer(endpoint["path"])} & kinds
    if in_path and len(kinds) > 1:
        words = "one identifier is sent at a time: of several none stands in the path"
        report.error(where, "place-unknown", words)


def _check_open(endpoint: Mapping[str, Any], report: Report) -> None:
    """No secret is written out in what is sent; none is filled in there either."""
    for part in ("query", "body"):
        for name, text in _without_places(endpoint.get(part) or {}).items():
            if text and OPEN_SECRET.search(name) and not PLACE.search(text):
                words = "a secret stands under auth alone: in a header, as {secret:name}"
                report.error(place(endpoint, part), "secret-in-file", words)


def _check_records(endpoint: Mapping[str, Any], report: Report) -> None:
    if "records" not in endpoint:
        report.error(place(endpoint), "records-missing", "say where the records stand")
        return
    asked_by = {found for found in _places(endpoint) if not found.startswith("secret:")}
    for kind in sorted(asked_by - endpoint["records"]["owner"].keys()):
        words = f"say where a record names its owner's {kind}: others' records are never touched"
        report.error(place(endpoint, "records"), "owner-missing", words)


def _check_rule(
    name: str, rule: Mapping[str, Any], said: Mapping[str, Any], report: Report
) -> None:
    looks = name in {"find", "export"}  # of what it finds the records themselves decide
    final = {Means.NOTHING} if looks else {Means.DONE, Means.NOTHING}
    if rule["means"] in final and "at" not in rule and not rule["status"] <= BARE:
        words = "name what stands in the body: an error may come with the same status"
        report.error(place(rule), "bare-answer", words)
    if "equals" in rule and "at" not in rule:
        report.error(place(rule, "equals"), "at-missing", "say where this value stands")
    if rule["means"] == Means.PENDING:
        if "ticket" in rule and "status" not in said:
            report.error(place(rule), "status-missing", "a ticket needs an address for status")
        if "ticket" not in rule and name in {"delete", "correct"} and "find" not in said:
            report.error(place(rule), "ticket-missing", "nobody could ask how far it is")


def _check_auth(auth: Mapping[str, Any], report: Report) -> None:
    for name, text in (auth.get("headers") or {}).items():
        if SECRETIVE.search(name) and not PLACE.search(text):
            words = "a secret never stands in a file: write {secret:name}"
            report.error(place(auth, "headers"), "secret-in-file", words)
        if "{token}" in text and "token" not in auth:
            report.error(place(auth, "headers"), "token-missing", "say where a token comes from")
    for name, text in ((auth.get("token") or {}).get("body") or {}).items():
        if SECRETIVE.search(name) and not PLACE.search(text):
            words = "a secret never stands in a file: write {secret:name}"
            report.error(place(auth, "token"), "secret-in-file", words)


def _texts(said: Mapping[str, Any]) -> Iterator[str]:
    yield said["path"]
    yield from (said.get("query") or {}).values()
    for name, text in _without_places(said.get("body") or {}).items():
        yield from (name, text)


def _places(said: Mapping[str, Any]) -> set[str]:
    return {(found[1] or "") + found[2] for text in _texts(said) for found in PLACE.finditer(text)}


# --- as the connector takes it ------------------------------------------------------------------


def _description(said: Mapping[str, Any]) -> Description:
    return Description(
        kind=said["kind"],
        name=said["name"],
        party=said["party"],
        repeat=Repeat(said["effect"]),
        identifiers=tuple(said["identifiers"]),
        categories=tuple(said.get("categories") or ()),
        sensitive=bool(said.get("sensitive")),
        recipient=said.get("recipient", ""),
        auth=_auth(said.get("auth") or {}),
        idempotency_header=said.get("idempotency_header", ""),
        limits=Limits(**_without_places(said.get("limits") or {})),
        endpoints={name: _as_endpoint(name, said[name]) for name in ENDPOINTS if name in said},
        answer_days=said.get("answer_days", 10),
    )


def _without_places(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != PLACES}


def _way(text: str | None) -> JsonPath | None:
    return JsonPath(text) if text else None


def _auth(said: Mapping[str, Any]) -> Auth:
    headers, token = said.get("headers") or {}, said.get("token") or {}
    body = token.get("body") or {}
    return Auth(
        headers=headers,
        token_path=token.get("path", ""),
        token_body=body,
        token_at=_way(token.get("at")),
        secrets=_secrets([*headers.values(), *body.values()]),
    )


def _secrets(texts: Iterable[str]) -> tuple[str, ...]:
    named = {found[2] for text in texts for found in PLACE.finditer(text) if found[1]}
    return tuple(sorted(named))


def _as_endpoint(name: str, said: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        name=name,
        method=said["method"],
        path=said["path"],
        rules=tuple(_as_rule(rule) for rule in said["answers"]),
        query=said.get("query") or {},
        body=said.get("body") or {},
        records=_as_records(said["records"]) if "records" in said else None,
        echo=_way(said.get("echo")),
        fields={kind: JsonPath(text) for kind, text in (said.get("fields") or {}).items()},
    )


def _as_rule(said: Mapping[str, Any]) -> Rule:
    return Rule(
        statuses=said["status"],
        means=Means(said["means"]),
        path=_way(said.get("at")),
        equals=said.get("equals"),
        ticket=_way(said.get("ticket")),
    )


def _as_records(said: Mapping[str, Any]) -> Records:
    return Records(
        items=JsonPath(said["items"]),
        id=JsonPath(said["id"]),
        owner={kind: JsonPath(text) for kind, text in said["owner"].items()},
        next=_way(said.get("next")),
        cursor=said.get("cursor", "cursor"),
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a description file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CCPA Office outside system",
        **DOCUMENT.schema(),
    }
