"""What the database itself never allows: frozen dates and plans, execution without approval."""

from django.db import migrations

from ccpa_office import work

# Dates are frozen at intake (guard g1); a due date moves once, to the day of the extension.
FROZEN_REQUEST = """
CREATE FUNCTION requests_app_request_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.number, NEW.kind, NEW.channel, NEW.received_at, NEW.received_on, NEW.calendar, NEW.nonce)
        IS DISTINCT FROM
       (OLD.number, OLD.kind, OLD.channel, OLD.received_at, OLD.received_on, OLD.calendar, OLD.nonce)
       OR (NEW.ack_due_on, NEW.ack_target_on, NEW.response_due_on, NEW.response_target_on,
           NEW.extended_due_on, NEW.optout_due_on, NEW.optout_target_on, NEW.response_expires_at,
           NEW.earliest_reask_on)
        IS DISTINCT FROM
          (OLD.ack_due_on, OLD.ack_target_on, OLD.response_due_on, OLD.response_target_on,
           OLD.extended_due_on, OLD.optout_due_on, OLD.optout_target_on, OLD.response_expires_at,
           OLD.earliest_reask_on) THEN
        RAISE EXCEPTION 'receipt and its dates are frozen' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.due_on IS DISTINCT FROM OLD.due_on AND (
        OLD.extended_at IS NOT NULL OR NEW.extended_at IS NULL
        OR NEW.due_on IS DISTINCT FROM NEW.extended_due_on) THEN
        RAISE EXCEPTION 'a due date moves once, with an extension'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'verified' AND OLD.status <> 'verified'
       AND NEW.kind IN ('delete', 'correct', 'know-categories', 'know-specific', 'admt-access')
       AND (NEW.verified_at IS NULL OR NEW.level_reached < NEW.level_required) THEN
        RAISE EXCEPTION 'nobody is verified below the level, or without a decision'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'completed' AND OLD.status <> 'completed' AND NEW.kind = 'delete'
       AND NEW.ground <> 'DEN_NO_DATA' AND (
        NOT EXISTS (SELECT FROM requests_app_plan WHERE consumer_request_id = NEW.id
                    AND state = 'proved')
        OR EXISTS (SELECT FROM requests_app_plan WHERE consumer_request_id = NEW.id
                   AND state NOT IN ('proved', 'void', 'stopped'))) THEN
        RAISE EXCEPTION 'a deletion is complete when it is proved'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_frozen BEFORE UPDATE ON requests_app_consumerrequest
    FOR EACH ROW EXECUTE FUNCTION requests_app_request_frozen();
"""
THAW_REQUEST = """
DROP TRIGGER request_frozen ON requests_app_consumerrequest;
DROP FUNCTION requests_app_request_frozen();
"""

# A plan never changes; only its state and moments do. Its keys can be taken away, never changed.
FROZEN_PLAN = """
CREATE FUNCTION requests_app_plan_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.consumer_request_id, NEW.parent_id, NEW.system_key, NEW.map_version_id, NEW.map_digest,
        NEW.version, NEW.people, NEW.summary, NEW.hash, NEW.rows, NEW.rows_per_person, NEW.share,
        NEW.sensitive, NEW.above_ceiling, NEW.undecided, NEW.approvals_needed, NEW.built_at)
        IS DISTINCT FROM
       (OLD.consumer_request_id, OLD.parent_id, OLD.system_key, OLD.map_version_id, OLD.map_digest,
        OLD.version, OLD.people, OLD.summary, OLD.hash, OLD.rows, OLD.rows_per_person, OLD.share,
        OLD.sensitive, OLD.above_ceiling, OLD.undecided, OLD.approvals_needed, OLD.built_at)
       OR (OLD.asked_by_id IS NOT NULL AND NEW.asked_by_id IS DISTINCT FROM OLD.asked_by_id
           AND OLD.state NOT IN ('void', 'stopped')) THEN
        RAISE EXCEPTION 'a plan is frozen; build another' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_frozen BEFORE UPDATE ON requests_app_plan
    FOR EACH ROW EXECUTE FUNCTION requests_app_plan_frozen();
CREATE FUNCTION requests_app_plantable_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM requests_app_plan WHERE id = NEW.plan_id
                   AND NOT (state = 'frozen' OR state = 'executing' AND parent_id IS NOT NULL)) THEN
            RAISE EXCEPTION 'nothing is added to a plan' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a plan is frozen; build another' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER plantable_frozen BEFORE INSERT OR UPDATE ON requests_app_plantable
    FOR EACH ROW EXECUTE FUNCTION requests_app_plantable_frozen();
"""
THAW_PLAN = """
DROP TRIGGER plantable_frozen ON requests_app_plantable;
DROP FUNCTION requests_app_plantable_frozen();
DROP TRIGGER plan_frozen ON requests_app_plan;
DROP FUNCTION requests_app_plan_frozen();
"""

