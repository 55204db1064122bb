"""Classify and Regress: tf.Examples in, labels and scores or numbers out."""

from hosting.model_server.errors import failed_precondition, invalid_argument
from hosting.model_server.graph import dtypes, native, shapes
from hosting.model_server.graph.signatures import CLASSIFY, DEFAULT_SIGNATURE, REGRESS
from hosting.model_server.json.parser import members
from hosting.model_server.json.values import (
    c_string,
    check_lossless,
    decode_base64,
    format_error,
    is_base64,
    type_name,
)
from hosting.model_server.json.writer import text_to_bytes

# The examples are fed as strings, whatever type the signature declares its input to be of.
INPUT_TYPES = (dtypes.STRING,)
INPUTS, CLASSES, SCORES, OUTPUTS = "inputs", "classes", "scores", "outputs"

_WORDS = {CLASSIFY: "classification", REGRESS: "regression"}


# -- JSON to tf.Example ---------------------------------------------------------------------

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def _feature_kind(value, name):
    """The kind of list that a JSON value belongs into."""
    if type(value) is str or is_base64(value):
        return "bytes_list"
    if type(value) is float:
        return "float_list"
    if type(value) in (int, bool):
        return "int64_list"
    raise invalid_argument(
        f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
    )


def _fill_feature(feature, content, name):
    """Put a JSON value or list into a Feature; all must be of one kind."""
    kind_so_far = None
    for value in content if type(content) is list else [content]:
        kind = _feature_kind(value, name)
        if kind_so_far not in (None, kind):
            raise invalid_argument(
                f"Unexpected element type in feature: {name} expecting type: {_KINDS[kind_so_far]}"
            )
        if kind == "float_list":
            check_lossless(value, True)
        elif kind == "bytes_list":
            value = text_to_bytes(value) if type(value) is str else decode_base64(value)
        elif value >= 1 << 63:
            raise invalid_argument(f"Feature: {name} has uint64 element. Only int64 is supported.")
        kind_so_far = kind
        getattr(feature, kind).value.append(int(value) if kind == "int64_list" else value)


def _is_utf8(name):
    """Whether a message can hold the name (the parser lets other bytes pass through strings)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _serialized_example(value):
    native.protos_without_tensorflow()
    from tensorflow.core.example import example_pb2

    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {type_name(value)}")
    example = example_pb2.Example()
    for name, content in members(value):
        name = c_string(name)
        if not _is_utf8(name):
            raise invalid_argument(f"Feature: {name} has a name that is not UTF-8")
        feature = example.features.feature[name]
        feature.Clear()  # of a repeated name the last one counts
        _fill_feature(feature, content, name)
    return example.SerializeToString()


def examples_from_json(body):
    """The serialized examples of a classify or regress body, each behind the common context."""
    body.make_exact()
    request = body.members
    context = b""
    if "context" in request:
        context = _serialized_example(request["context"])
    if "examples" not in request:
        raise format_error(
            request, "When method is classify, key 'examples' is expected and was not found"
        )
    examples = request["examples"]
    if type(examples) is not list:
        raise format_error(request, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise format_error(request, "'examples' value is an empty array")
    # Serialized messages one after the other are merged when they are read.
    return [context + _serialized_example(example) for example in examples]


def examples_from_proto(message):
    kind = message.WhichOneof("kind")
    if kind == "example_list_with_context":
        context = message.example_list_with_context.context.SerializeToString()
        return [
            context + example.SerializeToString()
            for example in message.example_list_with_context.examples
        ]
    return [example.SerializeToString() for example in message.example_list.examples]


# -- signatures -----------------------------------------------------------------------------


def find_signature(servable, name, method):
    """The signature of a Classify or Regress request, if it is one for this method."""
    name = name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid_argument(f"No signature was found with the name: {name}")
    check_signature(signature, method)
    return signature


def check_signature(signature, method):
    """Refuse a signature that is not of the form the method needs."""
    word = _WORDS[method]
    if signature.method_name != method:
        raise invalid_argument(
            f"Expected {word} signature method_name to be {method}. Was: {signature.method_name}"
        )
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if method == CLASSIFY and len(signature.outputs) not in (1, 2):
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if method == REGRESS and len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if INPUTS not in signature.inputs:
        raise failed_precondition(f"No {word} inputs found in SignatureDef: {signature.proto}")
    if method == REGRESS and OUTPUTS not in signature.outputs:
        raise failed_precondition(f"No regression outputs found in SignatureDef: {signature.proto}")
    if method == CLASSIFY and not {CLASSES, SCORES} & set(signature.outputs):
        raise failed_precondition(
            'Expected classification signature outputs to contain at least one of "classes" or '
            f'"scores". Signature was: {signature.proto}',
        )


def output_names(signature, method):
    if method == REGRESS:
        return (OUTPUTS,)
    return tuple(name for name in (CLASSES, SCORES) if name in signature.outputs)


def input_arrays(examples):
    if not examples:
        raise invalid_argument("Input is empty.")
    return [shapes.objects(examples)]


# -- results --------------------------------------------------------------------------------


def _check_matrix(array, name, dtype, wanted, count):
    if array.ndim != 2:
        raise invalid_argument(
            f"Expected Tensor shape: [batch_size num_classes] but got {shapes.text(array.shape)}"
        )
    if dtype != wanted:
        raise invalid_argument(
            f"Expected {name} Tensor of DT_{dtypes.name(wanted).upper()}. Got: "
            f"DT_{dtypes.name(dtype).upper()}"
        )
    if len(array) != count:
        raise invalid_argument(f"Expected {name} output batch size of {count}. Got: {len(array)}")


def classification_result(signature, results, count):
    """For each of `count` examples a list of (label bytes, score); `results`: arrays by output."""
    classes, scores = results.get(CLASSES), results.get(SCORES)
    if classes is not None:
        _check_matrix(classes, CLASSES, signature.outputs[CLASSES].dtype, dtypes.STRING, count)
    if scores is not None:
        _check_matrix(scores, SCORES, signature.outputs[SCORES].dtype, dtypes.FLOAT, count)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid_argument(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. "
            f"{scores.shape[1]}"
        )
    width = (classes if classes is not None else scores).shape[1]
    labels = [[b""] * width] * count if classes is None else classes.tolist()
    values = [[0.0] * width] * count if scores is None else scores.tolist()
    return [list(zip(*pair)) for pair in zip(labels, values)]


def regression_result(signature, results, count):
    """One number for each of `count` examples, as a flat array."""
    output = results[OUTPUTS]
    if not (output.ndim == 1 or output.ndim == 2 and output.shape[1] == 1):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{shapes.text(output.shape)}"
        )
    if len(output) != count:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {count} vs. {len(output)}"
        )
    dtype = signature.outputs[OUTPUTS].dtype
    if dtype != dtypes.FLOAT:
        raise invalid_argument(
            f"Expected output Tensor of DT_FLOAT.  Got: DT_{dtypes.name(dtype).upper()}"
        )
    return output.ravel()
