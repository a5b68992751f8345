"""Outside systems over HTTP: a description file says how they are asked and what they mean."""

from ccpa_office.connectors.http.answers import Answer, AnswerOfAnother, Record, same
from ccpa_office.connectors.http.connector import HTTP, Access, SecretMissing
from ccpa_office.connectors.http.description import (
    Auth,
    Description,
    Endpoint,
    Limits,
    Means,
    Records,
    Rule,
)
from ccpa_office.connectors.http.paths import JsonPath
from ccpa_office.connectors.http.wire import Line, Patience

__all__ = [
    "HTTP",
    "Access",
    "Answer",
    "AnswerOfAnother",
    "Auth",
    "Description",
    "Endpoint",
    "JsonPath",
    "Limits",
    "Line",
    "Means",
    "Patience",
    "Record",
    "Records",
    "Rule",
    "SecretMissing",
    "same",
]