# An approval is one person's word about one hash: not the verifier's, not the asker's, never edited.
APPROVALS = """
CREATE FUNCTION requests_app_approval_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'an approval stays as it was given' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM requests_app_plan plan
        LEFT JOIN requests_app_consumerrequest asked ON asked.id = plan.consumer_request_id
        JOIN ccpa_office_staffmember member ON member.id = NEW.by_id AND member.is_active
        WHERE plan.id = NEW.plan_id AND plan.state = 'frozen' AND plan.hash = NEW.hash
          AND plan.undecided = 0
          AND plan.asked_by_id IS DISTINCT FROM NEW.by_id
          AND asked.verified_by_id IS DISTINCT FROM NEW.by_id
          AND asked.opened_by_id IS DISTINCT FROM NEW.by_id
          AND EXISTS (SELECT FROM ccpa_office_staffmember_groups held
                      JOIN auth_group role ON role.id = held.group_id
                      WHERE held.staffmember_id = NEW.by_id AND role.name IN ('approver', 'chief'))
          AND NOT EXISTS (SELECT FROM ccpa_office_stafftouch touch
                          WHERE touch.member_id = NEW.by_id AND touch.confirmed_at IS NULL
                            AND touch.at > ccpa_now() - interval '72 hours')) THEN
        RAISE EXCEPTION 'this person cannot approve this plan'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approval_counts BEFORE INSERT OR UPDATE OR DELETE ON requests_app_approval
    FOR EACH ROW EXECUTE FUNCTION requests_app_approval_counts();
"""
NO_APPROVALS = """
DROP TRIGGER approval_counts ON requests_app_approval;
DROP FUNCTION requests_app_approval_counts();
"""

# Nothing is carried out without the approvals of exactly this hash, the cool-off, a living request.
EXECUTION = """
CREATE FUNCTION requests_app_plan_executes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given integer;
    batch requests_app_batch%ROWTYPE;
BEGIN
    IF NEW.state NOT IN ('executing', 'proved') THEN
        RETURN NEW;
    END IF;
    IF NEW.state = 'proved' THEN
        IF TG_OP = 'INSERT' OR OLD.state NOT IN ('executing', 'proved') THEN
            RAISE EXCEPTION 'only what was carried out can be proved'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'executing' THEN
        RETURN NEW;
    END IF;
    IF NEW.parent_id IS NOT NULL THEN
        IF NEW.rows + (SELECT coalesce(sum(other.rows), 0) FROM requests_app_plan other
            WHERE other.parent_id = NEW.parent_id AND other.state <> 'void')
            > 20 * NEW.people OR NOT EXISTS (
            SELECT FROM requests_app_plan parent WHERE parent.id = NEW.parent_id
            AND parent.state = 'executing' AND parent.chunk_id = NEW.chunk_id) THEN
            RAISE EXCEPTION 'this supplement is not covered' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' OR OLD.state <> 'approved' OR NEW.executable_at IS NULL
       OR NEW.executable_at > ccpa_now() OR NEW.chunk_id IS NULL THEN
        RAISE EXCEPTION 'this plan may not be carried out now'
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT b.* INTO batch FROM requests_app_batch b
        JOIN requests_app_chunk c ON c.batch_id = b.id WHERE c.id = NEW.chunk_id;
    SELECT count(DISTINCT by_id) INTO given FROM requests_app_approval
        WHERE plan_id = NEW.id AND hash = NEW.hash;
    IF batch.kind = 'due' AND given < greatest(NEW.approvals_needed, 1,
            CASE WHEN NEW.above_ceiling THEN 2 ELSE 1 END) THEN
        RAISE EXCEPTION 'this plan is not approved' USING ERRCODE = 'restrict_violation';
    END IF;
    IF batch.kind = 'due' AND NOT EXISTS (
        SELECT FROM requests_app_consumerrequest WHERE id = NEW.consumer_request_id
        AND status IN ('approved', 'executing')) THEN
        RAISE EXCEPTION 'the request does not stand for it' USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT count(DISTINCT by_id) INTO given FROM requests_app_batchapproval
        WHERE batch_id = batch.id AND hash = batch.hash;
    IF batch.state <> 'running' OR given < batch.approvals_needed
       OR (batch.people > batch.ceiling AND given < 2)
       OR (batch.kind <> 'due' AND given < 1) THEN
        RAISE EXCEPTION 'this batch is not approved' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_executes BEFORE INSERT OR UPDATE ON requests_app_plan
    FOR EACH ROW EXECUTE FUNCTION requests_app_plan_executes();
"""
NO_EXECUTION = """
DROP TRIGGER plan_executes ON requests_app_plan;
DROP FUNCTION requests_app_plan_executes();
"""

