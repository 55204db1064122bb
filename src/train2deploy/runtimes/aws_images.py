"""IMAGE=aws: the images that SageMaker itself runs, from AWS's registry.

The SDK resolves their names and boto3 the password, so both must be installed
(`make setup` of the cloud half). Once pulled, an image is used as it lies in the engine,
and neither network nor credentials are asked for again.
"""
