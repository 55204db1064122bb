"""From result tensors to the JSON body of a predict response."""

from hosting.model_server.errors import invalid_argument
from hosting.model_server.json.decimals import decimal_string, decimal_strings
from hosting.model_server.json.writer import bytes_to_text, quote, rows_of, whole


def row_format(outputs):
    """``{"predictions": […]}``: one item for each row of the outputs.

    `outputs` is a list of (name, dtype, array).
    """
    count = 0
    for name, _, array in outputs:
        if not array.ndim:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if not len(array):
            raise invalid_argument(f"Tensor name: {name} has invalid batch size: 0")
        if count and count != len(array):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {count}"
            )
        count = len(array)
    if len(outputs) == 1:
        name, dtype, array = outputs[0]
        rows = rows_of(array, dtype, name, 2)
        return '{\n    "predictions": [%s\n    ]\n}' % ", ".join(rows)
    columns = [
        [f"{quote(name)}: {row}" for row in rows_of(array, dtype, name, 3)]
        for name, dtype, array in outputs
    ]
    items = [",\n            ".join(members) for members in zip(*columns)]
    return '{\n    "predictions": [\n        {\n            %s\n        }\n    ]\n}' % (
        "\n        },\n        {\n            ".join(items)
    )


def column_format(outputs):
    """``{"outputs": …}``: the one output's value, or an object of all outputs."""
    if len(outputs) == 1:
        name, dtype, array = outputs[0]
        return '{\n    "outputs": %s\n}' % whole(array, dtype, name, 1)
    members = [
        "%s: %s" % (quote(name), whole(array, dtype, name, 2)) for name, dtype, array in outputs
    ]
    return '{\n    "outputs": {\n        %s\n    }\n}' % ",\n        ".join(members)


def classifications(results):
    """``{"results": [[[label, score], …], …]}`` for lists of (label, score)."""
    items = [
        "[%s]"
        % ", ".join(
            f"[{quote(bytes_to_text(label))}, {decimal_string(score)}]" for label, score in classes
        )
        for classes in results
    ]
    return '{\n    "results": [%s\n    ]\n}' % ", ".join(items)


def regressions(values):
    """``{"results": [number, …]}`` for a float32 array."""
    return '{\n    "results": [%s]\n}' % ", ".join(decimal_strings(values))
