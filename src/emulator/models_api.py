"""Models and endpoint configurations."""

from emulator import shadows
from emulator.account import Account, Record, now
from emulator.protocol import invalid, needs


class Models:
    """Models and endpoint configurations: records only, until an endpoint takes them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create_model(self, request: Record) -> Record:
        needs(request, "PrimaryContainer", "ExecutionRoleArn")
        needs(request["PrimaryContainer"], "Image", place="PrimaryContainer.")
        with self._account.lock:
            models = self._account.models
            arn = models.arn(request["ModelName"])
            if models.find(request["ModelName"]):
                raise invalid(f'Cannot create already existing model "{arn}".')
            role = request.get("ExecutionRoleArn", "")
            self._account.check_role(role)
            url = request.get("PrimaryContainer", {}).get("ModelDataUrl")
            if url and self._account.unreachable(url):
                raise invalid(
                    f'Could not access model data at {url}. Please ensure that the role "{role}"'
                    " exists and that its trust relationship policy allows the action"
                    ' "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also'
                    ' ensure that the role has "s3:GetObject" permissions and that the object is'
                    f" located in {self._account.region}."
                )
            self._account.tag(arn, request.pop("Tags", None))
            record = {**request, "ModelArn": arn, "CreationTime": now()}
            models.add(request["ModelName"], record)
        return {"ModelArn": arn}

    def create_config(self, request: Record) -> Record:
        for variant in shadows.all_of(request):
            needs(variant, "ModelName", "InstanceType", "InitialInstanceCount", place="variants' ")
        with self._account.lock:
            configs = self._account.configs
            arn = configs.arn(request["EndpointConfigName"])
            if configs.find(request["EndpointConfigName"]):
                raise invalid(f'Cannot create already existing endpoint configuration "{arn}".')
            shadows.check(request)
            for variant in shadows.all_of(request):
                self._account.models.get(variant["ModelName"])
            self._account.tag(arn, request.pop("Tags", None))
            record = {**request, "EndpointConfigArn": arn, "CreationTime": now()}
            configs.add(request["EndpointConfigName"], record)
        return {"EndpointConfigArn": arn}
