"""What Application Auto Scaling asks SageMaker when a variant is registered with it.

The registration itself is moto's. Nothing here follows the load: an endpoint gets the
instances that its new bounds ask for at once, and then stays.
"""

import contextlib
import re
from typing import Any

from emulator.hosting_api import Endpoints
from emulator.protocol import ApiError, invalid

VARIANT = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
BURSTABLE = re.compile(r"ml\.t\d")


class Scaling:
    """The bounds of a variant's instance count."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def check(self, request: dict[str, Any]) -> None:
        """Raises ApiError where AWS would not take the registration."""
        if request.get("ServiceNamespace") != "sagemaker":
            return
        match = VARIANT.fullmatch(request.get("ResourceId", ""))
        counts = self._endpoints.counts(match.group(1)) if match else {}
        if match is None or match.group(2) not in counts:
            raise invalid(f"{request.get('ResourceId')}: no such endpoint or variant.")
        kind, _ = counts[match.group(2)]
        if BURSTABLE.match(kind):
            raise invalid(
                f"{request['ResourceId']}: {kind} is a burstable performance instance, which"
                " cannot be scaled automatically."
            )

    def apply(self, request: dict[str, Any]) -> None:
        """Brings the count between its bounds."""
        match = VARIANT.fullmatch(request.get("ResourceId", ""))
        if match is None or "MinCapacity" not in request or "MaxCapacity" not in request:
            return
        name, variant = match.groups()
        _, count = self._endpoints.counts(name)[variant]
        wanted = min(max(count, request["MinCapacity"]), request["MaxCapacity"])
        if wanted != count:
            wish = {"VariantName": variant, "DesiredInstanceCount": wanted}
            # One that is being updated is left alone, as its owner's affair.
            with contextlib.suppress(ApiError):
                self._endpoints.update_weights(
                    {"EndpointName": name, "DesiredWeightsAndCapacities": [wish]}
                )
