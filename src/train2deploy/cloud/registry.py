"""AWS's registry for the host tool, which has neither the SDK nor boto3 (runtimes/aws_images).

python -m train2deploy.cloud.registry training|serving     an image's name
python -m train2deploy.cloud.registry password <account>   what `docker login` is given
"""

import base64
import logging
import sys

import boto3
import botocore.exceptions

TRAIN = ("1.12.0", "py3", "ml.c5.xlarge", "training")
SERVE = ("1.13", None, "ml.c5.xlarge", "inference")
DEFAULT_REGION = "us-east-1"


def region() -> str:
    """boto3's region (AWS_DEFAULT_REGION, the profile), else the article's."""
    return boto3.Session().region_name or DEFAULT_REGION


def image(kind: str) -> str:
    """The image of a CPU type, as the SDK names it for the region."""
    logging.getLogger("sagemaker.config").setLevel(logging.WARNING)
    from sagemaker import image_uris

    version, python, instance_type, scope = TRAIN if kind == "training" else SERVE
    return str(
        image_uris.retrieve(
            "tensorflow",
            region(),
            version=version,
            py_version=python,
            instance_type=instance_type,
            image_scope=scope,
        )
    )


def password(account: str) -> str:
    """Good for twelve hours, for the registry of that account."""
    answer = boto3.client("ecr", region_name=region()).get_authorization_token(
        registryIds=[account]
    )
    token = answer["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def main(arguments: list[str]) -> int:
    """Prints what was asked for; 1 and one line on standard error when it is not available."""
    try:
        print(password(arguments[1]) if arguments[0] == "password" else image(arguments[0]))
    except (
        ValueError,
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.ClientError,
    ) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
