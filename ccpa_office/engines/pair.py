"""Both engines together: the public face of this package."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ccpa_office.engines.binaries import usable_by
from ccpa_office.engines.children import Child
from ccpa_office.engines.home import Home, open_home
from ccpa_office.engines.postgresql import APPLICATION, LEARNER_OWNER, OWNER, SUPERUSER, PostgreSQL
from ccpa_office.engines.valkey import Valkey

Say = Callable[[str], None]


@dataclass(frozen=True)
class Addresses:
    """Where everything is, as the settings of the same names want it."""

    database: str
    owner: str
    superuser: str
    learners: str
    redis: str


@dataclass
class Engines:
    """PostgreSQL and Valkey in one home, whose lock the caller holds."""

    home: Home
    logs: Path
    say: Say
    durable: bool = True
    children: list[Child] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        binaries = usable_by(self.home.account, copies=self.home.room("programs"))
        self.postgresql = PostgreSQL(self.home, binaries)
        self.valkey = Valkey(self.home, binaries)

    def start(self) -> Addresses:
        """Start both and return their addresses. Raises Refused, with nothing left running."""
        try:
            self.start_postgresql()
            self.start_valkey()
        except BaseException:
            self.stop()
            raise
        return self.addresses()

    def start_postgresql(self) -> Child:
        """Start PostgreSQL, make what is missing, and wait until it answers."""
        self.logs.mkdir(mode=0o700, exist_ok=True)
        if self.postgresql.prepare(durable=self.durable):
            self.say(f"Made a PostgreSQL data folder in {self.home.folder}.")
        child = self.postgresql.child(log=self.logs / "postgresql.log", durable=self.durable)
        self._begin(child)
        self.postgresql.wait(child)
        self.postgresql.furnish()
        return child

    def start_valkey(self) -> Child:
        """Start Valkey and wait until it answers."""
        child = self.valkey.child(log=self.logs / "valkey.log", durable=self.durable)
        self._begin(child)
        self.valkey.wait(child)
        return child

    def _begin(self, child: Child) -> None:
        child.start()
        self.children = [one for one in self.children if one.name != child.name] + [child]

    def addresses(self) -> Addresses:
        """Return where both are, whether they run or not."""
        url = self.postgresql.url
        return Addresses(
            database=url(APPLICATION, "ccpa_office"),
            owner=url(OWNER, "ccpa_office"),
            superuser=url(SUPERUSER, "postgres"),
            learners=url(LEARNER_OWNER, "learners"),
            redis=self.valkey.url,
        )

    def stop(self) -> None:
        """Stop both, the broker first."""
        for child in reversed(self.children):
            child.stop()
        self.children.clear()


@contextmanager
def running(
    data_dir: Path, *, durable: bool = True, say: Say = lambda _: None
) -> Iterator[Engines]:
    """Hold a home and run both engines in it until the block ends."""
    home = open_home(data_dir)
    with home.locked():
        home.end_leftovers()
        engines = Engines(home, data_dir / "logs", say, durable=durable)
        engines.start()
        home.note_children({child.name: child.pid or 0 for child in engines.children})
        try:
            yield engines
        finally:
            engines.stop()
