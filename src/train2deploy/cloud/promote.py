"""`make cloud-promote [VARIANT=…]`: one variant gets all requests, the others are removed."""

from typing import Any

from train2deploy import console, manifest, paths
from train2deploy.cloud import beside, configuration, deploy, endpoints, plan, storage
from train2deploy.cloud.session import Cloud, CloudError
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError

COMPARISON = paths.CLOUD_WORK / "comparison.json"  # what `make cloud-compare` found


def promote(cloud: Cloud, variant: str, approval: plan.Approval) -> None:
    """By one update. The winner goes on under the first variant's name, with its instances.

    Args:
        variant: A, B or a variant's name; "": the better one of the last comparison.

    Raises:
        UserError: there is one variant alone, or nothing says which is the better one.
        CloudError: the update did not come through; the endpoint is as it was.
    """
    endpoint = beside.in_service(cloud)
    config = configuration.in_force(cloud, endpoint)
    variants = {each["VariantName"]: each for each in endpoints.variants(config)}
    name, first = endpoint["EndpointName"], next(iter(variants))
    if len(variants) < 2:
        raise UserError(
            f"endpoint {name}: it has the variant {first} alone, so there is nothing to promote."
            " `make cloud-deploy B=<package>` puts another beside it."
        )
    chosen = _chosen(endpoint, list(variants), variant or _winner(endpoint))
    deploy.refuse_another_type_while_scaled(cloud, variants[chosen]["InstanceType"])
    deployment = _prepare(cloud, config, variants[chosen])
    removed = [each for each in variants if each != chosen]
    plan.ask(cloud, _planned(cloud, endpoint, deployment, chosen, removed), approval)
    with deploy.undone_on_failure(cloud, deployment, endpoint["EndpointConfigName"]):
        beside.change(cloud, endpoint, deployment)
        _prove(cloud, name, deployment)
    endpoints.remove_unused(cloud, name, keep=deployment.config_name)
    endpoints.remember(cloud, name, storage.sha256_of(cloud, deployment.data_uri))
    COMPARISON.unlink(missing_ok=True)
    console.say(
        f"endpoint {name}: what {chosen} served has all requests now, as variant {first};"
        f" {', '.join(removed)} removed"
    )


def _chosen(endpoint: dict[str, Any], variants: list[str], wanted: str) -> str:
    """The name of the variant that is meant: A is the first one, whatever its name."""
    if wanted not in variants and wanted == "A":
        return variants[0]
    if wanted not in variants:
        raise UserError(
            f"VARIANT={wanted}: expected A, or one of endpoint {endpoint['EndpointName']}:"
            f" {', '.join(variants)}."
        )
    return wanted


def _winner(endpoint: dict[str, Any]) -> str:
    """The better variant of the last comparison, if that was of what is served now."""
    found = manifest.read(COMPARISON) or {}
    same = ("EndpointArn", "EndpointConfigName")
    if any(found.get(key) != endpoint[key] for key in same):
        raise UserError(
            "VARIANT: expected one, as the variants that are served now have not been compared."
            " Run `make cloud-compare`, or give VARIANT=A or VARIANT=B."
        )
    if not found["better"]:
        raise UserError(
            f"VARIANT: expected one, as the last comparison found no difference beyond chance"
            f" (p = {found['mcnemar']['p']:.2g}). Give VARIANT=A or VARIANT=B."
        )
    return str(found["better"])


def _prepare(cloud: Cloud, config: dict[str, Any], winner: dict[str, Any]) -> deploy.Deployment:
    """The configuration of the winner alone. The first variant's name is what scaling hangs on."""
    first = config["ProductionVariants"][0]
    own = {key: value for key, value in winner.items() if key != "InitialInstanceCount"}
    only = {**first, **own, "VariantName": first["VariantName"], "InitialVariantWeight": 1.0}
    kept = {key: value for key, value in config.items() if key != "ShadowProductionVariants"}
    request = configuration.request(cloud, {**kept, "ProductionVariants": [only]})
    model = cloud.sagemaker.describe_model(ModelName=winner["ModelName"])
    uri = model["PrimaryContainer"]["ModelDataUrl"]
    return deploy.Deployment("", uri, model, request, 0, False)


def _planned(
    cloud: Cloud,
    endpoint: dict[str, Any],
    deployment: deploy.Deployment,
    chosen: str,
    removed: list[str],
) -> plan.Plan:
    result = plan.Plan("cloud-promote", replaces=endpoint["EndpointName"])
    only = deployment.config["ProductionVariants"][0]
    result.add("endpoint configuration", deployment.config_name)
    result.add("variant", only["VariantName"], f"all requests, with the model of {chosen}")
    for name in removed:
        if name != only["VariantName"]:
            result.add("removed", f"variant {name}")
    count = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    hours = cloud.config.endpoint_hours
    result.costs.append(prices.cost(cloud.config, only["InstanceType"], count, hours))
    return result


def _prove(cloud: Cloud, name: str, deployment: deploy.Deployment) -> None:
    """That the winner's model is the one that is served, by one variant."""
    found = configuration.in_force(cloud, endpoints.describe(cloud, name))
    models = [each["ModelName"] for each in endpoints.variants(found)]
    if models != [deployment.model_name]:
        raise CloudError(f"endpoint {name}: expected {deployment.model_name} alone, found {models}")
