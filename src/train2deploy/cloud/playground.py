"""`make playground ENDPOINT=cloud|emulator`: the page in front of the deployed endpoint.

Credentials are boto3's, in this process; the page has none and never asks for any.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import botocore.exceptions

from train2deploy import endpoint, manifest, paths
from train2deploy.cloud import endpoints, inventory, invocations
from train2deploy.cloud.session import Cloud, CloudError, code, message
from train2deploy.cloud_settings import prices
from train2deploy.endpoint import Answer
from train2deploy.hashing import sha256_file
from train2deploy.playground import run
from train2deploy.playground.server import Server
from train2deploy.playground.sides import Package
from train2deploy.requests import Request
from train2deploy.runtimes.host import HOST

ANSWERING = ("InService", "Updating", "SystemUpdating", "RollingBack")


class Deployed:
    """A SageMaker endpoint, as playground.sides.Side."""

    def __init__(self, cloud: Cloud, package: Package) -> None:
        self.cloud, self.package = cloud, package

    def ask(self, body: bytes, content_type: str, accept: str) -> Answer:
        """See Side; what the model answered beside 200 comes as the model said it."""
        try:
            answer = invocations.call(self.cloud, Request(body, content_type, accept))
        except botocore.exceptions.ClientError as error:
            if code(error) == "ModelError" and "OriginalStatusCode" in error.response:
                said = str(error.response.get("OriginalMessage", ""))
                return Answer(int(error.response["OriginalStatusCode"]), "", said.encode())
            status = int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))
            return Answer(status, "", f"{code(error)}: {message(error)}".encode())
        except botocore.exceptions.BotoCoreError as error:
            return Answer(0, "", str(error).encode())
        return Answer(200, str(answer.get("ContentType", "")), answer["Body"].read())

    def tokens(self, body: bytes) -> Any:
        """See Side."""
        return self.package.tokens(body)

    def facts(self) -> Mapping[str, Any]:
        """For the page."""
        return {**self.package.facts(), "url": ""}


def playground(cloud: Cloud, port: int) -> None:
    """Serves the page until Ctrl-C."""
    name = cloud.config.endpoint_name
    cost = _cost(cloud, name)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(port))
        side = Deployed(cloud, _package(stack, name))
        about = {
            "kind": "emulator" if cloud.is_emulator else "cloud",
            "endpoint": name,
            "region": cloud.config.region,
            "emulator": cloud.emulator_url,
            "cost": cost,
        }
        run.serve(server, {"a": side}, about)


def _cost(cloud: Cloud, name: str) -> dict[str, Any]:
    """What the endpoint's instances cost; a call of one that stands costs nothing more."""
    found = endpoints.describe(cloud, name)
    if found is None or found["EndpointStatus"] not in ANSWERING:
        status = found["EndpointStatus"] if found else "nothing"
        raise CloudError(
            f"endpoint {name}: expected InService, found {status}. `make cloud-deploy` makes it."
        )
    used = inventory.instances(cloud, name)
    hours = [prices.cost(cloud.config, kind, count, 1.0).usd for kind, count in used]
    known = [usd for usd in hours if usd is not None]
    return {
        "instances": " + ".join(f"{count} × {kind}" for kind, count in used),
        "usd_an_hour": sum(known) if len(known) == len(hours) else None,
        "source": prices.source(cloud.config.region),
    }


def _package(stack: contextlib.ExitStack, name: str) -> Package:
    """build/model.tar.gz where it is what was deployed; else the page finds out what it can."""
    deployed, archive = manifest.read(paths.CLOUD_ENDPOINT) or {}, paths.MODEL_ARCHIVE
    wanted = deployed.get("model_sha256") if deployed.get("endpoint") == name else None
    if archive.exists() and sha256_file(archive) == wanted:
        if paths.SERVE_PYTHON.exists():
            return run.known(stack, archive, endpoint.unpacked_model(archive), HOST)
        return Package.of(paths.relative(archive), endpoint.unpacked_model(archive))
    return Package(name)
