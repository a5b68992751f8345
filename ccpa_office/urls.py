"""Every address of the office. The roof: the one room on the ground that names the floors above."""

from importlib.util import find_spec

from django.conf.urls.i18n import i18n_patterns
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView

from ccpa_office import answers, health
from ccpa_office.admin import site

handler400 = answers.bad_request
handler403 = answers.forbidden
handler404 = answers.not_found
handler500 = answers.broken

FLOORS = [name for name in ("requests_app.urls", "notices_app.urls") if find_spec(name)]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("i18n/", include("django.conf.urls.i18n")),
]
urlpatterns += i18n_patterns(
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    *(path("", include(floor)) for floor in FLOORS),
    path("admin/", site.urls),
    path("accounts/", include("allauth.urls")),
    prefix_default_language=False,
)
