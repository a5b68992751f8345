"""Every mistake: what it is called, what is right, what is wrong, and who must notice."""

from tests.mutants.mistake import (
    FULFILLMENT,
    LAW,
    OFFICE,
    ROOMS,
    T_FULFILLMENT,
    T_LAW,
    T_OFFICE,
    T_REQUESTS,
    Mistake,
    mistake,
)
from tests.mutants.mistakes_of_rooms import MISTAKES_OF_ROOMS

_LAW = (
    mistake(
        "Sunday counts as a business day",
        f"{LAW}/calendar.py",
        "        Calendar.CA_STATE: frozenset({SATURDAY, SUNDAY}),",
        "        Calendar.CA_STATE: frozenset({SATURDAY}),",
        f"{T_LAW}/test_calendar.py",
    ),
    mistake(
        "the day of receipt is a day of UTC",
        f"{LAW}/deadlines.py",
        "return instant.astimezone(PACIFIC).date()",
        "return instant.astimezone(UTC).date()",
        f"{T_LAW}/test_deadlines.py",
    ),
    mistake(
        "an answer may take 46 days",
        f"{LAW}/deadlines.py",
        "RESPOND_DAYS = 45",
        "RESPOND_DAYS = 46",
        f"{T_LAW}/test_deadlines.py",
    ),
    mistake(
        "an extension may be taken twice",
        f"{LAW}/deadlines.py",
        "return kind in CLOCKED and in_time and not already",
        "return kind in CLOCKED and in_time",
        f"{T_LAW}/test_deadlines.py::test_an_extension_needs_a_notice_in_the_first_45_days",
        f"{T_LAW}/test_deadlines.py::test_only_kinds_with_an_answer_are_extended",
    ),
    mistake(
        "silence ends a request a day too early",
        f"{LAW}/deadlines.py",
        "UNVERIFIED_ANSWER_DAY = 40",
        "UNVERIFIED_ANSWER_DAY = 39",
        f"{T_REQUESTS}/test_silence.py::test_what_nobody_confirmed_ends_on_day_40",
    ),
    mistake(
        "the higher level needs no signature",
        f"{LAW}/certainty.py",
        "if len(groups) >= high.points and declaration_signed:",
        "if len(groups) >= high.points:",
        f"{T_LAW}/test_certainty.py",
    ),
    mistake(
        "an opt-out is verified",
        f"{LAW}/certainty.py",
        "    RequestKind.OPT_OUT: Level.NONE,",
        "    RequestKind.OPT_OUT: Level.REASONABLE,",
        f"{T_LAW}/test_certainty.py",
    ),
)

_WORK = (
    mistake(
        "the fence is not checked when work is finished",
        f"{OFFICE}/work.py",
        "held = model.rows().filter(pk=pk, fence=fence, state=WorkState.RUNNING)",
        "held = model.rows().filter(pk=pk, fence__gte=fence, state=WorkState.RUNNING)",
        f"{T_OFFICE}/test_work.py::test_who_lost_the_lease_writes_nothing",
    ),
    mistake(
        "a living lease is taken away",
        f"{OFFICE}/work.py",
        "OR state = 'running' AND (lease_until <= clock_timestamp()",
        "OR state = 'running' AND (lease_until >= clock_timestamp()",
        f"{T_OFFICE}/test_work.py::test_a_held_row_is_not_claimed_again",
        f"{T_OFFICE}/test_work.py::test_a_row_whose_lease_is_over_is_claimed_with_a_new_fence",
    ),
    mistake(
        "the fence does not rise with a claim",
        f"{OFFICE}/work.py",
        "    fence = {table}.fence + 1\n",
        "    fence = {table}.fence\n",
        f"{T_OFFICE}/test_work.py::test_a_row_whose_lease_is_over_is_claimed_with_a_new_fence",
    ),
    mistake(
        "a killed worker's attempt does not count",
        f"{OFFICE}/work.py",
        "attempts = due.attempts + CASE WHEN due.attempts < %(most)s THEN 1 ELSE 0 END,",
        "attempts = due.attempts,",
        f"{T_OFFICE}/test_work.py::test_a_row_that_killed_five_workers_is_parked_at_the_sixth_claim",
    ),
    mistake(
        "a worn-out row is handed back for ever",
        f"{OFFICE}/work.py",
        "    if row.attempts >= max_attempts:\n        park(row, error_code=error_code)\n",
        "    if row.attempts > max_attempts:\n        park(row, error_code=error_code)\n",
        f"{T_OFFICE}/test_work.py::test_handing_back_after_the_last_attempt_parks",
    ),
    mistake(
        "a lease from after a jump of the clock is never over",
        f"{OFFICE}/work.py",
        "OR lease_until > clock_timestamp() + 2 * %(lease)s))",
        "OR false))",
        f"{T_OFFICE}/test_work.py"
        "::test_a_lease_further_ahead_than_any_lease_could_be_counts_as_over",
    ),
    mistake(
        "a period runs as often as somebody asks",
        f"{OFFICE}/work.py",
        "        return bool(cursor.rowcount == 1)",
        "        return True",
        f"{T_OFFICE}/test_work.py::test_a_period_runs_once",
    ),
)

