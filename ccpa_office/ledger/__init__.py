"""The book: what was done, by whom, when; chained, sealed, anchored outside the database."""

from ccpa_office.ledger.anchors import BadSigningKey, anchor
from ccpa_office.ledger.chain import seal
from ccpa_office.ledger.export import export
from ccpa_office.ledger.grants import grants_sql
from ccpa_office.ledger.lines import NotALedgerFact, line_hash, record, record_many
from ccpa_office.ledger.merkle import inclusion_proof, is_included, merkle_root
from ccpa_office.ledger.verifying import Findings, verify

__all__ = [
    "BadSigningKey",
    "Findings",
    "NotALedgerFact",
    "anchor",
    "export",
    "grants_sql",
    "inclusion_proof",
    "is_included",
    "line_hash",
    "merkle_root",
    "record",
    "record_many",
    "seal",
    "verify",
]
