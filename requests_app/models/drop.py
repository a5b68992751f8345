"""Lists of the state's deletion platform: their work items, what was looked at, what came of it."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DataKey
from notices_app.models import DataMapVersion
from requests_app.models.fulfillment import Batch


class DropOutcome(models.IntegerChoices):
    """What the match says of one work item; each is one byte of its piece.

    Nobody looked is a state of its own, and the one in which every item begins: an item is not
    found only when every system that holds the identifier was looked at to its end.
    """

    UNPROCESSED = 0, _("not looked up yet")
    ONE = 1, _("one consumer")
    SEVERAL = 2, _("several consumers")
    NONE = 3, _("not found")


class DropList(models.Model):
    """One list, as it came in one file. It stays, matched or not (Civ. 1798.99.86)."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "name": "none", "kind": "none", "day": "none", "broker": "none",
        "file_digest": "none", "items": "none", "loaded_at": "none", "loaded_by_id": "staff",
        "data_key": "key", "settled_at": "none", "one": "none", "several": "none", "none": "none",
    }  # fmt: skip

    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=8)
    day = models.DateField()
    broker = models.CharField(max_length=4)
    file_digest = models.BinaryField(unique=True)
    items = models.PositiveIntegerField()
    loaded_at = models.DateTimeField()
    loaded_by_id = models.BigIntegerField()
    data_key = models.ForeignKey(DataKey, models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)
    one = models.PositiveIntegerField(default=0)
    several = models.PositiveIntegerField(default=0)
    none = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, one=0, several=0, none=0)
                | Q(settled_at__isnull=False, items=F("one") + F("several") + F("none")),
                name="a_settled_list_counts_every_item",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unprocessed(self) -> int:
        """How many items nobody has answered yet."""
        return 0 if self.settled_at else self.items


class DropPiece(models.Model):
    """Up to a million work items of a list, packed: 12 bytes of each, its hash, its outcome."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "drop_list": "key", "ordinal": "none", "items": "none", "ids": "pseudonym",
        "digests": "digest", "outcomes": "none",
    }  # fmt: skip

    drop_list = models.ForeignKey(DropList, models.PROTECT, related_name="pieces", db_index=False)
    ordinal = models.PositiveIntegerField()
    items = models.PositiveIntegerField()
    ids = models.BinaryField()
    digests = models.BinaryField()
    outcomes = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["drop_list", "ordinal"], name="a_piece_stands_once")
        ]

    def __str__(self) -> str:
        return f"{self.drop_list_id}/{self.ordinal}"


class DropLook(models.Model):
    """One system, looked at to its end for one piece, under one map: whom it holds, sealed.

    ``places`` are items of the piece, four bytes each, and ``keys`` the person of each.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "piece": "key", "system_key": "none", "map_version": "key", "found": "none",
        "places": "none", "keys": "sealed", "unsure": "none", "beyond": "none", "at": "none",
    }  # fmt: skip

    piece = models.ForeignKey(DropPiece, models.PROTECT, related_name="looks", db_index=False)
    system_key = models.CharField(max_length=40)
    map_version = models.ForeignKey(DataMapVersion, models.PROTECT, related_name="+")
    found = models.PositiveIntegerField()
    places = models.BinaryField()
    keys = models.BinaryField()
    unsure = models.PositiveIntegerField(default=0)
    beyond = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["piece", "system_key", "map_version"], name="a_system_is_looked_at_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.piece_id}: {self.system_key}"


class DropBatch(models.Model):
    """The batch that deletes the people of one system whom a list means; one at a time."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "drop_list": "key", "system_key": "none", "batch": "key",
    }  # fmt: skip

    drop_list = models.ForeignKey(DropList, models.PROTECT, related_name="batches", db_index=False)
    system_key = models.CharField(max_length=40)
    batch = models.OneToOneField(Batch, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drop_list", "system_key"], name="a_list_has_one_batch_in_a_system"
            )
        ]

    def __str__(self) -> str:
        return f"{self.drop_list_id}: {self.batch_id}"
