"""The peer's HTTP interface, and what is set up through it: a store, its dataset, two policies."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

ROOT, SECRET = "bench", "bench-secret"  # a throw-away server's own
POLICIES = {"access": "b_access", "erasure": "b_erasure"}
ERASED = ("user.contact", "user.name", "user.financial", "user.sensor")
AT_ONCE = 50


class PeerRefused(Exception):
    """The peer answered with an error; the text is its own."""


@dataclass
class Interface:
    """The peer's interface as its administrator uses it."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def sign_in(self) -> None:
        """Take a token for the administrator of the configuration file."""
        form = {"client_id": ROOT, "client_secret": SECRET, "grant_type": "client_credentials"}
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/v1/oauth/token", data=urlencode(form).encode()
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            token = json.load(answer)["access_token"]
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any) -> Any:
        """Send JSON, return JSON; whatever failed raises ``PeerRefused``."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/v1{path}", method=method, headers=self.headers,
            data=json.dumps(body).encode(),
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            raise PeerRefused(f"{method} {path}: {error.read().decode()[:800]}") from None
        if isinstance(said, dict) and said.get("failed"):
            raise PeerRefused(f"{method} {path}: {str(said['failed'])[:800]}")
        return said

    def set_up(self, store: dict[str, Any], dataset: dict[str, Any]) -> None:
        """Register the store, its dataset, a place for packages, and a policy for each right."""
        key, name = "shop", dataset["fides_key"]
        kind = {"name": key, "key": key, "connection_type": "postgres", "access": "write"}
        self.call("PATCH", "/connection", [kind])
        self.call("PUT", f"/connection/{key}/secret", store)
        self.call("POST", "/dataset", dataset)
        pair = {"fides_key": name, "ctl_dataset_fides_key": name}
        self.call("PATCH", f"/connection/{key}/datasetconfig", [pair])
        place = {
            "name": "here", "key": "here", "type": "local", "format": "json",
            "details": {"naming": "request_id"},
        }  # fmt: skip
        self.call("PATCH", "/storage/config", [place])
        null = {"strategy": "null_rewrite", "configuration": {}}
        self._policy("erasure", list(ERASED), masking_strategy=null)
        self._policy("access", ["user"], storage_destination_key="here")

    def _policy(self, right: str, categories: list[str], **rule: Any) -> None:
        key = POLICIES[right]
        of_rule = f"{key}_rule"
        self.call("PATCH", "/dsr/policy", [{"name": key, "key": key}])
        whole = {"name": of_rule, "key": of_rule, "action_type": right, **rule}
        self.call("PATCH", f"/dsr/policy/{key}/rule", [whole])
        targets = [{"data_category": category} for category in categories]
        self.call("PATCH", f"/dsr/policy/{key}/rule/{of_rule}/target", targets)

    def ask(self, right: str, addresses: list[str]) -> list[str]:
        """Open a request for each address; their ids."""
        found = []
        for first in range(0, len(addresses), AT_ONCE):
            some = [
                {"identity": {"email": each}, "policy_key": POLICIES[right]}
                for each in addresses[first : first + AT_ONCE]
            ]
            answer = self.call("POST", "/privacy-request", some)
            found += [each["id"] for each in answer["succeeded"]]
        return found


def wait_until_up(interface: Interface, alive: Any, seconds: int) -> None:
    """Wait for the first answer; raises ``PeerRefused`` when it ends or takes too long."""
    until = time.monotonic() + seconds
    while not interface.is_up():
        if time.monotonic() > until or not alive():
            raise PeerRefused("the server did not start")
        time.sleep(1)
