"""The HTTP connector: asks an outside system by its description. It knows no request."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from ccpa_office.connectors.base import Finding, MapDoesNotFit, Repeat
from ccpa_office.connectors.http.answers import (
    Answer,
    AnswerOfAnother,
    Record,
    lost,
    records_of,
    same,
    understood,
)
from ccpa_office.connectors.http.description import Description, Endpoint, Means
from ccpa_office.connectors.http.wire import Line, Lost, Patience, Question
from ccpa_office.outbound import HostNotAllowed, Outbound

PLACE = re.compile(r"\{(secret:)?([a-z][a-z0-9_]{0,39})\}")


class SecretMissing(MapDoesNotFit):
    """The description names a secret that nobody has given to this system."""


@dataclass(frozen=True)
class Access:
    """What the office lends a connector: the address, secrets, the list of hosts, its patience."""

    url: str
    outbound: Outbound
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    patience: Patience = field(default_factory=Patience)


class HTTP:
    """One outside system. Every question gives an ``Answer``; none changes a row of the office."""

    def __init__(self, description: Description, access: Access, line: Line | None = None) -> None:
        if not isinstance(getattr(description, "repeat", None), Repeat):
            raise MapDoesNotFit("a system that does not say what a repeat means is not loaded")
        self.description = description
        self.repeat = description.repeat
        self._access = access
        self._line = line or Line(access.outbound, access.patience)
        self._token = ""

    def close(self) -> None:
        """Close what is open."""
        self._line.close()

    # --- what can be asked ----------------------------------------------------------------------

    def find(self, asked: Mapping[str, str], *, at: datetime, whole: bool = False) -> Answer:
        """Every record of whom ``asked`` names by kind, page after page; all or nothing.

        ``whole`` with the records' contents. Raises ``AnswerOfAnother`` when the answer holds a
        record of somebody else.
        """
        return self._pages("find", asked, at=at, whole=whole)

    def export(self, asked: Mapping[str, str], *, at: datetime) -> Answer:
        """Everything held of whom ``asked`` names; as ``find``, with whole records."""
        return self._pages("export", asked, at=at, whole=True)

    def delete(self, fields: Mapping[str, str], *, key: str, at: datetime) -> Answer:
        """Ask for one deletion: of the record ``id``, or of all that an identifier names.

        Raises ``AnswerOfAnother`` when the answer names another record than the one asked for.
        """
        return self._changed("delete", fields, key=key, at=at)

    def correct(self, fields: Mapping[str, str], *, key: str, at: datetime) -> Answer:
        """Ask for one correction: ``value`` is right for the kind ``field`` of the record ``id``.

        Raises ``AnswerOfAnother`` when the answer names another record than the one asked for.
        """
        way = self.description.way_of(fields["field"])
        if way is None:
            raise MapDoesNotFit(f"this system corrects no {fields['field']}")
        return self._changed("correct", {**fields, "field": way.last}, key=key, at=at)

    def _changed(self, name: str, fields: Mapping[str, str], *, key: str, at: datetime) -> Answer:
        endpoint = self._endpoint(name)
        answer = self._ask(endpoint, fields, key=key, at=at)
        is_told = answer.means in {Means.DONE, Means.PENDING} and answer.document is not None
        if endpoint.echo is None or not is_told:
            return answer
        named = endpoint.echo.word(answer.document)
        if not named:
            return replace(answer, means=Means.UNKNOWN, code="no-echo")
        if not _is_of(named, fields):
            raise AnswerOfAnother("echo")
        return answer

    def status(self, ticket: str, *, at: datetime) -> Answer:
        """How far a deletion or a correction is that the system has taken in."""
        return self._ask(self._endpoint("status"), {"ticket": ticket}, at=at)

    def check(self) -> list[Finding]:
        """Where the description and what the office knows do not fit; nothing is called."""
        found = [
            Finding("error", "secret-missing", f"the secret {name} has not been given")
            for name in self.description.auth.secrets
            if name not in self._access.secrets
        ]
        parts = urlsplit(self._access.url)
        if parts.scheme != "https" and not self._access.outbound.loopback:
            found.append(Finding("error", "not-https", "the address is not https"))
        if not self._access.outbound.names_host(parts.hostname or ""):
            words = f"{parts.hostname or 'the host'} is not on the list of OUTBOUND_ALLOWED_HOSTS"
            found.append(Finding("error", "host-not-allowed", words))
        return found

    def statement(self) -> str:
        """How a deletion is asked for, without any value, for the dry run."""
        endpoint = self.description.endpoints["delete"]
        return f"{endpoint.method} {endpoint.path}"

    # --- how it is asked ------------------------------------------------------------------------

    def _endpoint(self, name: str) -> Endpoint:
        if name not in self.description.endpoints:
            raise MapDoesNotFit(f"this system cannot be asked for: {name}")
        return self.description.endpoints[name]

    def _pages(self, name: str, asked: Mapping[str, str], *, at: datetime, whole: bool) -> Answer:
        endpoint, limits = self._endpoint(name), self.description.limits
        places = endpoint.records
        found: list[Record] = []
        seen: set[str] = set()
        fields = dict(asked)
        for _page in range(limits.pages):
            answer = self._ask(endpoint, fields, at=at)
            if answer.means == Means.DONE and places is not None:
                answer = records_of(answer, places, asked, whole=whole)
            if answer.means == Means.NOTHING and seen:
                answer = replace(answer, means=Means.UNKNOWN, code="page-lost")
            if answer.means != Means.DONE:
                return answer
            found += answer.records
            if len(found) > limits.records:
                return replace(answer, means=Means.REFUSED, code="too-many", records=())
            if not answer.following:
                means = Means.DONE if found else Means.NOTHING
                return replace(answer, means=means, records=tuple(found))
            if answer.following in seen:
                break
            seen.add(answer.following)
            fields["cursor"] = answer.following
        return Answer(Means.UNKNOWN, "endless")

    def _ask(
        self, endpoint: Endpoint, fields: Mapping[str, str], *, at: datetime, key: str = ""
    ) -> Answer:
        answer = self._once(endpoint, fields, key=key, at=at)
        if answer.status == 401 and self.description.auth.token_path:
            self._token = ""  # it may have run out: a new one, and the same question once more
            return self._once(endpoint, fields, key=key, at=at)
        return answer

    def _once(
        self, endpoint: Endpoint, fields: Mapping[str, str], *, key: str, at: datetime
    ) -> Answer:
        try:
            headers = dict(self._proof(at))
            if key and self.description.idempotency_header:
                headers[self.description.idempotency_header] = key
            question = self._question(endpoint, fields, headers)
            raw = self._line.ask(question, most=self.description.limits.answer_bytes)
        except Lost as failure:
            return lost(failure)
        except HostNotAllowed:
            return Answer(Means.REFUSED, "host-not-allowed")
        return understood(raw, endpoint, depth=self.description.limits.depth, at=at)

    def _question(
        self, endpoint: Endpoint, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Question:
        self._require_whom(endpoint, fields)
        path = _filled(endpoint.path, fields, by=lambda value: quote(value, safe=""))
        query = [
            (name, _filled(text, fields)) for name, text in self._asked(endpoint.query, fields)
        ]
        if endpoint.records and fields.get("cursor"):
            query.append((endpoint.records.cursor, fields["cursor"]))
        url = self._access.url.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        if not endpoint.body:
            return Question(endpoint.method, url, headers)
        body = {
            _filled(name, fields): _filled(text, fields)
            for name, text in self._asked(endpoint.body, fields)
        }
        json_headers = {**headers, "content-type": "application/json"}
        return Question(endpoint.method, url, json_headers, json.dumps(body).encode())

    def _asked(
        self, texts: Mapping[str, str], fields: Mapping[str, str]
    ) -> Iterable[tuple[str, str]]:
        """What is sent: of several identifiers the one alone by which is asked now."""
        others = set(self.description.identifiers) - fields.keys()
        return [(name, text) for name, text in texts.items() if not places_of(text) & others]

    def _require_whom(self, endpoint: Endpoint, fields: Mapping[str, str]) -> None:
        """Nothing is asked that names nobody: it would be about everybody."""
        named: set[str] = set().union(*map(places_of, _texts(endpoint)))
        kinds = named & set(self.description.identifiers)
        if not named or (kinds and not kinds & fields.keys()):
            raise MapDoesNotFit("nothing says whom or what this asks about")

    # --- who asks -------------------------------------------------------------------------------

    def _proof(self, at: datetime) -> Iterable[tuple[str, str]]:
        auth = self.description.auth
        for name, text in auth.headers.items():
            yield name, self._with_secrets(text, at)

    def _with_secrets(self, text: str, at: datetime) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1]:
                if found[2] not in self._access.secrets:
                    raise SecretMissing(found[2])
                return self._access.secrets[found[2]]
            return self._current_token(at)

        return PLACE.sub(value, text)

    def _current_token(self, at: datetime) -> str:
        """The token of this session, asked for when there is none. Raises ``Lost``."""
        auth = self.description.auth
        if not self._token and auth.token_at is not None:
            body = {name: self._with_secrets(text, at) for name, text in auth.token_body.items()}
            question = Question(
                "POST", self._access.url.rstrip("/") + auth.token_path,
                {"content-type": "application/json"}, json.dumps(body).encode(),
            )  # fmt: skip
            raw = self._line.ask(question, most=self.description.limits.answer_bytes)
            token = Endpoint("token", "POST", auth.token_path, ())
            document = understood(raw, token, depth=self.description.limits.depth, at=at).document
            self._token = auth.token_at.word(document)
            if not self._token or raw.status != 200:
                self._token = ""
                raise Lost("no-token", sent=False)
        return self._token


def _texts(endpoint: Endpoint) -> list[str]:
    """Every text of an endpoint that may hold a place."""
    return [endpoint.path, *endpoint.query.values(), *endpoint.body, *endpoint.body.values()]


def places_of(text: str) -> set[str]:
    """The names of what a text waits for; a secret is none of them."""
    return {found[2] for found in PLACE.finditer(text) if not found[1]}


def _is_of(named: str, fields: Mapping[str, str]) -> bool:
    """Whether an answer names what was asked for: the record, or the person by an identifier."""
    if "id" in fields:
        return named == fields["id"]
    return any(same(kind, named, value) for kind, value in fields.items())


def _filled(
    text: str, fields: Mapping[str, str], *, by: Callable[[str], str] = lambda value: value
) -> str:
    """A text with its places filled. Raises ``MapDoesNotFit`` for a place that nothing fills."""

    def value(found: re.Match[str]) -> str:
        given = fields.get(found[2], "")
        if found[1] or not given:
            raise MapDoesNotFit(f"nothing fills the place {found[2]}")
        return by(given)

    return PLACE.sub(value, text)
