"""The lines of the book about notices, maps, systems and the vocabulary, in words."""

from django.utils.translation import gettext as _

from ccpa_office.admin.book import SENTENCES, Facts


def _edited(facts: Facts) -> str:
    part = str(facts.get("part", ""))
    if part == "all":
        return _("The draft was written.")
    return _("The draft was edited: %s.") % part.replace("-", " ").replace(":", ", ")


def _map(said: str, facts: Facts) -> str:
    return said % {"number": facts.get("number", ""), "findings": facts.get("findings", 0)}


SENTENCES.update(
    {
        "notice.open": lambda _f: _("The notice was opened, or what the business does said again."),
        "notice.draft": lambda _f: _("The next version was begun."),
        "notice.edit": _edited,
        "notice.answer": lambda _f: _("A finding was answered."),
        "notice.discard": lambda _f: _("The draft was thrown away."),
        "notice.submit": lambda _f: _("The draft was sent to review."),
        "notice.approve": lambda _f: _("A second person approved the version."),
        "notice.send_back": lambda _f: _("The version was sent back to its author."),
        "notice.publish": lambda _f: _("The version was published."),
        "notice.supersede": lambda facts: (
            _("Version %s took its place.") % facts.get("successor", "")
        ),
        "vocabulary.enter": lambda facts: (
            _("A word of the notices was entered: %s.") % facts.get("code", "")
        ),
        "vocabulary.set_active": lambda facts: (
            (
                _("A word is offered again: %s.")
                if facts.get("active")
                else _("A word is offered no more: %s.")
            )
            % facts.get("code", "")
        ),
        "system.paced": lambda facts: (
            _("Work may take %s percent of its time.") % facts.get("share", 0)
        ),
        "system.added": lambda _f: _("A system was registered."),
        "system.secret": lambda facts: (
            _("A secret of the system was put in its place: %s.") % facts.get("name", "")
        ),
        "map.loaded": lambda facts: _map(
            _("Version %(number)s of the map was loaded; findings: %(findings)s."), facts
        ),
        "map.approved": lambda facts: _map(
            _("A second person approved version %(number)s of the map."), facts
        ),
    }
)
