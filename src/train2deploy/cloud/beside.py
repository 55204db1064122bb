"""`make cloud-deploy B=<package>`: a second variant beside the first, or in its shadow.

The first one goes on answering. A variant that comes or goes makes an update without deployment
guardrails: on AWS these want the same variants before and after, so no alarm watches it. It is
blue/green all the same, and what fails to start changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions

from train2deploy import console, package_lint
from train2deploy.cloud import (
    alarms,
    configuration,
    deploy,
    endpoints,
    guards,
    plan,
    proof,
    refusals,
    storage,
)
from train2deploy.cloud.session import Cloud, message
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError
from train2deploy.requests import Request

SECOND = "B"  # the name of the second variant
OF_A_VARIANT, OF_A_SHADOW = 0.1, 1.0
"""The share of the requests that is its own, or copied to it, where WEIGHT is not given."""


@dataclass(frozen=True)
class Wish:
    """A second package, and what it is to get."""

    package: Path
    weight: float | None = None  # its share of the requests; None where it is not given
    shadow: bool = False  # it gets copies and answers nobody


def put(
    cloud: Cloud,
    wish: Wish,
    approval: plan.Approval,
    request: Request | None = None,
    options: deploy.Options = deploy.AS_IT_IS,
) -> None:
    """Has the endpoint serve a second package, too, and proves that it answers.

    Raises:
        UserError: there is no endpoint of ours, or AWS takes no such variant.
        CloudError: it did not come into service; what was made for it is removed.
    """
    if not wish.package.is_file():
        raise UserError(f"B={wish.package}: expected a package (model.tar.gz), found none.")
    package_lint.check(wish.package)
    cloud.check_bucket()
    name = cloud.config.endpoint_name
    endpoint = in_service(cloud)
    deployment = _prepare(cloud, endpoint, wish, options)
    plan.ask(cloud, _planned(cloud, deployment, wish, options), approval)
    storage.upload_file(cloud, wish.package, "models", deployment.sha256)
    with deploy.undone_on_failure(cloud, deployment, endpoint["EndpointConfigName"]):
        endpoints.create(cloud.sagemaker.create_model, deployment.model)
        change(cloud, endpoint, deployment)
        if not wish.shadow:
            proof.ask(cloud, request, wish.package, SECOND)
    endpoints.remove_unused(cloud, name, keep=deployment.config_name)
    guards.set_expiry(cloud, name, options.expires)
    said = "gets copies of requests and answers nobody" if wish.shadow else "answers its share"
    console.say(
        f"endpoint {name}: variant {SECOND} {said}; `make cloud-compare` compares the two,"
        " `make cloud-promote` ends one of them"
    )


def in_service(cloud: Cloud) -> dict[str, Any]:
    """The endpoint; raises UserError where there is none of ours that answers."""
    name = cloud.config.endpoint_name
    endpoint, _ = endpoints.in_service(cloud)
    if not endpoints.is_ours(cloud, "endpoint", name):
        raise UserError(
            f"endpoint {name}: it does not belong to project {cloud.config.project} (no such tag),"
            " so it is left alone."
        )
    return endpoint


def change(cloud: Cloud, endpoint: Mapping[str, Any], deployment: deploy.Deployment) -> None:
    """One update to a configuration that has other variants, and what comes of it."""
    name, config = endpoint["EndpointName"], deployment.config_name
    endpoints.create(cloud.sagemaker.create_endpoint_config, deployment.config)
    if endpoint["EndpointConfigName"] == config:
        console.say(f"endpoint {name} has these variants already")
        return
    try:
        cloud.sagemaker.update_endpoint(
            EndpointName=name,
            EndpointConfigName=config,
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=[
                {"VariantPropertyType": "DesiredWeight"},
                {"VariantPropertyType": "DataCaptureConfig"},
            ],
        )
    except botocore.exceptions.ClientError as error:
        if "in-progress" not in message(error):
            raise refusals.refused(cloud, error, "ENDPOINT_INSTANCE_TYPE") from error
    deploy.wait(cloud, name, deployment)
    alarms.put(cloud, name, deployment.variant, config)


def _prepare(
    cloud: Cloud, endpoint: dict[str, Any], wish: Wish, options: deploy.Options
) -> deploy.Deployment:
    model = configuration.model(cloud, wish.package)
    current = configuration.in_force(cloud, endpoint)
    capture = options.capture
    if wish.shadow and capture is None and "DataCaptureConfig" not in current:
        capture = 100  # a shadow's answers are nowhere else
    config = _with_second(current, configuration.served(cloud, model.name), wish)
    request = configuration.request(cloud, configuration.captured(cloud, config, capture))
    return deploy.Deployment(model.sha256, model.uri, model.request, request, 0, False)


def _with_second(current: dict[str, Any], served: dict[str, Any], wish: Wish) -> dict[str, Any]:
    """A configuration with the second variant, in place of an earlier one."""
    kept = {key: value for key, value in current.items() if key != "ShadowProductionVariants"}
    first, *others = kept["ProductionVariants"]
    others = [each for each in others if each["VariantName"] != SECOND]
    share = OF_A_SHADOW if wish.shadow else OF_A_VARIANT
    share = share if wish.weight is None else wish.weight
    second = {"VariantName": SECOND, **served, "InitialVariantWeight": share}
    if not wish.shadow:
        first = first | {"InitialVariantWeight": round(1.0 - share, 6)}
        return {**kept, "ProductionVariants": [first, second, *others]}
    if others:
        raise UserError(
            f"SHADOW=1: the endpoint has the variants {first['VariantName']} and"
            f" {', '.join(each['VariantName'] for each in others)}, and AWS takes a shadow of one"
            " variant alone. Run `make cloud-promote VARIANT=…` first."
        )
    first = first | {"InitialVariantWeight": 1.0}
    return {**kept, "ProductionVariants": [first], "ShadowProductionVariants": [second]}


def _planned(
    cloud: Cloud, deployment: deploy.Deployment, wish: Wish, options: deploy.Options
) -> plan.Plan:
    settings, config = cloud.config, deployment.config
    result = plan.Plan(f"cloud-deploy B={wish.package}")
    result.add("S3 object", deployment.data_uri)
    result.add("model", deployment.model_name)
    result.add("endpoint configuration", deployment.config_name)
    second = next(each for each in endpoints.variants(config) if each["VariantName"] == SECOND)
    share = f"{second['InitialVariantWeight']:.0%} of the requests"
    remark = f"in the shadow, copies of {share}" if wish.shadow else share
    result.add("variant", f"{SECOND} of endpoint {settings.endpoint_name}", remark)
    for row in configuration.capture_rows(config):
        result.add(*row)
    kind, count = settings.endpoint_instance_type, settings.endpoint_instance_count
    result.costs.append(prices.cost(settings, kind, count, guards.hours(cloud, options.expires)))
    return result
