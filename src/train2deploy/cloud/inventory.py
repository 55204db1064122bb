"""`make cloud-status` and `make cloud-delete`: what the project has in the account."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import botocore.exceptions
from rich.table import Table

from train2deploy import console
from train2deploy.cloud import alarms, configuration, endpoints, follow, storage
from train2deploy.cloud.session import Cloud, CloudError, existing, not_there, say_account
from train2deploy.cloud_settings import names, prices

RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Kind:
    """How one kind of resource is listed and described."""

    title: str
    arn: str  # the kind's word in an ARN
    list_operation: str
    member: str  # of the list's answer
    name_key: str
    ends: bool = False  # whether such a thing ends by itself and then costs nothing (a job)


KINDS = (
    Kind("training job", "training-job", "list_training_jobs", "TrainingJobSummaries",
         "TrainingJobName", True),
    Kind("tuning job", "hyper-parameter-tuning-job", "list_hyper_parameter_tuning_jobs",
         "HyperParameterTuningJobSummaries", "HyperParameterTuningJobName", True),
    Kind("transform job", "transform-job", "list_transform_jobs", "TransformJobSummaries",
         "TransformJobName", True),
    Kind("endpoint", "endpoint", "list_endpoints", "Endpoints", "EndpointName"),
    Kind("endpoint configuration", "endpoint-config", "list_endpoint_configs", "EndpointConfigs",
         "EndpointConfigName"),
    Kind("model", "model", "list_models", "Models", "ModelName"),
)  # fmt: skip


@dataclass(frozen=True)
class Resource:
    """One thing of the project's."""

    kind: str
    name: str
    status: str
    created: datetime
    ends: bool
    usd: float | None = 0.0  # what it has cost so far at most, None where that is not known

    @property
    def is_over(self) -> bool:
        """Whether it is a job that has ended, which costs nothing and cannot be deleted."""
        return self.ends and self.status not in RUNNING


def resources(cloud: Cloud) -> list[Resource]:
    """Everything in SageMaker that has the project's tag."""
    tagged = _tagged(cloud)
    return [resource for kind in KINDS for resource in _of_kind(cloud, kind, tagged)]


def of_kind(cloud: Cloud, title: str) -> list[Resource]:
    """The project's resources of one kind alone."""
    tagged = _tagged(cloud)
    return [each for kind in KINDS if kind.title == title for each in _of_kind(cloud, kind, tagged)]


def status(cloud: Cloud) -> None:
    """Prints all of it, with age and cost."""
    say_account(cloud)
    found = resources(cloud)
    table = Table(box=None)
    for heading in ("resource", "name", "status", "age", "USD so far"):
        table.add_column(heading, justify="right" if heading in ("age", "USD so far") else "left")
    for each in found:
        usd = "?" if each.usd is None else f"{each.usd:.2f}"
        table.add_row(each.kind, each.name, each.status, _age(each.created), usd)
    console.print_table(table)
    owners = _endpoint_names(cloud, found)
    for policy in _policies(cloud, owners):
        console.say(f"scaling policy {policy['PolicyName']} of {policy['ResourceId']}")
    for alarm in alarms.there(cloud, owners):
        reason = f": {alarm['StateReason']}" if alarm["StateValue"] == "ALARM" else ""
        console.say(f"alarm {alarm['AlarmName']} {alarm['StateValue']}{reason}")
    for action in _scaled(cloud, owners, "describe_scheduled_actions", "ScheduledActions"):
        when = f"{action['Schedule']} {action.get('Timezone', '')}".strip()
        console.say(f"scheduled action {action['ScheduledActionName']}: {when}")
    keys = storage.keys(cloud, f"{cloud.config.prefix}/")
    console.say(f"{len(keys)} objects below {cloud.config.uri()}/{_captured(cloud, keys)}")
    console.say(f"at list price, on demand; {prices.source(cloud.config.region)}")


def follow_training(cloud: Cloud) -> None:
    """Takes up the training jobs that run: log and state until they have ended."""
    for each in _running(cloud):
        if each.kind == "training job":
            job = follow.training_job(cloud, each.name)
            console.say(f"job {each.name}: {job['TrainingJobStatus']}")


