"""The desks of the staff: their own site, the base class of every desk, and the ground's desks."""

from ccpa_office.admin.base import OfficeModelAdmin
from ccpa_office.admin.book import facts_of
from ccpa_office.admin.deeds import Deed, NoWords, Refused, sentence
from ccpa_office.admin.ledger import LedgerDesk
from ccpa_office.admin.paging import CAP, Order, Page, capped_count, newest, order_of
from ccpa_office.admin.site import Panel, actor_of, site
from ccpa_office.admin.staff import StaffDesk

__all__ = [
    "CAP",
    "Deed",
    "LedgerDesk",
    "NoWords",
    "OfficeModelAdmin",
    "Order",
    "Page",
    "Panel",
    "Refused",
    "StaffDesk",
    "actor_of",
    "capped_count",
    "facts_of",
    "newest",
    "order_of",
    "sentence",
    "site",
]
