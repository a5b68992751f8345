"""The reference of G12: a bare Django project, with the middleware that ``startproject`` writes.

One form with CSRF and validation whose POST makes as many rows as the office's intake, one page
that reads one row. Settings, addresses and views in one file, on the office's own server.
"""

import os

import environ
from django import forms
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

SECRET_KEY = "nothing-is-kept-here"  # noqa: S105
ROOT_URLCONF = "bench.bare"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
DATABASES = {
    "default": {
        **environ.Env.db_url_config(os.environ.get("BARE_DATABASE_URL", "postgresql:///")),
        "CONN_MAX_AGE": 600,
    }
}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]  # fmt: skip
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
PAGE = "<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1>"
FORM = PAGE + '<form method="post">{% csrf_token %}{{ form.as_p }}<button>Send</button></form>'
ROW = PAGE + "<dl><dt>Name<dd>{{ name }}<dt>Address<dd>{{ email }}<dt>Words<dd>{{ words }}</dl>"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "loaders": [
                ("django.template.loaders.locmem.Loader", {"form.html": FORM, "row.html": ROW})
            ],
        },
    }
]
TABLE = """CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text,
    email text, words text, at timestamptz DEFAULT now())"""
WRITE = "INSERT INTO bare (name, email, words) VALUES (%s, %s, %s)"
READ = "SELECT name, email, words FROM bare WHERE id = %s"


class Ask(forms.Form):
    """The fields of the office's form."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(max_length=254)
    words = forms.CharField(max_length=2000, required=False, widget=forms.Textarea)


def ask(request: HttpRequest) -> HttpResponse:
    """One transaction with so many inserts, then a redirect."""
    form = Ask(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = [form.cleaned_data[name] for name in ("name", "email", "words")]
        with transaction.atomic(), connection.cursor() as cursor:
            for _ in range(int(os.environ["BARE_INSERTS"])):
                cursor.execute(WRITE, values)
        return redirect("/row/1/")
    return render(request, "form.html", {"form": form, "title": "Ask"})


def row(request: HttpRequest, number: int) -> HttpResponse:
    """One SELECT and a template."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [number])
        name, email, words = cursor.fetchone()
    context = {"title": "Row", "name": name, "email": email, "words": words}
    return render(request, "row.html", context)


urlpatterns = [path("ask/", ask), path("row/<int:number>/", row)]