def delete(cloud: Cloud, data: bool) -> None:
    """Removes everything that costs, and proves that nothing of it is left.

    Args:
        data: the objects below the prefix and the logs, too.

    Raises:
        CloudError: something is left.
    """
    say_account(cloud)
    _stop_jobs(cloud)
    found = resources(cloud)
    owners = _endpoint_names(cloud, found)
    # An endpoint last: as long as it is there, the rest of it is found by its name.
    for name in owners:
        delete_scaling(cloud, name)
    for name in owners:
        alarms.delete(cloud, name)
    for each in found:
        if each.kind == "endpoint":
            _delete_endpoint(cloud, each.name)
    _delete_configs_and_models(cloud, found)
    if data:
        console.say(f"{storage.delete_all(cloud)} objects deleted below {cloud.config.uri()}/")
        _delete_logs(cloud, owners)
    left = [f"{each.kind} {each.name}" for each in resources(cloud) if not each.is_over]
    left += [policy["PolicyName"] for policy in _policies(cloud, owners)]
    left += [alarm["AlarmName"] for alarm in alarms.there(cloud, owners)]
    if data:
        left += storage.keys(cloud, f"{cloud.config.prefix}/")
    if left:
        raise CloudError(f"still there: {', '.join(left)}. Run `make cloud-delete` again.")
    endpoints.forget(cloud)
    keys = [] if data else storage.keys(cloud, f"{cloud.config.prefix}/")
    stays = f"; what lies in S3 stays{_captured(cloud, keys)} (DATA=1 deletes that, too)"
    kept = "" if data else stays
    console.say(f"nothing of project {cloud.config.project} is left that costs{kept}")


def _running(cloud: Cloud) -> list[Resource]:
    """The jobs that have not ended. Those that have are never gone, and too many to look at."""
    tagged = _tagged(cloud)
    return [
        resource
        for kind in KINDS
        if kind.ends
        for status in RUNNING
        for resource in _of_kind(cloud, kind, tagged, StatusEquals=status)
    ]


def _tagged(cloud: Cloud) -> set[str]:
    """The ARNs that have the project's tag, whatever the names. New ones come late into this."""
    tag = cloud.config.tag_list[0]
    paginator = cloud.client("resourcegroupstaggingapi").get_paginator("get_resources")
    pages = paginator.paginate(
        TagFilters=[{"Key": tag["Key"], "Values": [tag["Value"]]}],
        ResourceTypeFilters=["sagemaker"],
    )
    return {each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]}


def _of_kind(cloud: Cloud, kind: Kind, tagged: set[str], **only: str) -> Iterator[Resource]:
    """Those of one kind. Jobs are named by the project; endpoints as their owner likes."""
    project, endpoint = cloud.config.project, cloud.config.endpoint_name
    stems = {*names.jobs(project), names.serving(endpoint), endpoint}
    begins = [{"NameContains": stem} for stem in names.jobs(project)] if kind.ends else [{}]
    lists = cloud.sagemaker.get_paginator(kind.list_operation)
    pages = (page for begin in begins for page in lists.paginate(**only, **begin))
    seen = set()
    for page in pages:
        for entry in page[kind.member]:
            name = entry[kind.name_key]
            arn = entry[kind.name_key.removesuffix("Name") + "Arn"]
            named = any(stem in name for stem in stems)
            if name in seen or not (
                arn in tagged or (named and endpoints.is_ours(cloud, kind.arn, name))
            ):
                continue
            seen.add(name)
            status = entry.get(kind.name_key.removesuffix("Name") + "Status", "")
            created = entry["CreationTime"]
            usd = _cost(cloud, kind, name, created)
            yield Resource(kind.title, name, status, created, kind.ends, usd)


def _endpoint_names(cloud: Cloud, found: list[Resource]) -> list[str]:
    """The project's endpoints, and the one of the settings even where it is gone."""
    names = {each.name for each in found if each.kind == "endpoint"}
    return sorted(names | {cloud.config.endpoint_name})


def _cost(cloud: Cloud, kind: Kind, name: str, created: datetime) -> float | None:
    client = cloud.sagemaker
    if kind.title == "training job":
        job = client.describe_training_job(TrainingJobName=name)
        used = job["ResourceConfig"]
        end = job.get("TrainingEndTime") or datetime.now(timezone.utc)
        seconds = job.get("BillableTimeInSeconds") or (end - created).total_seconds()
        used_by = [(used.get("InstanceType", ""), used.get("InstanceCount", 1))]
    elif kind.title == "transform job":
        job = client.describe_transform_job(TransformJobName=name)
        used = job["TransformResources"]
        end = job.get("TransformEndTime") or datetime.now(timezone.utc)
        seconds = (end - job.get("TransformStartTime", end)).total_seconds()
        used_by = [(used["InstanceType"], used["InstanceCount"])]
    elif kind.title == "endpoint":
        seconds = (datetime.now(timezone.utc) - created).total_seconds()
        used_by = instances(cloud, name)
    else:
        return 0.0
    costs = [prices.cost(cloud.config, type_, count, seconds / 3600) for type_, count in used_by]
    if any(each.usd is None for each in costs):
        return None
    return sum(each.usd or 0.0 for each in costs)


