"""The lines of the book about requests, plans, batches and letters, in words."""

from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ccpa_office.admin.book import SENTENCES, Facts, label
from ccpa_office.law.certainty import Level
from ccpa_office.law.grounds import Denial
from ccpa_office.templatetags.office import in_words, moment_in_words
from requests_app.admin.words import (
    action_words,
    audience_words,
    ground_words,
    letter_words,
    list_words,
    stop_words,
)
from requests_app.casework.looking import Purpose
from requests_app.models import Channel, Finding, SaidRight, Seen


def _day(value: str) -> str:
    try:
        return in_words(date.fromisoformat(value))
    except ValueError:
        return value


def _moment(value: str) -> str:
    try:
        return moment_in_words(datetime.fromisoformat(value))
    except ValueError:
        return value


def _received(facts: Facts) -> str:
    came = _("The request came in: %(channel)s.") % {
        "channel": label(Channel, str(facts.get("channel", "")))
    }
    due = str(facts.get("due_on") or "")
    answer = _("An answer is due by %(day)s.") % {"day": _day(due)}
    return f"{came} {answer}" if due else came


def _waiting(facts: Facts) -> str:
    if "systems" in facts:
        return _("Contacts on file were looked up. Now the consumer has to confirm.")
    return _("The contact on file was asked once more.")


def _checking(facts: Facts) -> str:
    if "level" in facts:
        return _("The answers were compared with what is held: %(level)s.") % {
            "level": label(Level, str(facts["level"])).lower()
        }
    return _("The case is back at the check of identity.")


def _verified(facts: Facts) -> str:
    if facts.get("replan"):
        return _("A new plan was asked for; the old one is void.")
    if facts.get("refused"):
        return _("The plan was refused; it is void.")
    if facts.get("newborn"):
        return _("Too many new rows were born since the plan; it is built again.")
    return _("It is the consumer: the identity is decided.")


def _approved(facts: Facts) -> str:
    return _("Every approval is there. Nothing is erased before %(moment)s.") % {
        "moment": _moment(str(facts.get("executable_at", "")))
    }


def _plan_approved(facts: Facts) -> str:
    return _("Approved the plan %(hash)s (%(given)s of %(needed)s).") % {
        "hash": str(facts.get("plan", ""))[:12],
        "given": facts.get("approval", 1),
        "needed": facts.get("needed", 1),
    }


def _completed(facts: Facts) -> str:
    if "delete" in facts:
        return _("Done: %(delete)s rows erased, %(mask)s stripped, %(keep)s kept.") % dict(facts)
    if facts.get("ground") == Denial.NO_DATA:
        return _("Ended: nothing was found.")
    return _("Ended, with the answer.")


def _denying(facts: Facts) -> str:
    return _("A denial was drafted: %(ground)s.") % {
        "ground": ground_words(str(facts.get("ground", ""))).lower()
    }


def _denied(facts: Facts) -> str:
    return _("Denied: %(ground)s.") % {"ground": ground_words(str(facts.get("ground", ""))).lower()}


def _extended(facts: Facts) -> str:
    return _("The time to answer was extended to %(day)s.") % {
        "day": _day(str(facts.get("due_on", "")))
    }


def _erased(facts: Facts) -> str:
    people = facts.get("people", 0)
    words = ngettext(
        "Carried out: a chunk of %(people)s person, %(rows)s rows.",
        "Carried out: a chunk of %(people)s people, %(rows)s rows.",
        people,
    )
    return str(words % {"people": people, "rows": facts.get("rows", 0)})


def _purpose(facts: Facts) -> str:
    return label(Purpose, str(facts.get("purpose", "")))


def _texts(facts: Facts) -> str:
    return _("Read the texts. %(purpose)s.") % {"purpose": _purpose(facts)}


def _shared(facts: Facts) -> str:
    return _("Decided on shared rows of %(table)s: %(decision)s.") % {
        "table": facts.get("table", ""),
        "decision": action_words(str(facts.get("decision", ""))),
    }


def _swept(facts: Facts) -> str:
    read, rows = facts.get("read", 0), facts.get("rows", 0)
    if not rows:
        return str(_("Texts of others were swept: %s read, nobody found.") % read)
    words = _("Texts of others were swept: %(read)s read, people found in %(rows)s.")
    return str(words % {"read": read, "rows": rows})


def _looked_again(facts: Facts) -> str:
    days = facts.get("day", 0)
    words = ngettext("Looked again after %(days)s day.", "Looked again after %(days)s days.", days)
    looked = str(words % {"days": days})
    finding = str(facts.get("finding", ""))
    return f"{looked} {_('Finding: %s.') % label(Finding, finding)}" if finding else looked


def _opened(facts: Facts) -> str:
    people = facts.get("people", 0)
    words = ngettext(
        "A list was read: a batch of %s person waits for approval.",
        "A list was read: a batch of %s people waits for approval.",
        people,
    )
    return str(words % people)


def _letter(said: str, facts: Facts) -> str:
    return said % {
        "letter": letter_words(str(facts.get("letter", ""))),
        "to": audience_words(str(facts.get("audience", ""))),
    }


