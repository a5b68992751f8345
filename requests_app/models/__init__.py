"""The rows of the second floor, one file a subject."""

from requests_app.models.api import ApiClient
from requests_app.models.correction import (
    Correction,
    CorrectionLock,
    CorrectionLook,
    CorrectionStage,
    SaidRight,
    Seen,
)
from requests_app.models.drop import DropBatch, DropList, DropLook, DropOutcome, DropPiece
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
from requests_app.models.kept import Kept
from requests_app.models.listed import Listed
from requests_app.models.outside import (
    OutsideCall,
    OutsideEvidence,
    OutsideLink,
    OutsideLook,
    OutsideStage,
    OutsideState,
    OutsideTask,
    Said,
)
from requests_app.models.pace import Pace, Slowed
from requests_app.models.package import Download, Package, PackageCode, PackageStage
from requests_app.models.part import Part, PartSaid, PartStage
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
from requests_app.models.residue import ResidueState, Return, Sweep, SweptChunk, Trace
from requests_app.models.suppression import HostDigest, HostKey, Suppression
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
    "ApiClient",
    "Approval",
    "Batch",
    "BatchApproval",
    "BatchState",
    "Channel",
    "Chunk",
    "ConsumerRequest",
    "Correction",
    "CorrectionLock",
    "CorrectionLook",
    "CorrectionStage",
    "Declaration",
    "Delivery",
    "Download",
    "DropBatch",
    "DropList",
    "DropLook",
    "DropOutcome",
    "DropPiece",
    "EvidencePoint",
    "Finding",
    "HostDigest",
    "HostKey",
    "Identifier",
    "IdentifierSource",
    "Kept",
    "Link",
    "LinkAsked",
    "LinkPurpose",
    "Listed",
    "Look",
    "Message",
    "Note",
    "Outcome",
    "OutsideCall",
    "OutsideEvidence",
    "OutsideLink",
    "OutsideLook",
    "OutsideStage",
    "OutsideState",
    "OutsideTask",
    "Pace",
    "Package",
    "PackageCode",
    "PackageStage",
    "Part",
    "PartSaid",
    "PartStage",
    "Plan",
    "PlanState",
    "PlanTable",
    "Receipt",
    "ResidueState",
    "Return",
    "Said",
    "SaidRight",
    "Seen",
    "Slowed",
    "Status",
    "Step",
    "StepKind",
    "Suppression",
    "Sweep",
    "SweptChunk",
    "Switch",
    "Trace",
]
