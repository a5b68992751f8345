"""The Celery application, and the only place that publishes: a hint without arguments."""

import gc
import os

import structlog
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ccpa_office.settings")

app = Celery("ccpa_office")
app.config_from_object("ccpa_office.broker")
app.autodiscover_tasks()

NEW_THINGS = 5_000
MOST_WAITING = 3
HINT_EXPIRES = 60

logger = structlog.get_logger(__name__)


@signals.worker_ready.connect
@signals.worker_process_init.connect
def settle(**_signal: object) -> None:
    """Leave what was loaded at the start out of every later search for garbage.

    A chunk makes tens of thousands of keys; each few hundred, all of Django was gone through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_THINGS)


def hint(lane: str) -> bool:
    """Say that there is work in ``lane``; return whether the broker took it or needs no more.

    Never raises and never waits for longer than a few seconds. Losing it costs seconds only.
    """
    try:
        with app.producer_or_acquire() as producer:
            waiting = producer.channel.queue_declare(queue=lane, durable=True).message_count
            if waiting < MOST_WAITING:
                app.send_task(
                    f"drain.{lane}",
                    producer=producer,
                    queue=lane,
                    expires=HINT_EXPIRES,
                    retry=False,
                )
    except Exception as error:  # noqa: BLE001 - whatever the broker does, the work is in rows
        logger.debug("no hint", lane=lane, code=type(error).__name__)
        return False
    return True


@app.task(name="tick")
def tick(**_later: object) -> None:
    """Run every registered ``tick.*`` task here; each sees for itself whether it is due."""
    for name in sorted(name for name in app.tasks if name.startswith("tick.")):
        try:
            app.tasks[name]()
        except Exception as error:  # noqa: BLE001 - one schedule never stops another
            logger.warning("tick failed", task=name, code=type(error).__name__)
