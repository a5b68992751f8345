"""The demo's requests: of every kind, in every state, over the last two months."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from ccpa_office.law.deadlines import PACIFIC, received_date
from ccpa_office.law.grounds import DeletionException, Denial
from ccpa_office.law.kinds import RequestKind
from requests_app.management.demo_company.days import Story, nights
from requests_app.management.demo_company.lives import DAY, HOUR, Case
from requests_app.management.demo_company.people import (
    ALONE,
    HOUSEHOLD,
    NO_INVOICE_LEFT,
    ONE_BUSY,
    STRANGER,
    Learner,
    Learners,
    Staff,
)
from requests_app.models import Channel, ConsumerRequest

MONTHS = 62
"""Days that the demo looks back."""
NIGHT = time(2, 10)
"""When the nights' batches ran."""

Told = tuple[int, str, Story]
"""Days ago, time of day, story."""

DELETE, KNOW, CATEGORIES = (
    RequestKind.DELETE,
    RequestKind.KNOW_SPECIFIC,
    RequestKind.KNOW_CATEGORIES,
)
CORRECT, OPT_OUT, LIMIT = RequestKind.CORRECT, RequestKind.OPT_OUT, RequestKind.LIMIT


class Cast:
    """Hands out a case with a learner of its own; nobody appears twice."""

    def __init__(self, staff: Staff, learners: Learners) -> None:
        self.staff = staff
        self.paid_long_ago = iter(learners.who(NO_INVOICE_LEFT, 3))
        taken = {each.email for each in learners.who(NO_INVOICE_LEFT, 3)}
        others = [each for each in learners.who(ALONE, 90) if each.email not in taken]
        self.english = iter([each for each in others if each.language == "en"])
        self.anybody = iter([each for each in others if each.language != "en"])
        self.household = iter(learners.who(HOUSEHOLD, 3))
        self.busy = iter(learners.who(ONE_BUSY, 1))
        self.count = 0

    def case(
        self,
        kind: RequestKind,
        person: Learner | None = None,
        *,
        channel: Channel = Channel.WEB,
        words: str = "",
    ) -> Case:
        """The next case; every third consumer without a part of their own speaks no English."""
        self.count += 1
        chosen = person or next(self.english if self.count % 3 else self.anybody)
        choices = {"since": "everything"} if kind in {KNOW, CATEGORIES} else {}
        name = f"{self.count:02}"
        return Case(name, kind, chosen, self.staff, channel, words, choices)

    def in_english(self, kind: RequestKind, **how: Channel) -> Case:
        """The next case, of somebody who reads the answer in English."""
        return self.case(kind, next(self.english), **how)


def stories(staff: Staff, learners: Learners, *, now: datetime) -> list[tuple[datetime, Story]]:
    """Every story with its first moment; one that was told before is left out."""
    cast = Cast(staff, learners)
    told = set(ConsumerRequest.objects.values_list("nonce", flat=True))
    if told:
        return []
    today = received_date(now)
    if now < datetime.combine(today, NIGHT, tzinfo=PACIFIC):
        today -= DAY  # its batch has not run: what waits since last night waits since yesterday

    def moment(days: int, clock_time: str) -> datetime:
        day = today - timedelta(days=days)
        return datetime.combine(day, time.fromisoformat(clock_time), tzinfo=PACIFIC)

    all_told = [*_deletions(cast), *_stuck_deletions(cast), *_know(cast), *_choices(cast)]
    chronicle = [(moment(days, at), story) for days, at, story in all_told]
    first_night = moment(MONTHS, NIGHT.isoformat())
    return [*chronicle, (first_night, nights(staff.officer, pause_on=today))]


def _deletions(cast: Cast) -> Iterator[Told]:
    """Deletions that went their way, or are on it."""
    yield 50, "09:12", cast.case(DELETE, next(cast.paid_long_ago)).is_approved()
    yield 49, "14:40", cast.case(DELETE).is_approved(after=3 * DAY)
    yield 44, "11:05", cast.case(DELETE).is_approved(confirm=26 * HOUR)
    yield 40, "16:21", cast.case(DELETE, next(cast.paid_long_ago)).is_approved(after=2 * DAY)
    yield 33, "08:47", cast.case(DELETE).is_approved()
    yield 20, "19:30", cast.case(DELETE).is_approved()
    yield 12, "10:10", cast.case(DELETE, next(cast.paid_long_ago)).is_approved()
    yield 6, "08:30", cast.case(DELETE).is_approved()  # due last night: in the paused batch
    yield 6, "09:15", cast.case(DELETE).is_approved()
    yield 3, "12:02", cast.case(DELETE).is_approved(after=6 * HOUR)
    yield 3, "06:31", cast.case(DELETE).is_approved(after=6 * HOUR)
    yield 30, "13:13", cast.case(DELETE).is_planned(extend_after=10 * DAY)
    yield 21, "09:09", cast.case(DELETE).is_planned()
    yield 5, "17:45", cast.case(DELETE).is_planned()
    yield 9, "10:26", cast.case(DELETE, next(cast.household)).is_planned()
    yield 8, "15:51", cast.case(DELETE, next(cast.busy)).is_half_approved()
    yield 46, "12:30", cast.case(DELETE).is_to_be_decided()  # nobody decided in time
    yield 43, "11:44", cast.case(DELETE).is_to_be_decided()
    yield 10, "13:37", cast.case(DELETE).is_to_be_decided()
    yield 2, "09:20", cast.case(DELETE).is_to_be_decided(wrong=True)


