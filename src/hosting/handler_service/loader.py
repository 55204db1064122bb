"""Loads the model's inference.py and makes one handler of what it defines.

docs/contract.md#a7
"""

import importlib.util
import logging

log = logging.getLogger("python_service")


def load_handler(path):
    """The request handler that the script at `path` defines.

    `handler(data, context)` if there is one; else the pair `input_handler` and
    `output_handler` around a call of the model server's REST API.
    """
    spec = importlib.util.spec_from_file_location("inference", path)
    inference = importlib.util.module_from_spec(spec)
    # As in the container the module is not registered in sys.modules.
    spec.loader.exec_module(inference)
    if hasattr(inference, "handler"):
        return inference.handler
    if hasattr(inference, "input_handler") and hasattr(inference, "output_handler"):
        return _pair(inference.input_handler, inference.output_handler)
    raise NotImplementedError("Handlers are not implemented correctly in user script.")


def explain_missing_module(error):
    """Log what to do about an import that fails here as it would on SageMaker."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        log.error(
            "the serving container holds no module %s, here as on SageMaker: put it into "
            "code/lib of model.tar.gz, or name its package in code/requirements.txt.",
            error.name.partition(".")[0],
        )


def _pair(input_handler, output_handler):
    # Imported here: a process whose handler does not use requests is smaller without it.
    import requests

    def handler(data, context):
        processed_input = input_handler(data, context)
        if hasattr(context, "timeout"):
            return output_handler(todays_reply(processed_input, context), context)
        response = requests.post(context.rest_uri, data=processed_input)  # noqa: S113, as the container
        return output_handler(response, context)

    return handler


def todays_reply(data, context):
    """The model server's 200, after context.timeout at the latest; its error is the client's."""
    import falcon
    import requests

    response = requests.post(context.rest_uri, data=data, timeout=context.timeout)
    if response.status_code != 200:
        status = falcon.code_to_http_status(response.status_code)
        raise falcon.HTTPError(status, description=response.text)
    return response