_LEDGER = (
    mistake(
        "a line's hash leaves out the line before",
        f"{OFFICE}/ledger/lines.py",
        "sha256(%(domain)s || next.prev || convert_to(line.body, 'UTF8'))",
        "sha256(%(domain)s || convert_to(line.body, 'UTF8'))",
        f"{T_OFFICE}/test_ledger.py",
        f"{T_OFFICE}/test_ledger_tampering.py",
    ),
    mistake(
        "an anchor is believed without its signature",
        f"{OFFICE}/ledger/anchors.py",
        "    if key is None:\n        return False\n",
        "    return True\n",
        f"{T_OFFICE}/test_ledger_tampering.py",
    ),
    mistake(
        "the seal leaves out the seal before",
        f"{OFFICE}/ledger/chain.py",
        "hashlib.sha256(SEAL_DOMAIN + prev + position",
        "hashlib.sha256(SEAL_DOMAIN + position",
        f"{T_OFFICE}/test_ledger.py",
        f"{T_OFFICE}/test_ledger_tampering.py",
    ),
    mistake(
        "an address may stand in the book",
        f"{OFFICE}/ledger/lines.py",
        "        if LOOKS_LIKE_EMAIL.search(fact):\n            raise NotALedgerFact\n",
        "        return\n",
        f"{T_OFFICE}/test_ledger.py",
        f"{T_REQUESTS}/test_workflow.py::test_a_move_that_fails_to_be_told_changes_nothing",
    ),
    mistake(
        "a line is not held against its anchor",
        f"{OFFICE}/ledger/verifying.py",
        "    if leaf is not None and leaf != row.hash:\n",
        "    if False:\n",
        f"{T_OFFICE}/test_ledger_tampering.py",
    ),
)

_WORKFLOW = (
    mistake(
        "a move asks not where the request stands",
        f"{ROOMS}/workflow.py",
        "ConsumerRequest.objects.filter(pk__in=keys, status__in=allowed)",
        "ConsumerRequest.objects.filter(pk__in=keys)",
        f"{T_REQUESTS}/test_workflow.py",
    ),
    mistake(
        "a move is not written into the book",
        f"{ROOMS}/workflow.py",
        '    ledger.record_many(f"request.{to}", entries, by=by, at=at)\n',
        "",
        f"{T_REQUESTS}/test_workflow.py",
    ),
    mistake(
        "a move sends no letter",
        f"{ROOMS}/workflow.py",
        "    _queue_letters(moved, MOVES[kind][to].letter, at, letter_context)\n",
        "",
        f"{T_REQUESTS}/test_workflow.py",
    ),
    mistake(
        "a deletion in part gets the letter of a whole one",
        f"{ROOMS}/workflow.py",
        "        if word in letter:\n            return letter[word]\n",
        "        continue\n",
        f"{T_REQUESTS}/test_correspondence.py"
        "::test_the_letter_of_a_deletion_in_part_says_what_is_kept_and_why",
    ),
    mistake(
        "all are said to have stood where the first one stood",
        f"{ROOMS}/workflow.py",
        '{"previous_status": F("status"), ',
        '{"previous_status": allowed[0], ',
        f"{T_REQUESTS}/test_workflow.py::test_each_of_many_remembers_where_it_stood",
    ),
    mistake(
        "the nonce of a form is not unique",
        f"{ROOMS}/intake.py",
        "        nonce=asked.nonce,\n",
        "        nonce=new_number(),\n",
        f"{T_REQUESTS}/test_intake.py::test_a_second_press_gives_the_first_request",
    ),
)

