"""The database itself refuses to change a notice in review or published."""

from typing import ClassVar

from django.db import migrations

GUARDS = r"""
CREATE FUNCTION notices_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same notices_app_noticeversion;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'a notice version begins as a draft';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'a notice version in review or published is kept';
        END IF;
        RETURN OLD;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (('draft', 'draft'), ('draft', 'in_review'),
            ('in_review', 'in_review'), ('in_review', 'draft'), ('in_review', 'published'),
            ('published', 'superseded')) THEN
        RAISE EXCEPTION 'a published notice version is never changed';
    END IF;
    same := OLD;
    same.status := NEW.status;
    IF OLD.status = 'published' THEN
        same.superseded_at := NEW.superseded_at;
    ELSE
        same.digest := NEW.digest;
        same.submitted_by_id := NEW.submitted_by_id;
        same.submitted_at := NEW.submitted_at;
        same.reviewed_by_id := NEW.reviewed_by_id;
        same.reviewed_at := NEW.reviewed_at;
        same.review_note := NEW.review_note;
        same.published_by_id := NEW.published_by_id;
        same.published_at := NEW.published_at;
    END IF;
    IF OLD.status <> 'draft' AND NEW IS DISTINCT FROM same THEN
        RAISE EXCEPTION 'only a draft of a notice can be edited';
    END IF;
    IF NEW.id <> OLD.id OR NEW.notice_id <> OLD.notice_id OR NEW.number <> OLD.number
            OR NEW.drafted_by_id <> OLD.drafted_by_id THEN
        RAISE EXCEPTION 'a notice version keeps its place, its number and its drafter';
    END IF;
    IF NEW.status = 'published' AND OLD.digest <> NEW.digest THEN
        RAISE EXCEPTION 'a notice is published with the words that were approved';
    END IF;
    IF NEW.reviewed_by_id IS NOT NULL AND EXISTS (
            SELECT FROM notices_app_noticeversion_authors
            WHERE noticeversion_id = NEW.id AND staffmember_id = NEW.reviewed_by_id) THEN
        RAISE EXCEPTION 'an author of a notice does not review it';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER notices_version_guard BEFORE INSERT OR UPDATE OR DELETE
ON notices_app_noticeversion FOR EACH ROW EXECUTE FUNCTION notices_version_guard();

-- What a version says may be written only while it is a draft. The share lock makes an edit and
-- a submission wait for each other.
CREATE FUNCTION notices_content_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb;
    version bigint;
    stands text;
BEGIN
    FOREACH row IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[to_jsonb(NEW)]
        WHEN 'DELETE' THEN ARRAY[to_jsonb(OLD)]
        ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)] END
    LOOP
        version := (row ->> TG_ARGV[0])::bigint;
        IF TG_NARGS > 1 THEN
            SELECT version_id INTO version FROM notices_app_noticeline WHERE id = version;
        END IF;
        SELECT status INTO stands FROM notices_app_noticeversion WHERE id = version FOR SHARE;
        IF stands IS DISTINCT FROM 'draft' THEN
            RAISE EXCEPTION 'only a draft of a notice can be edited';
        END IF;
    END LOOP;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;

-- The words of the vocabulary that stand in a version in review or out.
CREATE VIEW notices_app_words_in_use AS
SELECT 'source' AS kind, s.source_id AS term FROM notices_app_noticeline_sources s
    JOIN notices_app_noticeline l ON l.id = s.noticeline_id
    JOIN notices_app_noticeversion v ON v.id = l.version_id WHERE v.status <> 'draft'
UNION ALL SELECT 'purpose', p.purpose_id FROM notices_app_noticeline_purposes p
    JOIN notices_app_noticeline l ON l.id = p.noticeline_id
    JOIN notices_app_noticeversion v ON v.id = l.version_id WHERE v.status <> 'draft'
UNION ALL SELECT 'purpose', p.purpose_id FROM notices_app_noticeversion_purposes p
    JOIN notices_app_noticeversion v ON v.id = p.noticeversion_id WHERE v.status <> 'draft'
UNION ALL SELECT 'recipient', r.recipient_id FROM notices_app_linerecipient r
    JOIN notices_app_noticeline l ON l.id = r.line_id
    JOIN notices_app_noticeversion v ON v.id = l.version_id WHERE v.status <> 'draft'
UNION ALL SELECT 'recipient', r.recipient_id FROM notices_app_noticeversion_recipients r
    JOIN notices_app_noticeversion v ON v.id = r.noticeversion_id WHERE v.status <> 'draft';

CREATE FUNCTION notices_word_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE old_row jsonb := to_jsonb(OLD);
BEGIN
    IF TG_OP = 'UPDATE' AND old_row - ARRAY['active', 'instruction_email', 'language']
            = to_jsonb(NEW) - ARRAY['active', 'instruction_email', 'language']
            AND TG_ARGV[1] = 'id' THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT FROM notices_app_words_in_use
               WHERE kind = TG_ARGV[0] AND term = (old_row ->> TG_ARGV[1])::bigint) THEN
        RAISE EXCEPTION 'a word that stands in a notice is never changed';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION notices_note_guard() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
            SELECT FROM notices_app_noticeversion WHERE id = OLD.version_id AND status = 'draft') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a note on a finding is kept as it was written';
END $$;

CREATE TRIGGER notices_note_guard BEFORE UPDATE OR DELETE
ON notices_app_findingnote FOR EACH ROW EXECUTE FUNCTION notices_note_guard();
"""

CONTENT = {
    "noticeline": "'version_id'",
    "noticetext": "'version_id'",
    "noticestatement": "'version_id'",
    "noticeversion_purposes": "'noticeversion_id'",
    "noticeversion_recipients": "'noticeversion_id'",
    "noticeversion_authors": "'noticeversion_id'",
    "linewords": "'line_id', 'line'",
    "linerecipient": "'line_id', 'line'",
    "noticeline_sources": "'noticeline_id', 'line'",
    "noticeline_purposes": "'noticeline_id', 'line'",
}
WORDS = {
    "source": "'source', 'id'",
    "sourcename": "'source', 'term_id'",
    "purpose": "'purpose', 'id'",
    "purposename": "'purpose', 'term_id'",
    "recipient": "'recipient', 'id'",
    "recipientname": "'recipient', 'term_id'",
}


def _triggers() -> str:
    content = [
        f"CREATE TRIGGER notices_content_guard BEFORE INSERT OR UPDATE OR DELETE "
        f"ON notices_app_{table} FOR EACH ROW EXECUTE FUNCTION notices_content_guard({key});"
        for table, key in CONTENT.items()
    ]
    words = [
        f"CREATE TRIGGER notices_word_guard BEFORE UPDATE OR DELETE "
        f"ON notices_app_{table} FOR EACH ROW EXECUTE FUNCTION notices_word_guard({key});"
        for table, key in WORDS.items()
    ]
    return "\n".join([*content, *words])


UNGUARD = """
DROP FUNCTION notices_note_guard CASCADE;
DROP FUNCTION notices_word_guard CASCADE;
DROP FUNCTION notices_content_guard CASCADE;
DROP FUNCTION notices_version_guard CASCADE;
DROP VIEW notices_app_words_in_use;
"""


class Migration(migrations.Migration):
    """Triggers: a version, its lines, words and statements, and the vocabulary they use."""

    dependencies: ClassVar[list[tuple[str, str]]] = [("notices_app", "0001_initial")]
    operations: ClassVar[list[migrations.RunSQL]] = [
        migrations.RunSQL(GUARDS + _triggers(), UNGUARD)
    ]
