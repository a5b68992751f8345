"""Several connections and processes at once, killed where it hurts."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from ccpa_office import work
from ccpa_office.models import LedgerLine
from tests.office.chores import Chore, do

pytestmark = pytest.mark.usefixtures("committed_chore_table")
PAST = datetime(2026, 1, 5, 18, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
SEAMS = [
    "work.claimed",
    "chore.before_effect",
    "chore.after_effect",
    "chore.before_commit",
    "chore.after_commit",
]


def write(count, **fields):
    Chore.rows().bulk_create(
        [Chore(**{"lane": "house", "not_before": PAST, **fields}) for _ in range(count)]
    )


def in_threads(count, job):
    start = threading.Barrier(count)

    def run(number):
        try:
            start.wait()
            return job(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_eight_workers_claim_every_row_once():
    write(200)

    def work_off(number):
        taken = []
        while rows := work.claim(Chore, lane="house", n=7, owner=f"w{number}"):
            taken += [row.pk for row in rows]
        return taken

    taken = Counter(pk for part in in_threads(8, work_off) for pk in part)
    assert taken == Counter(Chore.rows().values_list("pk", flat=True))


def test_a_period_has_one_runner_among_twenty():
    assert sum(in_threads(20, lambda _: work.run_once("sweep", PAST, PAST))) == 1


@pytest.fixture
def heard():
    """Gives the lanes that were told since it was last asked."""
    ear, told = connection.copy(), []
    with ear.cursor() as cursor:
        cursor.execute("LISTEN work")
    ear.connection.add_notify_handler(lambda notice: told.append(notice.payload))

    def since_then():
        """What was told before a word of our own: notices come in the order of their commits."""
        told.clear()
        with ear.cursor() as cursor:
            cursor.execute("NOTIFY work, 'the end'")
            while "the end" not in told:
                cursor.execute("SELECT 1")
        return sorted(told[: told.index("the end")])

    yield since_then
    ear.close()


def test_rows_and_notices_wake_the_keeper_when_they_are_committed(heard):
    with transaction.atomic():
        write(3)
        write(2, lane="mail")
        assert heard() == []
    assert heard() == ["house", "mail"]
    (row,) = work.claim(Chore, lane="mail", n=1, owner="x")
    assert heard() == []
    work.finish(row, state="ready", lane="prove")
    assert heard() == ["prove"]
    write(1, not_before=datetime(2100, 1, 1, tzinfo=UTC))
    assert heard() == []
    work.notify("erase")
    assert heard() == ["erase"]


def worker(folder, *seam):
    settings = connection.settings_dict
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
    if not settings["HOST"] or settings["HOST"].startswith("/"):
        login = f"{settings['USER']}:{settings['PASSWORD']}"
        place = f"host={settings['HOST']}&port={settings['PORT'] or 5432}"
        url = f"postgresql://{login}@/{settings['NAME']}?{place}"
    env = {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "ccpa_office.settings",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.office.chore_worker", str(folder), *seam], cwd=ROOT, env=env
    )


def results(folder):
    effects = Counter((folder / "effects").read_text().split())
    receipts = Counter(
        LedgerLine.objects.filter(verb="chore.done").values_list("subject", flat=True)
    )
    return effects, receipts


def test_workers_killed_at_every_seam_lose_nothing_and_do_nothing_twice(tmp_path):
    write(60)
    kills = [(seam, str(nth)) for nth in (1, 3, 4) for seam in SEAMS]
    for first, second in zip(kills[::2], [*kills[1::2], None], strict=False):
        pair = [worker(tmp_path, *kill) for kill in (first, second) if kill]
        assert [process.wait(120) for process in pair] == [-signal.SIGKILL] * len(pair)
        Chore.rows().filter(state="running").update(lease_until=PAST)
    assert worker(tmp_path).wait(120) == 0
    effects, receipts = results(tmp_path)
    ids = [str(pk) for pk in Chore.rows().values_list("pk", flat=True)]
    assert Counter(Chore.rows().values_list("state", flat=True)) == {"done": 60}
    assert receipts == Counter(f"chore:{pk}" for pk in ids)
    assert set(effects) == set(ids)
    # repeated outside, under the same key, only where the kill fell between effect and commit
    between = sum(seam in ("chore.after_effect", "chore.before_commit") for seam, _ in kills)
    assert effects.total() - len(ids) == between


def test_a_worker_frozen_past_its_lease_writes_nothing_when_it_wakes(tmp_path, monkeypatch):
    write(1)
    (frozen,) = work.claim(
        Chore, lane="house", n=1, owner="frozen", lease=timedelta(milliseconds=50)
    )
    time.sleep(0.1)
    assert worker(tmp_path).wait(120) == 0
    with pytest.raises(work.LeaseLost):
        do([frozen], tmp_path)
    _, receipts = results(tmp_path)
    assert receipts == {f"chore:{frozen.pk}": 1}
