"""The rows of the first floor."""

from notices_app.models.content import (
    Dealing,
    LineRecipient,
    LineWords,
    NoticeLine,
    NoticeStatement,
    NoticeText,
    Said,
    Section,
    TextState,
)
from notices_app.models.datamap import DataMapVersion, DataSystem, SystemKind, SystemSecret
from notices_app.models.finding import FindingCode, FindingNote
from notices_app.models.notice import OPEN, OUT, Notice, NoticeVersion, Status
from notices_app.models.vocabulary import (
    Language,
    Purpose,
    PurposeName,
    Recipient,
    RecipientName,
    Source,
    SourceName,
)

__all__ = [
    "OPEN",
    "OUT",
    "DataMapVersion",
    "DataSystem",
    "Dealing",
    "FindingCode",
    "FindingNote",
    "Language",
    "LineRecipient",
    "LineWords",
    "Notice",
    "NoticeLine",
    "NoticeStatement",
    "NoticeText",
    "NoticeVersion",
    "Purpose",
    "PurposeName",
    "Recipient",
    "RecipientName",
    "Said",
    "Section",
    "Source",
    "SourceName",
    "Status",
    "SystemKind",
    "SystemSecret",
    "TextState",
]
