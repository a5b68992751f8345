"""Mistakes in what stands around an erasure: terms, packages, corrections, vendors, restores."""

from tests.mutants.mistake import (
    FULFILLMENT,
    ROOMS,
    T_FULFILLMENT,
    T_REQUESTS,
    Mistake,
    mistake,
)

COLLECTING = "ccpa_office/connectors/postgresql/collecting.py"

_STAYING = (
    mistake(
        "what stays is not noted",
        f"{FULFILLMENT}/proof.py",
        "        staying.note(loaded, at=at)\n",
        "",
        f"{T_FULFILLMENT}/test_terms.py::test_what_stays_is_noted_with_its_first_day",
    ),
    mistake(
        "a term is looked at a day late",
        f"{FULFILLMENT}/staying.py",
        "        return end if end > on else on + AGAIN",
        "        return end + timedelta(days=1) if end > on else on + AGAIN",
        f"{T_FULFILLMENT}/test_terms.py::test_what_stays_is_noted_with_its_first_day",
    ),
    mistake(
        "rows that came later go with what was kept",
        f"{FULFILLMENT}/terms.py",
        "        if key in cases[person].rows.get(part.table, frozenset())\n",
        "",
        f"{T_FULFILLMENT}/test_terms.py::test_rows_that_came_later_are_no_part_of_it",
    ),
    mistake(
        "what a refused end was to take is forgotten",
        f"{FULFILLMENT}/terms.py",
        "    Kept.objects.filter(plan__state__in=over).update(plan=None, due_on=on)\n",
        "",
        f"{T_FULFILLMENT}/test_terms.py::test_a_refused_end_is_due_again",
    ),
)

_PACKAGES = (
    mistake(
        "a package is handed out without its code",
        f"{FULFILLMENT}/handing.py",
        "            or not is_open(found, session=session, at=at)\n",
        "",
        f"{T_REQUESTS}/test_package_pages.py"
        "::test_a_code_opens_in_the_browser_that_asked_and_in_no_other",
    ),
    mistake(
        "a download is not counted",
        f"{FULFILLMENT}/handing.py",
        'update(downloads=F("downloads") + 1)',
        'update(downloads=F("downloads"))',
        f"{T_REQUESTS}/test_package_pages.py::test_it_is_fetched_three_times_and_then_destroyed",
    ),
    mistake(
        "a wrong code may be tried for ever",
        f"{FULFILLMENT}/handing.py",
        '            tries=F("tries") + 1, used_at=',
        "            used_at=",
        f"{T_REQUESTS}/test_package_pages.py::test_three_wrong_codes_end_the_right_one",
    ),
    mistake(
        "what others reach too is collected",
        COLLECTING,
        "    if table.shareable and table.name not in window.given:\n",
        "    if False:\n",
        f"{T_FULFILLMENT}/test_access.py"
        "::test_what_belongs_to_the_household_is_counted_and_not_given",
    ),
    mistake(
        "whoever looked a package through hands it over",
        f"{FULFILLMENT}/access.py",
        '        (package.prepared_by_id, "You looked this package through; another person hands'
        ' it over."),\n',
        "",
        f"{T_FULFILLMENT}/test_access.py::test_one_person_with_all_roles_cannot_do_both",
    ),
    mistake(
        "an old verification hands a package over",
        f"{FULFILLMENT}/access.py",
        "consumer_request.verified_at < at - FRESH",
        "consumer_request.verified_at > at",
        f"{T_FULFILLMENT}/test_access.py::test_an_old_verification_hands_nothing_over",
    ),
)