def instances(cloud: Cloud, endpoint: str) -> list[tuple[str, int]]:
    """Types and numbers of an endpoint's instances; [] where there is none."""
    described = endpoints.describe(cloud, endpoint)
    config = described and existing(
        cloud.sagemaker.describe_endpoint_config, EndpointConfigName=described["EndpointConfigName"]
    )
    if not described or not config:
        return []
    counts = {
        variant["VariantName"]: variant.get("CurrentInstanceCount", 1)
        for variant in endpoints.variants(described)
    }
    return [
        (variant.get("InstanceType", ""), counts.get(variant["VariantName"], 1))
        for variant in endpoints.variants(config)
    ]


def _age(created: datetime) -> str:
    minutes = int((datetime.now(timezone.utc) - created).total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _stop_jobs(cloud: Cloud) -> None:
    """Stops what runs, tuning jobs first, and waits until it has ended."""
    stops = {
        "tuning job": ("stop_hyper_parameter_tuning_job", "HyperParameterTuningJobName"),
        "training job": ("stop_training_job", "TrainingJobName"),
        "transform job": ("stop_transform_job", "TransformJobName"),
    }
    for title, (operation, key) in stops.items():
        for each in _running(cloud):
            if each.kind != title or each.status != "InProgress":
                continue
            try:
                getattr(cloud.sagemaker, operation)(**{key: each.name})
                console.say(f"{title} {each.name}: stopping")
            except botocore.exceptions.ClientError as error:
                if "reject" not in str(error) and "status" not in str(error):
                    raise

    def look() -> dict[str, Any] | None:
        return None if _running(cloud) else {"ended": True}

    follow.patiently(cloud, look)


def delete_endpoint(cloud: Cloud, name: str) -> None:
    """Removes one endpoint and all that is made for it, but what lies in S3."""
    delete_scaling(cloud, name)
    alarms.delete(cloud, name)
    _delete_endpoint(cloud, name)
    endpoints.remove_unused(cloud, name)
    if name == cloud.config.endpoint_name:
        endpoints.forget(cloud)


def _captured(cloud: Cloud, keys: list[str]) -> str:
    """How many of these are captured requests."""
    begin = f"{cloud.config.prefix}/{configuration.CAPTURED}/"
    count = sum(key.startswith(begin) for key in keys)
    return f", {count} of them captured requests" if count else ""


def _delete_configs_and_models(cloud: Cloud, found: list[Resource]) -> None:
    client = cloud.sagemaker
    for each in found:
        if each.kind == "endpoint configuration":
            endpoints.delete(client.delete_endpoint_config, EndpointConfigName=each.name)
    for each in found:
        if each.kind == "model":
            endpoints.delete(client.delete_model, ModelName=each.name)


def _delete_endpoint(cloud: Cloud, name: str) -> None:
    def look() -> dict[str, Any] | None:
        endpoint = endpoints.describe(cloud, name)
        if endpoint is None:
            return {"gone": True}
        if endpoint["EndpointStatus"] not in ("Deleting", "Updating", "RollingBack"):
            try:
                cloud.sagemaker.delete_endpoint(EndpointName=name)
            except botocore.exceptions.ClientError as error:
                # On AWS an endpoint that is being created cannot be deleted yet.
                if not not_there(error) and "in-progress" not in str(error):
                    raise
        return None

    follow.patiently(cloud, look)
    console.say(f"endpoint {name} deleted")


def _policies(cloud: Cloud, owners: list[str]) -> list[dict[str, Any]]:
    return _scaled(cloud, owners, "describe_scaling_policies", "ScalingPolicies")


def _scaled(cloud: Cloud, owners: list[str], operation: str, member: str) -> list[dict[str, Any]]:
    """What autoscaling lists for these endpoints."""
    pages = cloud.client(endpoints.AUTOSCALING).get_paginator(operation)
    found = [each for page in pages.paginate(ServiceNamespace="sagemaker") for each in page[member]]
    prefixes = tuple(f"endpoint/{name}/" for name in owners)
    return [each for each in found if each["ResourceId"].startswith(prefixes)]


def delete_scaling(cloud: Cloud, name: str) -> None:
    """Ends an endpoint's autoscaling; the instances stay as many as they are."""
    client = cloud.client(endpoints.AUTOSCALING)
    keys = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    for policy in _policies(cloud, [name]):
        client.delete_scaling_policy(**{key: policy[key] for key in ("PolicyName", *keys)})
    target = endpoints.scalable_target(cloud, name)
    if target is not None:
        client.deregister_scalable_target(**{key: target[key] for key in keys})


def _delete_logs(cloud: Cloud, owners: list[str]) -> None:
    logs = cloud.client("logs")
    absent = logs.exceptions.ResourceNotFoundException
    for name in owners:
        with contextlib.suppress(absent):
            logs.delete_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    groups = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")
    for group, stem in itertools.product(groups, names.jobs(cloud.config.project)):
        try:
            pages = list(
                logs.get_paginator("describe_log_streams").paginate(
                    logGroupName=group, logStreamNamePrefix=f"{stem}-"
                )
            )
        except absent:
            continue
        for page in pages:
            for stream in page["logStreams"]:
                logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
