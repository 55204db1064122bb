"""Guards against cost: endpoints that end by themselves, that nobody asks, that run already."""

import math
import re
from datetime import datetime, timedelta, timezone

import botocore.exceptions

from train2deploy import console
from train2deploy.cloud import endpoints, inventory
from train2deploy.cloud.session import Cloud, existing
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError

TAG = "train2deploy.expires"  # the endpoint's tag that holds when it is to end, in UTC
NEVER = "never"
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
UNITS = {"m": 60, "h": 3600, "d": 86400}
LONGEST = timedelta(days=365)
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(timezone.utc)


def moment(text: str, at: datetime) -> str:
    """When EXPIRES= is over, counted from `at`; "never" and "" stay as they are.

    >>> moment("2h", datetime(2026, 11, 28, 12, 30, tzinfo=timezone.utc))
    '2026-11-28T14:30:00Z'

    Raises:
        UserError: it is not a span of time.
    """
    if text in ("", NEVER):
        return text
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([mhd])", text)
    span = timedelta(seconds=float(found[1]) * UNITS[found[2]]) if found else timedelta()
    if not timedelta(minutes=1) <= span <= LONGEST:
        raise UserError(
            f"EXPIRES={text}: expected a span from 1m to 365d, such as 30m, 2h or 3d; or never."
        )
    return f"{at + span:{FORMAT}}"


def tag_list(expires: str) -> list[dict[str, str]]:
    """The tags of an endpoint that is to be made."""
    return [{"Key": TAG, "Value": expires}] if expires not in ("", NEVER) else []


def set_expiry(cloud: Cloud, endpoint: str, expires: str) -> None:
    """Gives an endpoint its end, or takes it away ("never"); says when it ends, if it does."""
    arn = cloud.arn("endpoint", endpoint)
    if expires == NEVER:
        cloud.sagemaker.delete_tags(ResourceArn=arn, TagKeys=[TAG])
    elif expires:
        cloud.sagemaker.add_tags(ResourceArn=arn, Tags=tag_list(expires))
    if end := ends_at(cloud, endpoint):
        console.say(
            f"endpoint {endpoint} expires at {end:{FORMAT}}: the next cloud command after that, or"
            " `make cloud-expire`, ends it; nothing ends it by itself"
        )


def ends_at(cloud: Cloud, endpoint: str) -> datetime | None:
    """When an endpoint is to end; None where its tags do not say."""
    found = existing(cloud.sagemaker.list_tags, ResourceArn=cloud.arn("endpoint", endpoint)) or {}
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    return _read(tags.get(TAG, ""))


def hours(cloud: Cloud, expires: str) -> float:
    """What a plan reckons an endpoint's cost for: no longer than to its end."""
    end = _read(expires)
    left = max((end - now()) / HOUR, 0.0) if end else float("inf")
    return min(float(cloud.config.endpoint_hours), math.ceil(left * 10) / 10 if end else left)


def end_expired(cloud: Cloud, spared: str = "") -> int:
    """Ends the project's endpoints whose time is over; how many.

    Args:
        spared: one that is being given another end.
    """
    try:
        expired = [name for name in _with_an_end(cloud) if name != spared]
    except botocore.exceptions.ClientError as error:
        console.note(f"train2deploy: expired endpoints were not looked for: {error}")
        return 0
    count = 0
    for name in expired:
        end = ends_at(cloud, name)  # the search may be some minutes behind
        if end is None or end > now() or not endpoints.is_ours(cloud, "endpoint", name):
            continue
        console.say(
            f"endpoint {name} expired at {end:{FORMAT}} (EXPIRES): it is being removed, with its"
            " scaling, alarm, configurations and models; what lies in S3 stays"
        )
        inventory.delete_endpoint(cloud, name)
        count += 1
    return count


def expire(cloud: Cloud) -> None:
    """`make cloud-expire`: ends what is over, and lists what is not."""
    count = end_expired(cloud)
    for name in _with_an_end(cloud):
        if end := ends_at(cloud, name):
            console.say(f"endpoint {name} expires at {end:{FORMAT}}")
    console.say(f"{count} expired endpoints ended")


def say(cloud: Cloud) -> None:
    """What cloud-status says of the project's endpoints: when each ends, which nobody asks."""
    for each in inventory.of_kind(cloud, "endpoint"):
        if end := ends_at(cloud, each.name):
            console.say(f"endpoint {each.name} expires at {end:{FORMAT}}")
        if is_idle(cloud, each, now()):
            known = [cost.usd for cost in _costs(cloud, each.name, 1.0) if cost.usd is not None]
            rate = f", at {sum(known):.2f} USD an hour" if known else ""
            console.say(
                f"endpoint {each.name}: no invocation in the last hour{rate}; `make cloud-delete`"
                " ends it"
            )


def is_idle(cloud: Cloud, endpoint: inventory.Resource, at: datetime) -> bool:
    """Whether an endpoint that is older than an hour has not been invoked for one."""
    if at - endpoint.created < HOUR:
        return False
    described = endpoints.describe(cloud, endpoint.name) or {}
    for variant in described.get("ProductionVariants", []):
        dimensions = {"EndpointName": endpoint.name, "VariantName": variant["VariantName"]}
        answer = cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=at - HOUR,
            EndTime=at,
            Period=3600,
            Statistics=["Sum"],
        )
        if sum(each["Sum"] for each in answer["Datapoints"]):
            return False
    return True


def running(cloud: Cloud, but: str = "") -> dict[str, list[prices.Cost]]:
    """What the project's endpoints that run already cost for as long as a plan reckons with.

    Args:
        but: an endpoint whose cost is in the plan.
    """
    return {
        each.name: _costs(cloud, each.name, _hours_left(cloud, each.name))
        for each in inventory.of_kind(cloud, "endpoint")
        if each.name != but
    }


def _hours_left(cloud: Cloud, endpoint: str) -> float:
    end = ends_at(cloud, endpoint)
    return hours(cloud, f"{end:{FORMAT}}" if end else "")


def _costs(cloud: Cloud, endpoint: str, span: float) -> list[prices.Cost]:
    found = inventory.instances(cloud, endpoint)
    return [prices.cost(cloud.config, kind, count, span) for kind, count in found]


def _with_an_end(cloud: Cloud) -> list[str]:
    """The project's endpoints that have the tag, whatever their names."""
    project = cloud.config.tag_list[0]
    pages = (
        cloud.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(
            TagFilters=[{"Key": project["Key"], "Values": [project["Value"]]}, {"Key": TAG}],
            ResourceTypeFilters=["sagemaker:endpoint"],
        )
    )
    arns = [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]
    return sorted(arn.partition(":endpoint/")[2] for arn in arns if ":endpoint/" in arn)


def _read(text: str) -> datetime | None:
    """The moment that a tag holds; None for what somebody else has written."""
    try:
        return datetime.strptime(text, FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
