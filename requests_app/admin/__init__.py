"""The desks of requests, one file a desk."""

from requests_app.admin import batches, case, home, intake, letters, outside, packages, plans

__all__ = ["batches", "case", "home", "intake", "letters", "outside", "packages", "plans"]