_VERIFICATION = (
    mistake(
        "a used link opens again",
        f"{ROOMS}/verification/links.py",
        "used_at__isnull=True, voided_at__isnull=True, expires_at__gt=at)\n    if not Link",
        "voided_at__isnull=True, expires_at__gt=at)\n    if not Link",
        f"{T_REQUESTS}/test_verification.py::test_of_many_presses_of_a_confirm_link_one_is_weighed",
        f"{T_REQUESTS}/test_verification.py::test_a_link_is_spent_once_under_a_hundred_presses",
    ),
    mistake(
        "a person decides below the level",
        f"{ROOMS}/verification/deciding.py",
        "        if not is_certain_enough(reached, required):",
        "        if False:",
        f"{T_REQUESTS}/test_verification.py"
        "::test_nobody_decides_below_the_level_nor_without_the_role",
    ),
    mistake(
        "a young contact is written to",
        f"{ROOMS}/verification/looking.py",
        "    return since <= received_at - SETTLED",
        "    return since <= received_at",
        f"{T_REQUESTS}/test_verification.py::test_a_contact_counts_after_thirty_days",
    ),
    mistake(
        "evidence moves what was stopped",
        f"{ROOMS}/verification/evidence.py",
        "        if consumer_request.status == Status.WAITING:\n",
        "        if consumer_request:\n",
        f"{T_REQUESTS}/test_verification.py::test_evidence_is_not_weighed_after_this_was_not_me",
    ),
)

_GUARDS = (
    mistake(
        "any hash is approved",
        f"{ROOMS}/casework/approving.py",
        "plan.state != PlanState.FROZEN or plan.hash != hash or consumer_request is None",
        "plan.state != PlanState.FROZEN or consumer_request is None",
        f"{T_FULFILLMENT}/test_guards.py::test_a_wrong_hash_is_no_yes",
    ),
    mistake(
        "whoever verified may approve",
        f"{ROOMS}/casework/approving.py",
        "    if by.id == consumer_request.verified_by_id:\n",
        "    if False:\n",
        f"{T_FULFILLMENT}/test_guards.py::test_whoever_verified_cannot_approve",
    ),
    mistake(
        "whoever asked for the plan may approve",
        f"{ROOMS}/casework/approving.py",
        "    if by.id == plan.asked_by_id:\n",
        "    if False:\n",
        f"{T_FULFILLMENT}/test_guards.py::test_whoever_asked_for_the_plan_cannot_approve",
    ),
    mistake(
        "one approval is always enough",
        f"{ROOMS}/casework/approving.py",
        "        if given >= plan.approvals_needed:\n",
        "        if given:\n",
        f"{T_FULFILLMENT}/test_guards.py::test_nobody_approves_twice",
    ),
    mistake(
        "undecided shared rows do not hold a plan",
        f"{ROOMS}/casework/approving.py",
        "    if plan.undecided:\n",
        "    if False:\n",
        f"{T_FULFILLMENT}/test_guards.py::test_undecided_shared_rows_hold_a_plan",
    ),
    mistake(
        "the database takes the verifier's approval",
        f"{ROOMS}/migrations/0002_what_the_database_never_allows.py",
        "          AND asked.verified_by_id IS DISTINCT FROM NEW.by_id\n          AND asked.opened",
        "          AND asked.opened",
        f"{T_FULFILLMENT}/test_guards.py"
        "::test_without_the_verbs_no_person_alone_brings_an_erasure_about",
    ),
    mistake(
        "the database forgets the cool-off",
        f"{ROOMS}/migrations/0002_what_the_database_never_allows.py",
        "       OR NEW.executable_at > ccpa_now() OR NEW.chunk_id IS NULL THEN",
        "       OR NEW.chunk_id IS NULL THEN",
        f"{T_FULFILLMENT}/test_guards.py::test_the_database_keeps_the_cool_off",
    ),
)

