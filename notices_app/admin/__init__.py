"""The desks of notices and maps, one file a desk."""

from notices_app.admin import maps, notices

__all__ = ["maps", "notices"]
