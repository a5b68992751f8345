"""The fixed words of the Act: categories, purposes, sources, recipients. Codes never change."""

from collections.abc import Mapping, Set
from types import MappingProxyType

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.kinds import RequestKind


class Category(TextChoices):
    """The categories of personal information, Civ. 1798.140(v)(1)(A)-(L); terms by 1798.130(c)."""

    PI_A = "PI_A", _("Identifiers")
    PI_B = "PI_B", _("Customer record information (Civ. 1798.80(e))")
    PI_C = "PI_C", _("Characteristics of protected classifications")
    PI_D = "PI_D", _("Commercial information")
    PI_E = "PI_E", _("Biometric information")
    PI_F = "PI_F", _("Internet or other electronic network activity information")
    PI_G = "PI_G", _("Geolocation data")
    PI_H = "PI_H", _("Audio, electronic, visual, thermal, olfactory, or similar information")
    PI_I = "PI_I", _("Professional or employment-related information")
    PI_J = "PI_J", _("Education information")
    PI_K = "PI_K", _("Inferences drawn to create a profile")
    PI_L = "PI_L", _("Sensitive personal information")


class Sensitive(TextChoices):
    """The kinds of sensitive personal information, Civ. 1798.140(ae); 11 CCR 7001(bbb)."""

    SPI_1A = (
        "SPI_1A",
        _("Social security, driver's license, state identification or passport number"),
    )
    SPI_1B = "SPI_1B", _("Account log-in, financial account or card number, with means of access")
    SPI_1C = "SPI_1C", _("Precise geolocation")
    SPI_1D = (
        "SPI_1D",
        _(
            "Racial or ethnic origin, citizenship or immigration status, religious or "
            "philosophical beliefs, or union membership"
        ),
    )
    SPI_1E = "SPI_1E", _("Contents of mail, email and text messages meant for others")
    SPI_1F = "SPI_1F", _("Genetic data")
    SPI_1G = "SPI_1G", _("Neural data")
    SPI_2A = "SPI_2A", _("Biometric information processed to identify a consumer")
    SPI_2B = "SPI_2B", _("Information about health")
    SPI_2C = "SPI_2C", _("Information about sex life or sexual orientation")
    SPI_REG_U16 = "SPI_REG_U16", _("Information of consumers known to be under 16")


class BusinessPurpose(TextChoices):
    """The business purposes of Civ. 1798.140(e)(1)-(8)."""

    BP_1 = "BP_1", _("Auditing of ad impressions and of compliance")
    BP_2 = "BP_2", _("Security and integrity")
    BP_3 = "BP_3", _("Debugging to find and repair errors")
    BP_4 = "BP_4", _("Short-term, transient use")
    BP_5 = "BP_5", _("Performing services for the business")
    BP_6 = "BP_6", _("Advertising and marketing, except cross-context behavioral advertising")
    BP_7 = "BP_7", _("Internal research for technological development")
    BP_8 = "BP_8", _("Verifying, maintaining and improving quality or safety")


class LimitExempt(TextChoices):
    """Uses of sensitive personal information without a right to limit, 11 CCR 7027(m)(1)-(8)."""

    LM_1 = "LM_1", _("Providing what an average consumer expects")
    LM_2 = "LM_2", _("Preventing, detecting and investigating security incidents")
    LM_3 = "LM_3", _("Resisting malicious, deceptive, fraudulent or illegal acts")
    LM_4 = "LM_4", _("Physical safety of natural persons")
    LM_5 = "LM_5", _("Short-term, transient use")
    LM_6 = "LM_6", _("Services on behalf of the business")
    LM_7 = "LM_7", _("Quality or safety of the business's own products")
    LM_8 = "LM_8", _("Uses that do not infer characteristics about a consumer")


class NeverDisclosed(TextChoices):
    """What no answer to a request to know may contain, 11 CCR 7024(d): name the type instead."""

    ND_1 = "ND_1", _("Social security number")
    ND_2 = "ND_2", _("Driver's license or other government identification number")
    ND_3 = "ND_3", _("Financial account number")
    ND_4 = "ND_4", _("Health insurance or medical identification number")
    ND_5 = "ND_5", _("Account password")
    ND_6 = "ND_6", _("Security questions and answers")
    ND_7 = "ND_7", _("Unique biometric data from measurement or technical analysis")


