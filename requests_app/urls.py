"""Addresses of the public pages."""

from django.urls import path

from requests_app import api, downloads, errands, optout, views

app_name = "requests"
urlpatterns = [
    path("requests/new/", views.choose, name="choose"),
    path("requests/new/<slug:kind>/", views.new_request, name="new"),
    path("requests/received/", views.received, name="received"),
    path("requests/status/", views.status_ask, name="status"),
    path("requests/l/", views.landing, name="landing"),
    path("requests/l/<str:token>/", views.link, name="link"),
    path("requests/outside/", errands.page, name="outside"),
    path("requests/outside/new-link/", errands.new_link, name="outside-new-link"),
    path("requests/<str:number>/", views.case, name="case"),
    path("requests/<str:number>/withdraw/", views.withdraw, name="withdraw"),
    path("requests/<str:number>/not-me/", views.not_me, name="not-me"),
    path("requests/<str:number>/resend/", views.resend, name="resend"),
    path("requests/<str:number>/message/", views.message, name="message"),
    path("requests/<str:number>/package/", downloads.page, name="package"),
    path("requests/<str:number>/package/code/", downloads.ask_code, name="package-code"),
    path("requests/<str:number>/package/file/", downloads.fetch, name="package-file"),
    path("api/v1/suppression/check", api.check, name="api-suppression-check"),
    path("api/v1/corrections/check", api.corrected, name="api-corrections-check"),
    path("api/v1/openapi.json", api.openapi, name="api-openapi"),
    path("opt-out/", optout.opt_out, name="opt-out"),
    path("opt-out/status", optout.opt_out_status, name="opt-out-status"),
    path("opt-out/status.json", optout.opt_out_status, name="opt-out-status-json"),
]