def _stuck_deletions(cast: Cast) -> Iterator[Told]:
    """Deletions that wait for their consumers, ended otherwise, or were stopped."""
    course = (
        "You are enrolled in a course that runs until January, and you asked to finish it. We need"
        " your account to give it. After that you can ask again, and we will delete it."
    )
    yield 48, "10:00", cast.case(DELETE, STRANGER).finds_nothing()
    yield 45, "18:05", cast.case(DELETE).waits()
    yield 47, "09:55", cast.case(DELETE).is_to_be_decided(wrong=True)
    yield 22, "20:14", cast.case(DELETE).waits()
    yield 9, "07:52", cast.case(DELETE).waits()
    yield 1, "15:16", cast.case(DELETE).waits()
    yield 4, "12:12", cast.in_english(DELETE).is_talked_about()
    yield 7, "14:02", cast.case(DELETE).is_asked_again()
    yield 15, "11:11", cast.case(DELETE).is_withdrawn()
    yield 6, "16:40", cast.case(DELETE).is_stopped()
    yield 11, "09:33", cast.case(DELETE).is_stopped(released=True)
    words = "You had asked us for the same on the day before; we go on with that request."
    yield 14, "10:10", cast.in_english(DELETE).is_closed_early(outcome="duplicate", words=words)
    yield 35, "15:00", cast.in_english(DELETE).is_denied(
        ground=Denial.EXCEPTION, exception=DeletionException.DX_1, words=course
    )  # fmt: skip
    yield 13, "08:58", cast.in_english(DELETE).is_denied(
        ground=Denial.EXCEPTION, exception=DeletionException.DX_1, words=course, decided=False
    )  # fmt: skip


def _know(cast: Cast) -> Iterator[Told]:
    """Requests to know, to correct, and about automated decisions."""
    copy = "We sent the copy of your information by registered letter, as you asked."
    kinds = "The kinds of information, their sources and uses stand in the list that we enclosed."
    yield 41, "09:18", cast.in_english(KNOW).is_answered(words=copy)
    yield 24, "13:40", cast.case(KNOW).is_worked(extended=True)
    yield 4, "10:55", cast.case(KNOW).is_to_be_decided()
    yield 7, "15:20", cast.case(KNOW).is_collected()
    yield 27, "16:16", cast.in_english(CATEGORIES).is_answered(words=kinds)
    yield 3, "08:08", cast.case(CATEGORIES, words="The newsletter, above all.").waits()
    spelled = "Your name is now spelled as on your passport, on every certificate too."
    wrong = "My family name lacks its accent on the certificate."
    yield 31, "11:27", cast.in_english(CORRECT).is_answered(words=spelled)
    yield 8, "09:40", cast.case(CORRECT, next(cast.english), words=wrong).is_worked()
    grade = "The exercise was marked again by a second teacher, who came to the same result."
    yield 26, "10:35", cast.in_english(CORRECT).is_denied(ground=Denial.ACCURATE, words=grade)
    door = "You wrote about a course of another school; please ask there."
    yield 17, "12:00", cast.in_english(CORRECT, channel=Channel.EMAIL).is_closed_early(
        outcome="redirected", words=door
    )  # fmt: skip
    yield 5, "11:20", cast.case(RequestKind.ADMT_ACCESS, channel=Channel.POST).is_to_be_decided()
    yield 6, "13:05", cast.case(RequestKind.ADMT_APPEAL, channel=Channel.PHONE).is_worked()


def _choices(cast: Cast) -> Iterator[Told]:
    """Opting out and in, and limits: nobody is verified."""
    stopped = "We no longer sell or share your personal information, and told those who had it."
    limited = "We use your sensitive information only for the courses themselves."
    yield 30, "10:01", cast.in_english(OPT_OUT).is_answered(words=stopped)
    yield 18, "22:48", cast.in_english(OPT_OUT).is_answered(words=stopped)
    yield 25, "09:30", cast.case(OPT_OUT).waits()  # late
    yield 16, "14:14", cast.case(OPT_OUT, channel=Channel.PHONE).is_worked()
    yield 1, "08:15", cast.case(OPT_OUT).waits()
    far = "You live outside California, and your school's own law gives you this right there."
    yield 12, "17:17", cast.in_english(OPT_OUT).is_denied(ground=Denial.NOT_CONSUMER, words=far)
    yield 20, "11:00", cast.in_english(LIMIT).is_answered(words=limited)
    yield 5, "16:30", cast.case(LIMIT).waits()
    opted_in = "You are opted in again, as you asked."
    yield 10, "12:45", cast.in_english(RequestKind.OPT_IN, channel=Channel.COUNTER).is_answered(
        words=opted_in
    )  # fmt: skip
    yield 4, "09:05", cast.case(RequestKind.ADMT_OPT_OUT, channel=Channel.PHONE).is_worked()
