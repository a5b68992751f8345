"""The data categories that fideslang ships with, and what each usually is in the Act's words."""

from ccpa_office.law.vocabulary import Category, NeverDisclosed, Sensitive

USUAL: dict[str, Category | None] = {
    "user": Category.PI_A,
    "user.account": Category.PI_A,
    "user.account.settings": Category.PI_A,
    "user.account.username": Category.PI_A,
    "user.authorization": Category.PI_A,
    "user.authorization.biometric": Category.PI_E,
    "user.authorization.credentials": Category.PI_A,
    "user.authorization.password": Category.PI_A,
    "user.behavior": Category.PI_F,
    "user.behavior.browsing_history": Category.PI_F,
    "user.behavior.media_consumption": Category.PI_F,
    "user.behavior.purchase_history": Category.PI_D,
    "user.behavior.search_history": Category.PI_F,
    "user.biometric": Category.PI_E,
    "user.biometric.fingerprint": Category.PI_E,
    "user.biometric.health": Category.PI_E,
    "user.biometric.retinal": Category.PI_E,
    "user.biometric.voice": Category.PI_E,
    "user.childrens": Category.PI_A,
    "user.contact": Category.PI_A,
    "user.contact.address": Category.PI_A,
    "user.contact.address.city": Category.PI_A,
    "user.contact.address.country": Category.PI_A,
    "user.contact.address.postal_code": Category.PI_A,
    "user.contact.address.state": Category.PI_A,
    "user.contact.address.street": Category.PI_A,
    "user.contact.email": Category.PI_A,
    "user.contact.fax_number": Category.PI_A,
    "user.contact.organization": Category.PI_I,
    "user.contact.phone_number": Category.PI_A,
    "user.contact.url": Category.PI_A,
    "user.content": Category.PI_H,
    "user.content.private": Category.PI_H,
    "user.content.public": Category.PI_H,
    "user.content.self_image": Category.PI_H,
    "user.criminal_history": Category.PI_B,
    "user.demographic": Category.PI_C,
    "user.demographic.age_range": Category.PI_C,
    "user.demographic.date_of_birth": Category.PI_C,
    "user.demographic.gender": Category.PI_C,
    "user.demographic.language": Category.PI_C,
    "user.demographic.marital_status": Category.PI_C,
    "user.demographic.political_opinion": Category.PI_C,
    "user.demographic.profile": Category.PI_K,
    "user.demographic.race_ethnicity": Category.PI_C,
    "user.demographic.religious_belief": Category.PI_C,
    "user.demographic.sexual_orientation": Category.PI_C,
    "user.device": Category.PI_A,
    "user.device.cookie": Category.PI_A,
    "user.device.cookie_id": Category.PI_A,
    "user.device.device_id": Category.PI_A,
    "user.device.ip_address": Category.PI_A,
    "user.financial": Category.PI_B,
    "user.financial.bank_account": Category.PI_B,
    "user.financial.credit_card": Category.PI_B,
    "user.government_id": Category.PI_A,
    "user.government_id.birth_certificate": Category.PI_A,
    "user.government_id.drivers_license_number": Category.PI_A,
    "user.government_id.immigration": Category.PI_A,
    "user.government_id.national_identification_number": Category.PI_A,
    "user.government_id.passport_number": Category.PI_A,
    "user.government_id.vehicle_registration": Category.PI_A,
    "user.health_and_medical": Category.PI_B,
    "user.health_and_medical.genetic": Category.PI_L,
    "user.health_and_medical.insurance_beneficiary_id": Category.PI_B,
    "user.health_and_medical.record_id": Category.PI_B,
    "user.job_title": Category.PI_I,
    "user.location": Category.PI_G,
    "user.location.imprecise": Category.PI_G,
    "user.location.precise": Category.PI_G,
    "user.name": Category.PI_A,
    "user.name.first": Category.PI_A,
    "user.name.last": Category.PI_A,
    "user.payment": Category.PI_B,
    "user.privacy_preferences": Category.PI_F,
    "user.sensor": Category.PI_H,
    "user.social": Category.PI_F,
    "user.telemetry": Category.PI_F,
    "user.unique_id": Category.PI_A,
    "user.unique_id.pseudonymous": Category.PI_A,
    "user.user_sensor": Category.PI_H,
    "user.workplace": Category.PI_I,
    "system": None,
    "system.authentication": None,
    "system.operations": None,
}
"""A reading: it proposes, and counts where a map gives a field no category of the Act itself.

Names of 2.x and 3.x; ``None`` is no personal information by itself.
"""

USUALLY_NEVER: dict[str, NeverDisclosed] = {
    "user.authorization.biometric": NeverDisclosed.ND_7,
    "user.authorization.credentials": NeverDisclosed.ND_5,
    "user.authorization.password": NeverDisclosed.ND_5,
    "user.biometric": NeverDisclosed.ND_7,
    "user.biometric.fingerprint": NeverDisclosed.ND_7,
    "user.biometric.retinal": NeverDisclosed.ND_7,
    "user.biometric.voice": NeverDisclosed.ND_7,
    "user.financial.bank_account": NeverDisclosed.ND_3,
    "user.financial.credit_card": NeverDisclosed.ND_3,
    "user.government_id": NeverDisclosed.ND_2,
    "user.government_id.drivers_license_number": NeverDisclosed.ND_2,
    "user.government_id.national_identification_number": NeverDisclosed.ND_1,
    "user.government_id.passport_number": NeverDisclosed.ND_2,
    "user.health_and_medical.insurance_beneficiary_id": NeverDisclosed.ND_4,
    "user.health_and_medical.record_id": NeverDisclosed.ND_4,
}
"""What an answer to know may not contain, by data category (11 CCR 7024(d))."""

USUALLY_SENSITIVE: dict[str, Sensitive] = {
    "user.biometric": Sensitive.SPI_2A,
    "user.biometric.fingerprint": Sensitive.SPI_2A,
    "user.biometric.retinal": Sensitive.SPI_2A,
    "user.content.private": Sensitive.SPI_1E,
    "user.demographic.race_ethnicity": Sensitive.SPI_1D,
    "user.demographic.religious_belief": Sensitive.SPI_1D,
    "user.demographic.sexual_orientation": Sensitive.SPI_2C,
    "user.government_id.drivers_license_number": Sensitive.SPI_1A,
    "user.government_id.national_identification_number": Sensitive.SPI_1A,
    "user.government_id.passport_number": Sensitive.SPI_1A,
    "user.health_and_medical": Sensitive.SPI_2B,
    "user.health_and_medical.genetic": Sensitive.SPI_1F,
    "user.location.precise": Sensitive.SPI_1C,
}
"""The kinds of sensitive information that a data category usually is (Civ. 1798.140(ae))."""


def usual(categories: list[str]) -> str | None:
    """Return the statutory category in which the first known data category usually falls.

    ``none`` where each of them is known and no personal information by itself.
    """
    found = [USUAL[each] for each in categories if each in USUAL]
    if found and len(found) == len(categories) and not any(found):
        return "none"
    return next((str(each.value) for each in found if each), None)
