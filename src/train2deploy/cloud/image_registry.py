"""AWS's registry for the host tool, which has no boto3 (runtimes/aws_images).

python -m train2deploy.cloud.image_registry training|serving     an image's name
python -m train2deploy.cloud.image_registry password <account>   what `docker login` is given
"""

import base64
import sys

import boto3
import botocore.exceptions

from train2deploy.cloud import images
from train2deploy.errors import UserError

CPU_TYPE = "ml.c5.xlarge"
DEFAULT_REGION = "us-east-1"


def region() -> str:
    """boto3's region (AWS_DEFAULT_REGION, the profile), else the article's."""
    return boto3.Session().region_name or DEFAULT_REGION


def image(kind: str) -> str:
    """The image of a CPU type in the region."""
    named = images.training if kind == "training" else images.serving
    return named(region(), CPU_TYPE)


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
    except (UserError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
