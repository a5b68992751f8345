"""Growth: ten times the people, ten times the table, and a missing index that the check finds."""

import secrets
import statistics

from bench import lists, reference
from bench.measure import Line, timed
from bench.shop import FEW, Shops
from ccpa_office import connectors
from requests_app import targets
from tests import builders

TOLERANCE = 1.3
"""What a busy machine may add to a ratio that should be one."""


def _seconds_each(customers: int, people: int, rounds: int) -> float:
    """CPU-seconds for each of a list, everything counted, one worker."""
    shops = Shops(customers)
    everybody = reference.emails(customers, rounds * people + FEW, seed=8)
    try:
        shops.warm(everybody[-FEW:])
        runs = [
            timed(lambda n: lists.erase_list(everybody[n * people : (n + 1) * people]), number)
            for number in range(rounds)
        ]
    finally:
        shops.end()
    return statistics.median(run.cpu / run.count for run in runs)


def of_people(customers: int, people: int, rounds: int) -> Line:
    """Ten times the people of a list cost at most ten times."""
    line = Line("growth", f"ten times the people of a list out of {customers:,}", "", 1.0)
    few = _seconds_each(customers, people, rounds)
    many = _seconds_each(customers, 10 * people, 1)
    line.facts["CPU-seconds each"] = (
        f"{people:,} people {few:.5f}, {10 * people:,} people {many:.5f}"
    )
    line.facts["measure"] = TOLERANCE * few / many
    return line


def of_tables(customers: int, people: int, rounds: int) -> Line:
    """Ten times the table costs nothing for each person where keys are indexed."""
    line = Line("growth", f"ten times the table: {customers:,} and {10 * customers:,}", "", 1.0)
    small = _seconds_each(customers, people, rounds)
    large = _seconds_each(10 * customers, people, rounds)
    line.facts["CPU-seconds each"] = f"{small:.5f} and {large:.5f}"
    line.facts["measure"] = TOLERANCE * small / large
    return line


def without_an_index() -> Line:
    """The map's check finds each index that is missing, before anything runs."""
    line = Line("growth", "missing indexes are found by the map's check", "", 1.0)
    name = f"shop_bare_{secrets.token_hex(4)}"
    builders.administer("CREATE DATABASE {}", name)
    try:
        with reference.copy(1_000) as url:
            reference.serve(url)
            program = targets.of("learners").program
        reference.fill(builders.url(name), 1_000, indexed=False)
        found = {
            each.message.partition(":")[0]
            for each in connectors.connect(builders.url(name), program).check()
            if each.code == "no-index"
        }
        connectors.close_all()
    finally:
        builders.administer("DROP DATABASE {} WITH (FORCE)", name)
    line.facts["found"] = ", ".join(sorted(found))
    wanted = {
        "client.email", "card.client_id", "purchase.client_id", "sign_in.client_id",
        "page_view.email", "help_ticket.email", "help_ticket.other_email", "staff.email",
        "letter.email",
    }  # fmt: skip
    line.facts["not found"] = ", ".join(sorted(wanted - found)) or "none"
    line.facts["measure"] = len(wanted & found) / len(wanted)
    return line
