"""The base class of every desk: rows are read-only, and what staff do is a deed.

A desk has a list, a page for each row, and one address for each deed, which takes POST alone.
Addresses for adding, changing and deleting rows do not exist.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NoReturn

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.views.decorators.http import require_GET, require_POST

from ccpa_office import clock
from ccpa_office.admin import deeds
from ccpa_office.admin.deeds import Deed, Offer, sentence
from ccpa_office.admin.site import OfficeSite, actor_of
from ccpa_office.roles import Actor, Verb, may, require
from ccpa_office.signin import is_fresh, prove_first, require_fresh


class Closed(Exception):
    """Rows are written by the verbs of the house alone."""


class OfficeModelAdmin(admin.ModelAdmin):
    """One desk. ``word`` is its address, ``see`` the verbs of which one opens it, ``about`` one
    line for who sits there for the first time.

    A subclass gives ``shelf`` (what the list shows), ``find`` (a row by its key in the address),
    ``facts`` (what the page of a row shows), ``deeds`` (of a row) and ``chores`` (of the desk).
    """

    admin_site: OfficeSite
    word: ClassVar[str]
    label: ClassVar[str | Promise]
    about: ClassVar[str | Promise] = ""
    place: ClassVar[int] = 50
    see: ClassVar[tuple[Verb, ...]] = ()
    list_template: ClassVar[str]
    page_template: ClassVar[str] = ""
    deeds: ClassVar[Iterable[Deed]] = ()
    chores: ClassVar[Iterable[Deed]] = ()
    refusals: ClassVar[tuple[type[Exception], ...]] = ()
    actions = None

    # --- who ------------------------------------------------------------------------------------

    def may_see(self, actor: Actor) -> bool:
        """Whether a role of ``actor`` opens this desk."""
        return any(may(actor, verb) for verb in self.see)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_see(actor_of(request))

    def has_view_permission(self, request: HttpRequest, _obj: Model | None = None) -> bool:
        return self.may_see(actor_of(request))

    def has_add_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    # --- closed doors ---------------------------------------------------------------------------

    def save_model(self, *_args: Any, **_more: Any) -> NoReturn:
        raise Closed

    def save_related(self, *_args: Any, **_more: Any) -> NoReturn:
        raise Closed

    def delete_model(self, *_args: Any, **_more: Any) -> NoReturn:
        raise Closed

    def delete_queryset(self, *_args: Any, **_more: Any) -> NoReturn:
        raise Closed

    # --- addresses ------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def get_urls(self) -> list[URLPattern]:
        """The list, each chore, the page of a row, each deed. Nothing else."""
        guard, word, name = self.admin_site.admin_view, self.word, self._name
        found = [path(f"{word}/", guard(require_GET(self.list_view)), name=f"{name}_changelist")]
        found += [
            path(
                f"{word}/do/{each.word}/",
                guard(require_POST(self.chore_view)),
                {"word": each.word},
                name=f"{name}_do_{each.word}",
            )
            for each in self.chores
        ]
        found += self.more_urls()
        if self.page_template:
            found.append(
                path(
                    f"{word}/<str:key>/", guard(require_GET(self.page_view)), name=f"{name}_change"
                )
            )
        found += [
            path(
                f"{word}/<str:key>/{each.word}/",
                guard(require_POST(self.deed_view)),
                {"word": each.word},
                name=f"{name}_{each.word}",
            )
            for each in self.deeds
        ]
        return found

    def more_urls(self) -> list[URLPattern]:
        """Further addresses of one desk, before those of its rows."""
        return []

    def home(self) -> str:
        """The address of the list."""
        return reverse(f"admin:{self._name}_changelist")

    def address(self, subject: Any) -> str:
        """The address of a row's page."""
        return reverse(f"admin:{self._name}_change", args=[self.key_of(subject)])

    # --- what a subclass says -------------------------------------------------------------------

    def key_of(self, subject: Any) -> str:
        """What stands for a row in its address."""
        return str(subject.pk)

    def find(self, key: str) -> Any:
        """The row of an address, or Http404: the same for absent and for junk."""
        if not (key.isascii() and key.isdigit() and len(key) <= 18):
            raise Http404
        row = self.get_rows().filter(pk=key).first()
        if row is None:
            raise Http404
        return row

    def get_rows(self) -> Any:
        """The rows of the desk."""
        return self.model._base_manager.all()

    def shelf(self, request: HttpRequest, actor: Actor) -> dict[str, Any]:
        """What the list shows."""
        raise NotImplementedError

    def facts(self, request: HttpRequest, subject: Any, actor: Actor) -> dict[str, Any]:
        """What the page of a row shows."""
        raise NotImplementedError

    # --- views ----------------------------------------------------------------------------------

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The list."""
        return self.show_list(request)

    def show_list(
        self, request: HttpRequest, bound: Mapping[str, forms.Form] | None = None, **more: Any
    ) -> HttpResponse:
        """Draw the list, with forms that were typed into."""
        actor = self._enter(request)
        offers = self.offers(self.chores, None, actor, bound or {})
        context = {
            **self._around(request),
            "title": self.label,
            "chores": offers,
            **self.shelf(request, actor),
            **more,
        }
        return TemplateResponse(request, self.list_template, context)

    def page_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The page of a row."""
        self._enter(request)
        return self.show_page(request, self.find(key))

    def show_page(
        self,
        request: HttpRequest,
        subject: Any,
        bound: Mapping[str, forms.Form] | None = None,
        **more: Any,
    ) -> HttpResponse:
        """Draw the page of a row, with forms that were typed into."""
        actor = self._enter(request)
        context = {
            **self._around(request),
            "subject": subject,
            "offers": self.offers(self.deeds, subject, actor, bound or {}),
            **self.facts(request, subject, actor),
            **more,
        }
        return TemplateResponse(request, self.page_template, context)

    def deed_view(self, request: HttpRequest, key: str, word: str) -> HttpResponse:
        """Do one deed on one row."""
        self._enter(request)
        return self._do(request, self._deed(self.deeds, word), self.find(key))

    def chore_view(self, request: HttpRequest, word: str) -> HttpResponse:
        """Do one deed of the desk."""
        self._enter(request)
        return self._do(request, self._deed(self.chores, word), None)

    def _deed(self, among: Iterable[Deed], word: str) -> Deed:
        return next(each for each in among if each.word == word)

    def _do(self, request: HttpRequest, deed: Deed, subject: Any) -> HttpResponse:
        actor = actor_of(request)
        if deed.verb is not None:
            require_or_403(actor, deed.verb)
        if deed.fresh and deed.is_secret and not is_fresh(request):
            return prove_first(request, self._back(subject))
        if deed.fresh:
            require_fresh(request)
        form = self.form_of(deed, subject, request.POST, request.FILES)
        if not form.is_valid():
            return self._typed_again(request, deed, subject, form)
        try:
            said = deed.do(subject, by=actor, at=clock.now(), **form.cleaned_data)
        except (*deeds.refusals(), *self.refusals) as refusal:
            messages.error(request, self.say(refusal))
            return HttpResponseRedirect(self._back(subject))
        return self.done(request, deed, subject, said)

    def say(self, refusal: Exception) -> str:
        """What a refusal says to the person at the desk."""
        return sentence(refusal)

    def _typed_again(
        self, request: HttpRequest, deed: Deed, subject: Any, form: forms.Form
    ) -> HttpResponse:
        if subject is None:
            return self.show_list(request, {deed.word: form})
        return self.show_page(request, subject, {deed.word: form})

    def done(self, request: HttpRequest, _deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """After a deed: say so, and go back. ``said`` may be a whole answer."""
        if isinstance(said, HttpResponse):
            return said
        if said:
            messages.success(request, str(said))
        return HttpResponseRedirect(self._back(subject))

    def _back(self, subject: Any) -> str:
        if subject is None or not self.page_template:
            return self.home()
        return self.address(subject)

    # --- forms ----------------------------------------------------------------------------------

    def offers(
        self,
        among: Iterable[Deed],
        subject: Any,
        actor: Actor,
        bound: Mapping[str, forms.Form],
    ) -> list[Offer]:
        """The deeds that belong on the page, each with its form or with why not."""
        return [
            Offer(
                each,
                bound.get(each.word) or self.form_of(each, subject, None),
                self.deed_address(each, subject),
                deeds.why_not(each, subject, actor),
                self.deed_label(each, subject),
            )
            for each in among
            if each.offered(subject)
        ]

    def deed_address(self, deed: Deed, subject: Any) -> str:
        """Where a deed is sent."""
        if subject is None:
            return reverse(f"admin:{self._name}_do_{deed.word}")
        return reverse(f"admin:{self._name}_{deed.word}", args=[self.key_of(subject)])

    def deed_label(self, deed: Deed, _subject: Any) -> str | Promise:
        """What the button says."""
        return deed.label

    def form_of(self, deed: Deed, subject: Any, data: Any, files: Any = None) -> forms.Form:
        """The form of a deed; a form that asks for it gets its subject."""
        known = {"subject": subject} if getattr(deed.form, "takes_subject", False) else {}
        return deed.form(data, files, auto_id=f"{deed.word}-%s", **known)

    # --- around ---------------------------------------------------------------------------------

    def _enter(self, request: HttpRequest) -> Actor:
        actor = actor_of(request)
        if not self.may_see(actor):
            raise PermissionDenied
        return actor

    def _around(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "here": self.word, "desk": self}


def require_or_403(actor: Actor, verb: Verb) -> None:
    """A deed that the role does not give is refused before anything is read."""
    try:
        require(actor, verb)
    except Exception as refusal:
        raise PermissionDenied from refusal
