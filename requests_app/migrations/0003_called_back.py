"""Packages that are called back, who gave shared rows, corrections whose request was closed."""

from django.db import migrations, models
from django.db.models import Q

# An approved correction is left alone when its request was closed or stopped meanwhile.
_CORRECTIONS = """
CREATE OR REPLACE FUNCTION requests_app_correction_counts() RETURNS trigger LANGUAGE plpgsql AS $$
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
        OR OLD.stage = 'approved' AND NEW.stage NOT IN (%s)
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
"""
LEFT = _CORRECTIONS % "'approved', 'done', 'changed', 'refused'"
NOT_LEFT = _CORRECTIONS % "'approved', 'done', 'changed'"

# Who gave rows that others reach too, in any version, hands none of them over.
GIVERS = """
CREATE FUNCTION requests_app_package_givers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM requests_app_package earlier
               WHERE earlier.consumer_request_id = NEW.consumer_request_id
                 AND earlier.given <> '[]'::jsonb AND earlier.asked_by_id = NEW.released_by_id) THEN
        RAISE EXCEPTION 'this person gave rows of others and cannot hand this package over'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER package_givers BEFORE UPDATE ON requests_app_package FOR EACH ROW
    WHEN (NEW.stage = 'released' AND OLD.stage <> 'released')
    EXECUTE FUNCTION requests_app_package_givers();
"""
NO_GIVERS = """
DROP TRIGGER package_givers ON requests_app_package;
DROP FUNCTION requests_app_package_givers();
"""


class Migration(migrations.Migration):
    """One more promise about packages, one about corrections, and a way to what is held."""

    dependencies = [("requests_app", "0002_what_the_database_never_allows")]
    operations = [
        migrations.RunSQL(LEFT, NOT_LEFT),
        migrations.RunSQL(GIVERS, NO_GIVERS),
        migrations.AddIndex(
            model_name="consumerrequest",
            index=models.Index(
                fields=["closed_at"],
                name="requests_called_back",
                condition=Q(hold="not-me", closed_at__isnull=False),
            ),
        ),
    ]