_CORRECTIONS = (
    mistake(
        "whoever proposed a correction approves it",
        f"{FULFILLMENT}/correction.py",
        "    if waiting.filter(proposed_by_id=by.staff_id).exists():\n",
        "    if False:\n",
        f"{T_FULFILLMENT}/test_correction.py"
        "::test_who_proposed_verified_or_took_in_does_not_approve",
    ),
    mistake(
        "a corrected field is not locked",
        f"{FULFILLMENT}/correction.py",
        "    lock(correction, key, before, at)\n",
        "",
        f"{T_FULFILLMENT}/test_correction.py::test_the_wrong_value_is_kept_from_coming_back",
    ),
    mistake(
        "the lock is not asked for the value",
        f"{FULFILLMENT}/locking.py",
        "        wrong__in=[each for form in forms"
        ' for each in sealing.digests("correction-value", form)],\n',
        "",
        f"{T_FULFILLMENT}/test_correction.py::test_the_wrong_value_is_kept_from_coming_back",
    ),
    mistake(
        "a wrong value that came back is no alarm",
        f"{FULFILLMENT}/lasting.py",
        "            return Seen.WRONG\n",
        "            return Seen.OTHER\n",
        f"{T_FULFILLMENT}/test_correction.py"
        "::test_a_feed_that_puts_the_wrong_value_back_is_an_alarm",
    ),
    mistake(
        "a correction counts without a second look",
        f"{FULFILLMENT}/correction.py",
        "    right = answer.stands and target.connector.stands(\n",
        "    right = True or target.connector.stands(\n",
        f"{T_FULFILLMENT}/test_correction.py::test_what_changed_meanwhile_is_left_to_a_person",
    ),
)

_VENDORS = (
    mistake(
        "an answer by hand counts without a second person",
        f"{FULFILLMENT}/outside/hands.py",
        "by.id in {task.answered_by_id, task.plan.asked_by_id}",
        "by.id in {task.plan.asked_by_id}",
        f"{T_FULFILLMENT}/test_outside_hands.py::test_who_answers_by_hand_does_not_confirm",
    ),
    mistake(
        "a link to a task takes two answers",
        f"{FULFILLMENT}/outside/hands.py",
        "            pk=link.pk, used_at=None, voided_at=None, expires_at__gt=at\n        )\n",
        "            pk=link.pk, voided_at=None, expires_at__gt=at\n        )\n",
        f"{T_FULFILLMENT}/test_outside_corners.py"
        "::test_what_is_over_answered_or_at_work_takes_no_other_word",
    ),
)

_RESTORES = (
    mistake(
        "the erasure ledger is not told",
        f"{FULFILLMENT}/erasure.py",
        "    line, mark = erasure_ledger.append(loaded, parts, at=at)\n",
        '    line, mark = 0, ""\n',
        f"{T_FULFILLMENT}/test_restoring.py"
        "::test_whoever_a_backup_brings_back_is_erased_again_and_nobody_else",
    ),
    mistake(
        "a drill touches whoever has the identifier now",
        f"{FULFILLMENT}/restoring.py",
        "        if subject.key in keys\n",
        "        if keys\n",
        f"{T_FULFILLMENT}/test_restoring.py"
        "::test_a_key_that_is_somebody_elses_by_now_is_left_alone",
    ),
    mistake(
        "who was deleted is remembered for another purpose",
        f"{ROOMS}/suppression.py",
        "        (kind, sealing.digest(kind, _normal(kind, value)), subject)\n",
        '        (kind, sealing.digest("subject", _normal(kind, value)), subject)\n',
        f"{T_REQUESTS}/test_suppression.py::test_every_spelling_is_known",
    ),
)

DROP = f"{ROOMS}/channels/drop"
T_DROP = "tests/channels/test_drop_match.py"
_LISTS = (
    mistake(
        "an item is not found while a system is away",
        f"{DROP}/matching.py",
        "Stand.LOOKED in stands and stands <= {Stand.LOOKED, Stand.NOT_HELD}",
        "Stand.LOOKED in stands",
        f"{T_DROP}::test_an_item_is_not_found_only_when_every_system_that_may_hold_it"
        "_was_looked_at",
    ),
    mistake(
        "several consumers count as one",
        f"{DROP}/matching.py",
        "            if people > 1:\n",
        "            if people > 2:\n",
        f"{T_DROP}::test_every_item_has_exactly_one_answer",
    ),
    mistake(
        "an address with white space is somebody else's",
        "ccpa_office/connectors/postgresql/matching.py",
        "x21-",
        "x20-",
        "tests/connectors/test_contract_matching.py"
        "::test_every_store_finds_whom_python_finds[postgresql]",
    ),
    mistake(
        "whoever shares an identifier is deleted",
        f"{DROP}/deleting.py",
        "if outcomes[place] == DropOutcome.ONE",
        "if outcomes[place]",
        f"{T_DROP}::test_whom_an_item_means_alone_is_deleted_by_a_batch_like_any_other",
    ),
)

MISTAKES_OF_ROOMS: tuple[Mistake, ...] = (
    *_STAYING, *_PACKAGES, *_CORRECTIONS, *_VENDORS, *_RESTORES, *_LISTS,
)  # fmt: skip
