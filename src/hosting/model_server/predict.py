"""Predict: which signature, which tensors, what comes out."""

from hosting.model_server.errors import failed_precondition, internal, invalid_argument
from hosting.model_server.graph.shapes import MAX_RANK
from hosting.model_server.graph.signatures import CLASSIFY, DEFAULT_SIGNATURE, PREDICT, REGRESS
from hosting.model_server.queues.tasks import Task


def signature_for_json(servable, name):
    """The signature that tells how to read a JSON body; an empty name is the default one."""
    signature = servable.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise invalid_argument(
            'Serving signature name: "', name or DEFAULT_SIGNATURE, '" not found in signature def'
        )
    if not signature.inputs:
        raise invalid_argument("Failed to get input map for signature: ", name or "DEFAULT")
    return signature


def signature_to_run(servable, name):
    """The signature that a Predict call names (another code than above for the same fault)."""
    signature = servable.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise failed_precondition(
            'Serving signature key "%s" not found.' % (name or DEFAULT_SIGNATURE),
        )
    return signature


def new_task(signature, tensors, output_filter, done, timeout_ms, types=None):
    """The task for tensors by input name.

    `output_filter`: the outputs wanted, none for all; `types`: the tensors'
    own types by name where they may differ from the signature's.
    """
    if signature.method_name not in (PREDICT, CLASSIFY, REGRESS):
        raise internal(
            f"Expected prediction signature method_name to be one of {{{PREDICT}, {CLASSIFY}, "
            f"{REGRESS}}}. Was: {signature.method_name}",
        )
    _check_inputs(signature, tensors)
    for name, array in tensors.items():
        if array.ndim > MAX_RANK:
            raise invalid_argument(f"tensor parsing error: {name}")
    outputs = _outputs(signature, output_filter)
    arrays = [tensors[name] for name in signature.inputs]
    if types is not None:
        types = tuple(types[name] for name in signature.inputs)
    return Task(signature, arrays, outputs, done, timeout_ms, types)


def _names(names):
    return "{%s}" % ",".join(sorted(names))


def _check_inputs(signature, tensors):
    if tensors.keys() == signature.inputs.keys():
        return
    wanted, sent = set(signature.inputs), set(tensors)
    if len(sent) != len(wanted):
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(wanted)} len({_names(sent)}) "
            f"!= len({_names(wanted)}). Sent extra: {_names(sent - wanted)}. Missing but required: "
            f"{_names(wanted - sent)}."
        )
    for name in sorted(sent - wanted):
        raise invalid_argument(
            f"input tensor alias not found in signature: {name}. Inputs expected to be in the set "
            f"{_names(wanted)}."
        )


def _outputs(signature, output_filter):
    if not output_filter:
        return tuple(signature.outputs)
    seen = set()
    for name in output_filter:
        if name not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the "
                f"set {_names(signature.outputs)}."
            )
        if name in seen:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
        seen.add(name)
    return tuple(output_filter)


def named_outputs(task, arrays):
    """A task's results as (name, dtype, array)."""
    return list(zip(task.outputs, task.signature.runner(task.outputs).types, arrays))
