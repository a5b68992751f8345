"""Addresses of the public notices."""

from django.urls import path

from notices_app import views

app_name = "notices"
urlpatterns = [
    path("notices/", views.notices, name="list"),
    path("notices/<slug:slug>.json", views.notice_data, name="notice_data"),
    path("notices/<slug:slug>/", views.notice, name="notice"),
    path("notices/<slug:slug>/versions/<int:number>.json", views.version_data, name="version_data"),
    path("notices/<slug:slug>/versions/<int:number>/", views.version, name="version"),
]