BATCH_APPROVALS = """
CREATE FUNCTION requests_app_batchapproval_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'an approval stays as it was given' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM requests_app_batch batch
        JOIN ccpa_office_staffmember member ON member.id = NEW.by_id AND member.is_active
        WHERE batch.id = NEW.batch_id AND batch.state = 'waiting' AND batch.hash = NEW.hash
          AND batch.opened_by_id IS DISTINCT FROM NEW.by_id
          AND EXISTS (SELECT FROM ccpa_office_staffmember_groups held
                      JOIN auth_group role ON role.id = held.group_id
                      WHERE held.staffmember_id = NEW.by_id AND role.name IN ('approver', 'chief'))
          AND NOT EXISTS (SELECT FROM ccpa_office_stafftouch touch
                          WHERE touch.member_id = NEW.by_id AND touch.confirmed_at IS NULL
                            AND touch.at > ccpa_now() - interval '72 hours')
          AND NOT EXISTS (
            SELECT FROM requests_app_consumerrequest asked
            JOIN requests_app_plan plan ON plan.consumer_request_id = asked.id
            JOIN requests_app_chunk chunk ON chunk.id = plan.chunk_id
            WHERE chunk.batch_id = batch.id AND asked.verified_by_id = NEW.by_id)) THEN
        RAISE EXCEPTION 'this person cannot approve this batch'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER batchapproval_counts BEFORE INSERT OR UPDATE OR DELETE ON requests_app_batchapproval
    FOR EACH ROW EXECUTE FUNCTION requests_app_batchapproval_counts();
"""
NO_BATCH_APPROVALS = """
DROP TRIGGER batchapproval_counts ON requests_app_batchapproval;
DROP FUNCTION requests_app_batchapproval_counts();
"""

RECEIPTS = """
CREATE FUNCTION requests_app_receipt_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a receipt stays as it was written' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER receipt_stays BEFORE UPDATE OR DELETE ON requests_app_receipt
    FOR EACH ROW EXECUTE FUNCTION requests_app_receipt_stays();
"""
NO_RECEIPTS = """
DROP TRIGGER receipt_stays ON requests_app_receipt;
DROP FUNCTION requests_app_receipt_stays();
"""

# Nothing is asked outside but for a plan that is carried out; what was asked and answered stays.
OUTSIDE = """
CREATE FUNCTION requests_app_outside_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM requests_app_plan WHERE id = NEW.plan_id AND state = 'executing') THEN
        RAISE EXCEPTION 'this plan is not carried out' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outside_asked BEFORE INSERT ON requests_app_outsidetask
    FOR EACH ROW EXECUTE FUNCTION requests_app_outside_asked();
CREATE FUNCTION requests_app_outside_call_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.task_id, NEW.step, NEW.key, NEW.question) IS DISTINCT FROM
       (OLD.task_id, OLD.step, OLD.key, OLD.question) OR NEW.tries < OLD.tries - 1
       OR OLD.means IN ('done', 'nothing') THEN
        RAISE EXCEPTION 'a call outside stays as it was' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outside_call_stays BEFORE UPDATE ON requests_app_outsidecall
    FOR EACH ROW EXECUTE FUNCTION requests_app_outside_call_stays();
"""
NO_OUTSIDE = """
DROP TRIGGER outside_call_stays ON requests_app_outsidecall;
DROP FUNCTION requests_app_outside_call_stays();
DROP TRIGGER outside_asked ON requests_app_outsidetask;
DROP FUNCTION requests_app_outside_asked();
"""

