"""The cloud half: the artifacts of the dry run, taken to SageMaker (or to src/emulator).

Runs in an environment of its own (.venvs/cloud), which has boto3. Importing this package alone
does without.
"""