_ERASURE = (
    mistake(
        "shared rows are not seen as shared",
        f"{FULFILLMENT}/locating.py",
        'undecided = shared and action != "keep"',
        "undecided = False",
        f"{T_FULFILLMENT}/test_plan.py",
    ),
    mistake(
        "the ceiling of rows is off by one",
        f"{FULFILLMENT}/locating.py",
        "self.rows_per_person > settings.CEILING_ROWS",
        "self.rows_per_person >= settings.CEILING_ROWS",
        f"{T_FULFILLMENT}/test_plan.py::test_a_ceiling_is_crossed_by_one_more",
    ),
    mistake(
        "a small table has a share",
        f"{FULFILLMENT}/locating.py",
        "if found.sizes.get(table, 0) > LARGE_TABLE",
        "if found.sizes.get(table, 0) >= LARGE_TABLE",
        f"{T_FULFILLMENT}/test_plan.py::test_the_share_counts_above_ten_thousand_rows",
    ),
    mistake(
        "the ceiling of people is off by one",
        f"{FULFILLMENT}/batches.py",
        "waits = people > settings.CEILING_PEOPLE",
        "waits = people >= settings.CEILING_PEOPLE",
        f"{T_FULFILLMENT}/test_guards.py::test_people_above_the_ceiling_of_a_batch_need_two",
    ),
    mistake(
        "the cool-off is ignored",
        f"{ROOMS}/casework/approving.py",
        "timetable.next_run(at + timedelta(hours=settings.COOL_OFF_HOURS))",
        "timetable.next_run(at + timedelta(0))",
        f"{T_FULFILLMENT}/test_guards.py::test_nothing_starts_before_the_cool_off_is_over",
    ),
    mistake(
        "parts that nobody approved are carried out",
        f"{FULFILLMENT}/packing.py",
        "    return plan.hash == plan_hash(plan.system_key, plan.map_digest, subjects, parts)",
        "    return True",
        f"{T_FULFILLMENT}/test_guards.py::test_a_plan_whose_parts_were_swapped_is_not_carried_out",
    ),
    mistake(
        "another person's key is passed over",
        f"{FULFILLMENT}/erasure.py",
        "        if result.foreign:\n",
        "        if False:\n",
        f"{T_FULFILLMENT}/test_erasure.py"
        "::test_a_key_of_another_stops_the_batch_and_touches_nothing",
    ),
    mistake(
        "the second look is skipped",
        f"{FULFILLMENT}/proof.py",
        '    findings = {table["finding"] for table in tables}\n',
        "    findings: set[str] = set()\n",
        f"{T_FULFILLMENT}/test_erasure.py::test_a_store_that_only_says_yes_is_found_out",
    ),
    mistake(
        "twenty-one newborn rows pass",
        f"{FULFILLMENT}/newborn.py",
        "LIMIT = 20\n",
        "LIMIT = 21\n",
        f"{T_FULFILLMENT}/test_newborn.py"
        "::test_twenty_one_newborn_rows_send_the_request_back_to_a_new_plan",
    ),
    mistake(
        "newborn rows are erased before they are named",
        f"{FULFILLMENT}/erasure.py",
        "        if born:\n            newborn.intend(loaded, born, at)\n",
        "",
        f"{T_FULFILLMENT}/test_newborn.py"
        "::test_up_to_twenty_newborn_rows_go_under_the_same_approval",
    ),
    mistake(
        "the receipt is written before the change",
        f"{FULFILLMENT}/erasure.py",
        '    work.seam("erase.before-effect")\n',
        '    _hand_on(chunk, at)\n    work.seam("erase.before-effect")\n',
        f"{T_FULFILLMENT}/test_erasure.py"
        "::test_a_worker_that_dies_anywhere_leaves_the_same_end[erase.before-effect]",
    ),
    mistake(
        "the kill switch is ignored",
        f"{FULFILLMENT}/loading.py",
        "    halted = any(plan.halted or plan.paused for plan in plans)\n",
        "    halted = False\n",
        f"{T_FULFILLMENT}/test_erasure.py::test_the_kill_switch_holds_everything_however_long",
    ),
    mistake(
        "the consumer is answered before the service providers",
        f"{FULFILLMENT}/closing.py",
        "        ~Exists(untold),\n",
        "",
        f"{T_FULFILLMENT}/test_proof.py"
        "::test_the_consumer_is_answered_when_every_provider_was_told",
    ),
    mistake(
        "only one service provider is waited for",
        f"{FULFILLMENT}/closing.py",
        ").exclude(delivery=Delivery.HANDED)",
        ").exclude(delivery__in=[Delivery.HANDED, Delivery.UNKNOWN])",
        f"{T_FULFILLMENT}/test_proof.py::test_one_provider_that_was_not_told_holds_the_answer",
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *_LAW, *_WORK, *_LEDGER, *_WORKFLOW, *_VERIFICATION, *_GUARDS, *_ERASURE,
    *MISTAKES_OF_ROOMS,
)  # fmt: skip
