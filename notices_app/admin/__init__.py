"""The desks of notices and maps, one file a desk."""

from notices_app.admin import book, maps, notices

__all__ = ["book", "maps", "notices"]
