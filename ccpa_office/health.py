"""Is it alive, is it ready: ok or not ok, nothing else."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer that the process serves."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer whether the database can be reached and has every table that the code needs."""
    ready = is_ready()
    words, status = ("ok", 200) if ready else ("not ok", 503)
    return HttpResponse(words, status=status, content_type="text/plain")


def is_ready() -> bool:
    """Return whether no migration is missing, or False when the database does not answer."""
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
