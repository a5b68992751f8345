"""The rows of the second floor, one file a subject."""

from requests_app.models.fulfillment import (
    Approval,
    Batch,
    BatchApproval,
    BatchState,
    Chunk,
    Finding,
    Look,
    Plan,
    PlanState,
    PlanTable,
    Receipt,
    Switch,
)
from requests_app.models.parties import Identifier, IdentifierSource
from requests_app.models.request import (
    CLOSED,
    ERASURE,
    VERIFICATION,
    Channel,
    ConsumerRequest,
    Outcome,
    Status,
)
from requests_app.models.suppression import Suppression
from requests_app.models.verification import (
    Declaration,
    EvidencePoint,
    Link,
    LinkAsked,
    LinkPurpose,
)
from requests_app.models.work import Delivery, Message, Note, Step, StepKind

__all__ = [
    "CLOSED",
    "ERASURE",
    "VERIFICATION",
    "Approval",
    "Batch",
    "BatchApproval",
    "BatchState",
    "Channel",
    "Chunk",
    "ConsumerRequest",
    "Declaration",
    "Delivery",
    "EvidencePoint",
    "Finding",
    "Identifier",
    "IdentifierSource",
    "Link",
    "LinkAsked",
    "LinkPurpose",
    "Look",
    "Message",
    "Note",
    "Outcome",
    "Plan",
    "PlanState",
    "PlanTable",
    "Receipt",
    "Status",
    "Step",
    "StepKind",
    "Suppression",
    "Switch",
]
