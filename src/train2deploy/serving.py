"""How an endpoint on this machine treats requests, and in one line how AWS does otherwise."""

import os
import shutil
from collections.abc import Mapping

MERGE = "HOSTING_MERGE"  # ours, for our model server alone; SageMaker's are SAGEMAKER_TFS_…

EACH_ITS_OWN = {MERGE: "0"}  # our model server does as TensorFlow Serving does


def described(variables: Mapping[str, str], own_server: bool = True) -> str:
    """What runs here, and what AWS gives.

    Args:
        variables: of the endpoint.
        own_server: it is our model server, not TensorFlow Serving itself.
    """
    if variables.get("SAGEMAKER_TFS_ENABLE_BATCHING", "").lower() == "true":
        return "requests: batched as SAGEMAKER_TFS_ENABLE_BATCHING asks, here as on AWS"
    if not own_server:
        return "requests: each has a run of its own, here as on AWS; BATCHING=1 batches them"
    if variables.get(MERGE) == "0":
        return "requests: each has a run of its own (MERGE=0), as on AWS; BATCHING=1 batches them"
    return (
        "requests: those that wait share a run; AWS gives each its own, as MERGE=0 does,"
        " unless BATCHING=1 asks for batches"
    )


def has_real_server() -> bool:
    """Whether a tensorflow_model_server of this machine takes the place of ours."""
    named = os.environ.get("TENSORFLOW_MODEL_SERVER") or "tensorflow_model_server"
    return shutil.which(named) is not None
