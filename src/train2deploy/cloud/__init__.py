"""The cloud half: the artifacts of the dry run, taken to SageMaker (or to src/emulator).

Runs in an environment of its own (.venvs/cloud): boto3, and the SageMaker SDK 2.x.
Importing this package, `config` and `prices` needs neither.
"""
