"""ARNs and S3 addresses: one rule for what the tool asks, what a policy names, and the emulator.

SageMaker keeps a name as it was given, but tells names apart without regard to capitals, and
writes them in lower case in an ARN. IAM compares ARNs letter by letter, so a policy has to be
written in lower case, too. Logs, alarms and roles keep their capitals everywhere.
"""

PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}
"""By how a region's name begins; every other region is in `aws`."""


def partition(region: str) -> str:
    """
    >>> partition("cn-north-1"), partition("ap-northeast-1")
    ('aws-cn', 'aws')
    """
    found = (name for begin, name in PARTITIONS.items() if region.startswith(begin))
    return next(found, "aws")


def sagemaker(region: str, account: str, kind: str, name: str) -> str:
    """
    >>> sagemaker("us-east-1", "123456789012", "endpoint", "Topics")
    'arn:aws:sagemaker:us-east-1:123456789012:endpoint/topics'
    """
    return f"arn:{partition(region)}:sagemaker:{region}:{account}:{kind}/{name.lower()}"


def split_uri(uri: str) -> tuple[str, str]:
    """
    >>> split_uri("s3://bucket/a/b")
    ('bucket', 'a/b')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