# A correction is what was proposed; it is approved by another than who proposed it or verified.
CORRECTIONS = """
CREATE FUNCTION requests_app_correction_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.stage <> 'proposed' THEN
        RAISE EXCEPTION 'a correction is proposed first' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (
        (NEW.consumer_request_id, NEW.system_key, NEW.map_version_id, NEW.collection, NEW.field,
         NEW.row, NEW.before, NEW.after, NEW.proposed_by_id) IS DISTINCT FROM
        (OLD.consumer_request_id, OLD.system_key, OLD.map_version_id, OLD.collection, OLD.field,
         OLD.row, OLD.before, OLD.after, OLD.proposed_by_id)
        OR OLD.stage NOT IN ('proposed', 'approved') AND NEW.stage <> OLD.stage
        OR OLD.stage = 'approved' AND NEW.stage NOT IN ('approved', 'done', 'changed')
        OR OLD.stage = 'proposed' AND NEW.stage NOT IN ('proposed', 'approved', 'refused')) THEN
        RAISE EXCEPTION 'a correction is what was proposed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.stage = 'approved' AND OLD.stage = 'proposed' AND NOT EXISTS (
        SELECT FROM requests_app_consumerrequest asked
        JOIN ccpa_office_staffmember member ON member.id = NEW.approved_by_id AND member.is_active
        WHERE asked.id = NEW.consumer_request_id AND asked.kind = 'correct'
          AND asked.status = 'verified' AND asked.level_reached >= asked.level_required
          AND asked.verified_by_id IS DISTINCT FROM NEW.approved_by_id
          AND asked.opened_by_id IS DISTINCT FROM NEW.approved_by_id
          AND EXISTS (SELECT FROM ccpa_office_staffmember_groups held
                      JOIN auth_group role ON role.id = held.group_id
                      WHERE held.staffmember_id = member.id AND role.name IN ('approver', 'chief'))
          AND NOT EXISTS (SELECT FROM ccpa_office_stafftouch touch
                          WHERE touch.member_id = member.id AND touch.confirmed_at IS NULL
                            AND touch.at > ccpa_now() - interval '72 hours')) THEN
        RAISE EXCEPTION 'this person cannot approve this correction'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER correction_counts BEFORE INSERT OR UPDATE ON requests_app_correction
    FOR EACH ROW EXECUTE FUNCTION requests_app_correction_counts();
"""
NO_CORRECTIONS = """
DROP TRIGGER correction_counts ON requests_app_correction;
DROP FUNCTION requests_app_correction_counts();
"""

