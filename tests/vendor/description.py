"""The description of the fake vendor, and what differs between its kinds."""

BASE = """\
outside_system:
  name: Hazel Mail
  kind: http
  party: service_provider
  effect: keyed
  identifiers: [email]
  categories: [PI_A, PI_B]
  idempotency_header: Idempotency-Key
  auth:
    headers:
      Authorization: "Bearer {secret:api_token}"
  limits: {per_second: 100, at_once: 4, answer_bytes: 100000}
  find:
    method: GET
    path: /people
    query: {email: "{email}"}
    answers:
      - {status: 200, means: done}
      - {status: 404, means: nothing}
    records:
      items: $.people
      id: $.id
      owner: {email: $.email}
      next: $.next
  export:
    method: GET
    path: /export
    query: {email: "{email}"}
    answers:
      - {status: 200, means: done}
    records: {items: $.people, id: $.id, owner: {email: $.email}, next: $.next}
  delete:
    method: DELETE
    path: /people/{id}
    echo: $.id
    answers:
      - {status: 200, at: $.status, equals: deleted, means: done}
      - {status: 202, at: $.status, equals: accepted, means: pending, ticket: $.ticket}
      - {status: 204, means: done}
      - {status: 404, means: nothing}
      - {status: 409, means: refused}
  status:
    method: GET
    path: /jobs/{ticket}
    answers:
      - {status: 200, at: $.status, equals: deleted, means: done}
      - {status: 200, at: $.status, equals: corrected, means: done}
      - {status: 200, at: $.status, equals: pending, means: pending}
  correct:
    method: PATCH
    path: /people/{id}
    echo: $.id
    fields: {email: $.email, name: $.name}
    body: {"{field}": "{value}"}
    answers:
      - {status: 200, at: $.status, equals: corrected, means: done}
      - {status: 202, at: $.status, equals: accepted, means: pending, ticket: $.ticket}
      - {status: 204, means: done}
      - {status: 404, means: nothing}
      - {status: 409, means: refused}
"""
TOKENS = BASE.replace(
    """      Authorization: "Bearer {secret:api_token}"
""",
    """      Authorization: "Bearer {token}"
    token:
      path: /token
      body: {secret: "{secret:api_token}"}
      at: $.access_token
""",
)
WITHOUT_CORRECT = BASE[: BASE.index("  correct:")]
WITHOUT_ECHO = BASE.replace("    echo: $.id\n", "")


def of_effect(effect: str) -> str:
    """The same vendor, saying another thing of what a repeat means."""
    text = WITHOUT_ECHO.replace("effect: keyed", f"effect: {effect}")
    return (
        text if effect == "keyed" else text.replace("  idempotency_header: Idempotency-Key\n", "")
    )


BY_PHONE_TOO = (
    BASE.replace("identifiers: [email]", "identifiers: [phone_number, email]")
    .replace('query: {email: "{email}"}', 'query: {email: "{email}", phone: "{phone_number}"}')
    .replace("owner: {email: $.email}", "owner: {email: $.email, phone_number: $.phone}")
)
"""The same vendor, who knows people by their telephone as well."""


def by_address(text: str) -> str:
    """The same vendor, who deletes by the address itself and not by a record's id."""
    return text.replace("path: /people/{id}", "path: /people/{email}", 1)
