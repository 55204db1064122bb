"""A changed TAGS reaches what already exists: the endpoint and all that belongs to it.

A tag that somebody else has put on the endpoint stays. Which ones were ours is read off our
endpoint configurations: nobody but this tool makes those, with all tags of the day.
"""

from collections.abc import Collection, Iterable, Mapping

from train2deploy import console
from train2deploy.cloud import alarms, endpoints
from train2deploy.cloud.session import Cloud
from train2deploy.cloud_settings import arns

OF_AWS = "aws:"  # how keys begin that only AWS may change


def given_up(ours: Iterable[str], wanted: Collection[str]) -> set[str]:
    """The keys that we gave and give no longer.

    >>> given_up(["team", "old", "aws:cloudformation:stack-id"], ["team"])
    {'old'}
    """
    return {key for key in ours if key not in wanted and not key.startswith(OF_AWS)}


def renew(cloud: Cloud, model: str, config: str) -> None:
    """Gives the endpoint, its alarm, model and configuration the tags of the settings.

    The configuration is last, and older ones are to be removed afterwards: as long as one has
    the old tags, a renewal that was interrupted finds them again.

    Args:
        model, config: names of those in force. They are left alone where somebody else made them.
    """
    endpoint = cloud.config.endpoint_name
    wanted = {tag["Key"]: tag["Value"] for tag in cloud.config.tag_list}
    known = endpoints.names(cloud, "list_endpoint_configs", "EndpointConfigs", endpoint)
    ours = [
        key
        for name in known
        if endpoints.is_ours(cloud, "endpoint-config", name)
        for key in _of(cloud, cloud.arn("endpoint-config", name))
    ]
    old = given_up(ours, wanted)
    _renew_alarms(cloud, sorted(old))
    for kind, name in (("endpoint", endpoint), ("model", model), ("endpoint-config", config)):
        named = endpoints.belongs_to(endpoint, name)
        if kind == "endpoint" or (named and endpoints.is_ours(cloud, kind, name)):
            _renew(cloud, kind, name, wanted, old)


def _renew(cloud: Cloud, kind: str, name: str, wanted: Mapping[str, str], old: set[str]) -> None:
    arn = cloud.arn(kind, name)
    there = _of(cloud, arn)
    added = {key: value for key, value in wanted.items() if there.get(key) != value}
    removed = sorted(old & set(there))
    if added:
        tags = [{"Key": key, "Value": value} for key, value in added.items()]
        cloud.sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    if removed:
        cloud.sagemaker.delete_tags(ResourceArn=arn, TagKeys=removed)
    said = [*(f"{key}={value}" for key, value in added.items()), *(f"no {key}" for key in removed)]
    if said:
        console.say(f"{kind} {name}: tags: {', '.join(said)}")


def _renew_alarms(cloud: Cloud, removed: list[str]) -> None:
    """By calls of their own: an alarm that is put once more keeps the tags that it has."""
    region = cloud.config.region
    partition = arns.partition(region)
    client = cloud.client("cloudwatch")
    for name in alarms.names(cloud.config.endpoint_name):
        arn = f"arn:{partition}:cloudwatch:{region}:{cloud.account_id}:alarm:{name}"
        client.tag_resource(ResourceARN=arn, Tags=cloud.config.tag_list)
        if removed:
            client.untag_resource(ResourceARN=arn, TagKeys=removed)


def _of(cloud: Cloud, arn: str) -> dict[str, str]:
    pages = cloud.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