# A package is what was built; it is handed over by another person than who verified, asked for it,
# looked it through, or took the request in, and only to the contact on file that confirmed (VR-28).
PACKAGES = """
CREATE FUNCTION requests_app_package_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.stage <> 'build' AND NEW.stage <> 'destroyed' AND
       (NEW.consumer_request_id, NEW.version, NEW.content, NEW.given, NEW.data_key_id, NEW.file,
        NEW.size, NEW.hash, NEW.summary, NEW.built_at, NEW.asked_by_id) IS DISTINCT FROM
       (OLD.consumer_request_id, OLD.version, OLD.content, OLD.given, OLD.data_key_id, OLD.file,
        OLD.size, OLD.hash, OLD.summary, OLD.built_at, OLD.asked_by_id) THEN
        RAISE EXCEPTION 'a package is what was built; build another'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.stage = 'released' AND TG_OP = 'UPDATE' AND OLD.stage = 'released' AND
       (NEW.contact_id, NEW.prepared_by_id, NEW.released_by_id, NEW.released_at, NEW.expires_at)
        IS DISTINCT FROM
       (OLD.contact_id, OLD.prepared_by_id, OLD.released_by_id, OLD.released_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'a package is handed over once' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.stage <> 'released' OR TG_OP = 'UPDATE' AND OLD.stage = 'released' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' OR OLD.stage <> 'proposed' OR NOT EXISTS (
        SELECT FROM requests_app_consumerrequest asked
        JOIN ccpa_office_staffmember member ON member.id = NEW.released_by_id AND member.is_active
        WHERE asked.id = NEW.consumer_request_id AND asked.status = 'collected'
          AND asked.level_reached >= asked.level_required
          AND (NEW.content = 'categories' OR asked.level_reached = 'reasonably-high')
          AND asked.verified_at > NEW.released_at - interval '30 days'
          AND asked.verified_by_id IS DISTINCT FROM NEW.released_by_id
          AND asked.opened_by_id IS DISTINCT FROM NEW.released_by_id
          AND NEW.asked_by_id IS DISTINCT FROM NEW.released_by_id
          AND EXISTS (SELECT FROM requests_app_identifier contact
                      JOIN requests_app_link link ON link.contact_id = contact.id
                      WHERE contact.id = NEW.contact_id AND contact.source = 'on-file'
                        AND contact.consumer_request_id = asked.id
                        AND link.purpose = 'confirm' AND link.used_at IS NOT NULL)
          AND EXISTS (SELECT FROM ccpa_office_staffmember_groups held
                      JOIN auth_group role ON role.id = held.group_id
                      WHERE held.staffmember_id = member.id AND role.name IN ('approver', 'chief'))
          AND NOT EXISTS (SELECT FROM ccpa_office_stafftouch touch
                          WHERE touch.member_id = member.id AND touch.confirmed_at IS NULL
                            AND touch.at > ccpa_now() - interval '72 hours')) THEN
        RAISE EXCEPTION 'this person cannot hand this package over'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER package_counts BEFORE INSERT OR UPDATE ON requests_app_package
    FOR EACH ROW EXECUTE FUNCTION requests_app_package_counts();
"""
NO_PACKAGES = """
DROP TRIGGER package_counts ON requests_app_package;
DROP FUNCTION requests_app_package_counts();
"""

WORK_TABLES = ("package", "correction", "step", "message", "chunk", "look", "linkasked", "outsidetask", "outsidelook")

# Sealed columns are never looked at by the planner, so no value can end in its statistics.
SEALED = {
    "consumerrequest": ["ground_detail"],
    "identifier": ["value"],
    "message": ["recipient", "facts", "text", "html"],
    "note": ["text"],
    "declaration": ["typed_name"],
    "package": ["samples", "answer"],
    "correction": ["row", "before", "after"],
    "plan": ["subjects"],
    "plantable": ["keys", "persons"],
    "kept": ["person"],
    "outsidetask": ["records", "note"],
    "outsidecall": ["ticket"],
    "outsideevidence": ["content"],
}


def _statistics(target: int) -> str:
    return "".join(
        f"ALTER TABLE requests_app_{table} ALTER COLUMN {column} SET STATISTICS {target};\n"
        for table, columns in SEALED.items()
        for column in columns
    )


# A reference is checked at its statement, not at the end: a mistake is known where it is made.
IMMEDIATE = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT conrelid::regclass AS on_table, conname FROM pg_constraint
        WHERE contype = 'f' AND condeferrable AND conrelid::regclass::text LIKE 'requests_app_%' LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE',
                       found.on_table, found.conname);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    """The second line of defense behind the verbs."""

    dependencies = [
        ("requests_app", "0001_initial"),
        ("ccpa_office", "0002_the_book_and_the_staff"),
    ]
    operations = [
        migrations.RunSQL(FROZEN_REQUEST, THAW_REQUEST),
        migrations.RunSQL(FROZEN_PLAN, THAW_PLAN),
        migrations.RunSQL(APPROVALS, NO_APPROVALS),
        migrations.RunSQL(EXECUTION, NO_EXECUTION),
        migrations.RunSQL(BATCH_APPROVALS, NO_BATCH_APPROVALS),
        migrations.RunSQL(RECEIPTS, NO_RECEIPTS),
        migrations.RunSQL(PACKAGES, NO_PACKAGES),
        migrations.RunSQL(CORRECTIONS, NO_CORRECTIONS),
        migrations.RunSQL(OUTSIDE, NO_OUTSIDE),
        migrations.RunSQL(IMMEDIATE, migrations.RunSQL.noop),
        migrations.RunSQL(_statistics(0), _statistics(-1)),
        *(
            migrations.RunSQL(
                work.notify_trigger_sql(f"requests_app_{table}"),
                work.notify_trigger_reverse_sql(f"requests_app_{table}"),
            )
            for table in WORK_TABLES
        ),
    ]
