"""What is to be served: ModelServerConfig in text form."""

import os
import re

from hosting.model_server.errors import NOT_FOUND, ServingError, invalid_argument
from hosting.model_server.graph import native

_TENSORFLOW = "tensorflow"
_VERSION = re.compile("[0-9]{1,19}")


class ModelSettings:
    """One model of the configuration.

    `policy` is ('latest', number), ('all', None) or ('specific', versions).
    """

    def __init__(self, name, base_path, policy=("latest", 1), labels=None):
        self.name = name
        self.base_path = base_path
        self.policy = policy
        self.labels = labels or {}

    def aspired(self, warn):
        """The versions that should be served now, each with its folder.

        What is missing is told to `warn(name, message)`, '' when all is well.
        """
        try:
            children = os.listdir(self.base_path)
        except OSError:
            what = "FileSystemStoragePathSource encountered a file-system access error: Could not"
            warn(self.name, f"{what} find base path {self.base_path} for servable {self.name}")
            return {}
        found = {}
        for child in children:
            # Leading zeros are allowed: the number is the version.
            if _VERSION.fullmatch(child) and int(child) < 1 << 63:
                path = os.path.join(self.base_path, child)
                if os.path.isdir(path):
                    found[int(child)] = path
        message = ""
        if not found:
            message = f"No versions of servable {self.name} found under base path {self.base_path}"
        kind, argument = self.policy
        if kind == "latest":
            found = {version: found[version] for version in sorted(found)[-argument:]}
        elif kind == "specific":
            for version in argument:
                if version not in found:
                    message = (
                        "Version %d of servable %s, which was requested to be served as a "
                        "'specific' version in the servable's version policy, was not found "
                        "in the file system" % (version, self.name)
                    )
            found = {version: found[version] for version in argument if version in found}
        warn(self.name, message)
        return found


def _policy(proto):
    kind = proto.WhichOneof("policy_choice")
    if kind == "all":
        return ("all", None)
    if kind == "specific":
        return ("specific", tuple(proto.specific.versions))
    # Both "latest" without a number and no policy at all mean one version.
    return ("latest", proto.latest.num_versions or 1)


def settings_from_proto(config):
    if config.WhichOneof("config") == "custom_model_config":
        raise invalid_argument("ModelServer does not yet support custom model config.")
    settings = []
    for model in config.model_config_list.config:
        platform = model.model_platform
        if not platform and not model.model_type:
            raise invalid_argument(
                "Illegal setting neither ModelServerConfig::model_type nor "
                "ModelServerConfig::model_platform."
            )
        if platform and platform != _TENSORFLOW:
            raise invalid_argument(
                f"ModelServerConfig::model_platform {platform} is not registered: this server "
                'serves "tensorflow" alone.'
            )
        if not os.path.isabs(model.base_path) and "://" not in model.base_path:
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; got "
                f"base_path()={model.base_path}"
            )
        policy, labels = _policy(model.model_version_policy), dict(model.version_labels)
        settings.append(ModelSettings(model.name, model.base_path, policy, labels))
    names = [model.name for model in settings]
    for name in names:
        if names.count(name) > 1:
            raise invalid_argument(f"Illegal to list model {name} multiple times in config list")
    return settings


def read_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise ServingError(NOT_FOUND, f"{path}; {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}': {error}") from None


def read_model_config(path):
    native.protos_without_tensorflow()
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(read_text(path), config)
    except text_format.ParseError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}': {error}") from None
    return settings_from_proto(config)