def _searched(facts: Facts) -> str:
    found = facts.get("found", 0)
    words = ngettext(
        "Searched by address or telephone: %s request found.",
        "Searched by address or telephone: %s requests found.",
        found,
    )
    return str(words % found)


def _exported(facts: Facts) -> str:
    return _("Exported %(rows)s rows of the list “%(list)s”. %(purpose)s.") % {
        "rows": facts.get("rows", 0),
        "list": list_words(str(facts.get("list", ""))),
        "purpose": _purpose(facts),
    }


SENTENCES.update(
    {
        "request.received": _received,
        "request.waiting": _waiting,
        "request.checking": _checking,
        "request.verified": _verified,
        "request.planned": lambda _f: _("The plan is built and frozen. It waits for approval."),
        "request.approved": _approved,
        "request.executing": lambda facts: (
            _("The erasure began, in batch %s.") % facts.get("batch", "")
        ),
        "request.telling": lambda facts: (
            _("Erased, and proved by a second look. Service providers to tell: %s.")
            % facts.get("providers", 0)
        ),
        "request.completed": _completed,
        "request.applying": lambda _f: _("It is to be applied by hand."),
        "request.denying": _denying,
        "request.denied": _denied,
        "request.withdrawn": lambda _f: _("The consumer withdrew the request."),
        "request.stopped": lambda _f: _("“This was not me”: stopped from a contact on file."),
        "request.not-confirmed": lambda _f: _("Ended: nobody ever confirmed it."),
        "request.duplicate": lambda _f: _("Ended as a duplicate."),
        "request.redirected": lambda _f: _("Ended: the consumer was sent to the right place."),
        "request.extended": _extended,
        "request.assigned": lambda _f: _("Took the case."),
        "evidence.received": lambda facts: (
            _("Confirmed from a contact on file; points answered: %s.")
            % len(facts.get("points", ()))
        ),
        "message.received": lambda _f: _("The consumer wrote to us."),
        "message.written": lambda _f: _("A message was written to the consumer."),
        "plan.approved": _plan_approved,
        "plan.shared-decided": _shared,
        "request.collected": lambda _f: _("The package was looked through. Another hands it over."),
        "package.built": lambda facts: (
            _("What is held was collected: %s rows.") % facts.get("rows", 0)
        ),
        "package.by-hand": lambda _f: _("No map leads to this person: it is collected by hand."),
        "package.asked": lambda _f: _("It is collected anew."),
        "package.shared-given": lambda facts: (
            _("Rows of %s that others reach too may be given.") % facts.get("table", "")
        ),
        "package.code-asked": lambda _f: _("A code for the package was asked for."),
        "package.wrong-code": lambda _f: _("A code was typed that is not right."),
        "package.opened": lambda _f: _("The package was opened with a code."),
        "package.download-begun": lambda _f: _("A download began."),
        "package.download-ended": lambda facts: (
            _("The package was fetched whole.")
            if facts.get("complete")
            else _("A download was broken off.")
        ),
        "correction.proposed": lambda facts: (
            _("A correction was proposed: %s fields.") % facts.get("fields", 1)
        ),
        "correction.approved": lambda _f: _("The corrections were approved."),
        "correction.refused": lambda _f: _("The corrections were refused."),
        "correction.done": lambda facts: (
            _("Nothing wrong is held there: %s.") % facts.get("field", "")
            if facts.get("records") == 0 and not facts.get("said")
            else _("Put right, and seen: %s.") % facts.get("field", "")
        ),
        "correction.by-hand": lambda facts: (
            _("People have to put this right: %s.") % facts.get("field", "")
        ),
        "correction.answered": lambda facts: (
            _("Answered by hand, at %(field)s: %(said)s.")
            % {
                "field": facts.get("field", ""),
                "said": label(SaidRight, str(facts.get("said", ""))),
            }
        ),
        "correction.confirmed": lambda facts: (
            _("Another person confirmed what was answered: %s.") % facts.get("field", "")
        ),
        "correction.asked-again": lambda facts: (
            _("What stood still is tried once more: %s.") % facts.get("field", "")
        ),
        "correction.changed": lambda facts: (
            _("Something else stands there by now: %s.") % facts.get("field", "")
        ),
        "correction.looked-again": lambda facts: (
            _("Looked again after %(day)s days, at %(field)s: %(seen)s.")
            % {
                "day": facts.get("day", ""),
                "field": facts.get("field", ""),
                "seen": label(Seen, str(facts.get("seen", ""))),
            }
        ),
        "correction.look-asked": lambda _f: _("A look at what came back was asked for."),
        "correction.left": lambda _f: _("A correction was left alone: the request had moved on."),
        "package.called-back": lambda facts: (
            _("A contact on file said: this was not me. The package can be fetched no more.")
            if not facts.get("begun")
            else _("A contact on file said: this was not me. A download had begun before.")
        ),
        "package.looked-into": lambda _f: _("A person looked into the call-back."),
        "kept.ended": lambda _f: (
            _("The time for keeping the rest is over. A plan for it waits for approval.")
        ),
        "kept.erased": lambda _f: _("What had been kept is erased."),
        "package.destroyed": lambda _f: _("The package was destroyed."),
        "plan.asked": lambda _f: _("A new plan was asked for."),
        "plan.tried-again": lambda _f: _("Building the plan was tried again."),
        "identity.seen": lambda facts: _("Looked at the identity. %(purpose)s.")
        % {"purpose": _purpose(facts)},
        "identity.searched": _searched,
        "texts.seen": _texts,
        "letter.read": _texts,
        "letter.handed": lambda facts: _letter(
            _("Letter “%(letter)s” to %(to)s: handed to the mail server."), facts
        ),
        "letter.refused": lambda facts: _letter(
            _("Letter “%(letter)s” to %(to)s: refused by the mail server."), facts
        ),
        "letter.released": lambda facts: _letter(_("Letter “%(letter)s”: sent again."), facts),
        "letter.unknown": lambda _f: _("It is not known whether a letter arrived."),
        "list.exported": _exported,
        "erasure.carried-out": _erased,
        "erasure.stopped": lambda _f: _("Every erasure of the office was stopped."),
        "erasure.allowed": lambda _f: _("Erasures were allowed again."),
        "proof.absent": lambda _f: _("A second look found nothing left."),
        "proof.residual": lambda _f: _("A second look found something left."),
        "proof.looked-again": _looked_again,
        "proof.swept": _swept,
        "proof.told-of": lambda facts: (
            _("Found in texts of others: %s rows.") % facts.get("rows", 0)
        ),
        "proof.came-back": lambda facts: (
            _("Alarm: something is there again, seen after %s days.") % facts.get("day", 0)
        ),
        "proof.settled": lambda _f: _("What later looks found is settled; it is proved again."),
        "return.planned": lambda _f: _("A plan for what came back waits for approval."),
        "trace.kept": lambda facts: (
            _("Others' texts stay as they are: %(rows)s rows. %(ground)s.")
            % {"rows": facts.get("rows", 0), "ground": ground_words(str(facts.get("ground", "")))}
        ),
        "return.kept": lambda facts: (
            _("What came back stays as it is: %s.") % ground_words(str(facts.get("ground", "")))
        ),
        "batch.opened": _opened,
        "batch.approved": lambda _f: _("Approved the batch."),
        "batch.paused": lambda _f: _("Paused the batch."),
        "batch.running": lambda _f: _("Let the batch go on."),
        "batch.discarded": lambda _f: _("Threw away a list that was never read to its end."),
        "batch.refused": lambda _f: _("The batch was refused; its plans are void."),
        "batch.parted": lambda _f: (
            _("The store refused a chunk: it was parted, so that only who is to blame waits.")
        ),
        "list.left-out": lambda facts: (
            _("People with too many rows since the plan: %s. A new list takes them.")
            % facts.get("people", 0)
        ),
        "list.left-over": lambda facts: (
            _("Batch %(batch)s was opened for whom this one could not take: %(people)s.")
            % {"batch": facts.get("batch", ""), "people": facts.get("people", 0)}
        ),
        "plan.halved": lambda _f: _("The plan of the chunk became two, of the same rows."),
        "batch.stopped": lambda facts: _("The batch was stopped: %s.")
        % (stop_words(str(facts.get("reason", ""))).lower() or "–"),
        "work.retried": lambda _f: _("Work that had given up was tried again."),
        "link.asked-again": lambda _f: _("A new letter to the contact on file was asked for."),
        "claims.purged": lambda _f: _("What the consumer answered was deleted; its time was over."),
        "api.client-made": lambda facts: _("A program may ask: %s.") % facts.get("name", ""),
        "api.client-revoked": lambda facts: (
            _("A program may ask no more: %s.") % facts.get("name", "")
        ),
        "suppression.key-made": lambda _f: (
            _("A database got a key by which it keeps deleted people out itself.")
        ),
        "suppression.trigger": lambda _f: (
            _("The SQL by which a database keeps deleted people out was printed.")
        ),
        "suppression.digests": lambda _f: (
            _("Whom a database must keep out was written to a file, as digests.")
        ),
        "drop.loaded": lambda facts: (
            _("A list of the deletion platform was kept: %s items.") % facts.get("items", 0)
        ),
        "drop.looked": lambda facts: (
            _("The list was held against %(system)s: %(found)s found.")
            % {"system": facts.get("system", ""), "found": facts.get("found", 0)}
        ),
        "drop.settled": lambda facts: (
            _("Every item is answered: %(one)s one consumer, %(several)s several, %(none)s none.")
            % {name: facts.get(name, 0) for name in ("one", "several", "none")}
        ),
        "drop.batched": lambda facts: (
            _("A batch was opened for %s people whom the list means.") % facts.get("people", 0)
        ),
        "data-key.destroyed": lambda _f: _("What was sealed of this list can be opened no more."),
        "keys.purged": lambda _f: _("The keys of a plan were destroyed; its time was over."),
    }
)  # fmt: skip