class SourceCategory(TextChoices):
    """Categories of sources (11 CCR 7001); from ``DEVICES`` on, usual additions (reading)."""

    CONSUMER = "consumer", _("The consumer directly")
    AD_NETWORKS = "ad-networks", _("Advertising networks")
    INTERNET_PROVIDERS = "internet-providers", _("Internet service providers")
    ANALYTICS = "analytics", _("Data analytics providers")
    GOVERNMENT = "government", _("Government entities")
    PLATFORMS = "platforms", _("Operating systems and platforms")
    SOCIAL_NETWORKS = "social-networks", _("Social networks")
    DATA_BROKERS = "data-brokers", _("Data brokers")
    DEVICES = "devices", _("The consumer's devices")
    AFFILIATES = "affiliates", _("Affiliates")
    EMPLOYERS = "employers", _("Employers or sponsors")
    EDUCATION_PARTNERS = "education-partners", _("Educational partners")
    OTHER_USERS = "other-users", _("Other users")
    PAYMENT_AND_FRAUD = "payment-and-fraud", _("Payment and fraud prevention services")
    PUBLIC_RECORDS = "public-records", _("Public records")


class RecipientCategory(TextChoices):
    """Categories of third parties and other recipients (11 CCR 7001; the additions by reading)."""

    AD_NETWORKS = "ad-networks", _("Advertising networks")
    INTERNET_PROVIDERS = "internet-providers", _("Internet service providers")
    ANALYTICS = "analytics", _("Data analytics providers")
    GOVERNMENT = "government", _("Government entities")
    PLATFORMS = "platforms", _("Operating systems and platforms")
    SOCIAL_NETWORKS = "social-networks", _("Social networks")
    DATA_BROKERS = "data-brokers", _("Data brokers")
    AFFILIATES = "affiliates", _("Affiliates")
    EMPLOYERS = "employers", _("Employers or sponsors")
    EDUCATION_PARTNERS = "education-partners", _("Educational partners")
    OTHER_USERS = "other-users", _("Other users")
    PAYMENT_AND_FRAUD = "payment-and-fraud", _("Payment and fraud prevention services")
    RECRUITERS = "recruiters", _("Recruiters")
    RESELLERS = "resellers", _("Resellers")
    EVENT_PARTNERS = "event-partners", _("Event partners")
    SUCCESSORS = "successors", _("Successors of the business")
    LAW_ENFORCEMENT = "law-enforcement", _("Law enforcement")


class LegalRole(TextChoices):
    """What a recipient is in law, beside its category: Civ. 1798.140(ag), (j), (ai)."""

    SERVICE_PROVIDER = "service-provider", _("Service provider")
    CONTRACTOR = "contractor", _("Contractor")
    THIRD_PARTY = "third-party", _("Third party")


_ALWAYS_SENSITIVE = frozenset(
    {Category.PI_E.value, Category.PI_L.value, *(kind.value for kind in Sensitive)}
)
SENSITIVE_FOR: Mapping[RequestKind, frozenset[str]] = MappingProxyType(
    {
        RequestKind.DELETE: _ALWAYS_SENSITIVE - {Sensitive.SPI_1B.value},
        RequestKind.CORRECT: _ALWAYS_SENSITIVE,
    }
)
"""The codes that call for a reasonably high certainty (11 CCR 7062(d), reading).

The harm of a wrong deletion is the loss: a password or card number is no loss, so ``SPI_1B`` counts
for correction alone, where a changed account number leads a payment astray.
"""


def is_sensitive(kind: RequestKind, codes: Set[str]) -> bool:
    """Say whether what ``kind`` would touch calls for the higher certainty (11 CCR 7062(d))."""
    return not SENSITIVE_FOR.get(kind, frozenset()).isdisjoint(codes)
