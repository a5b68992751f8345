"""The reference of G11: Django's own change list on the same rows, as it comes."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

from ccpa_office import urls
from requests_app.models import ConsumerRequest


class StockSite(admin.AdminSite):
    """A stock site that lets the run's own member of staff in."""

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated


class StockRequests(admin.ModelAdmin):  # type: ignore[type-arg]
    """The office's columns, a filter, a search: nothing else is set."""

    list_display = ("number", "kind", "status", "channel", "received_on", "due_on")
    list_filter = ("status",)
    search_fields = ("number",)
    list_per_page = 50

    def has_view_permission(self, *_: object) -> bool:
        return True

    def has_module_permission(self, *_: object) -> bool:
        return True


site = StockSite(name="stock")
site.register(ConsumerRequest, StockRequests)
urlpatterns = [path("stock/", site.urls), *urls.urlpatterns]
