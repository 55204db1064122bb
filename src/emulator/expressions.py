"""Metric math, as far as alarms on a rate need it: + - * /, numbers, brackets and FILL."""

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

At = TypeVar("At", int, datetime)  # what a value is of: a time, or a period by its number

OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(expression: str, known: Mapping[str, Mapping[At, float]]) -> dict[At, float]:
    """The expression's value at each time that all metrics in it have one.

    >>> evaluate("100 * errors / all", {"errors": {1: 1, 2: 0}, "all": {1: 4}})
    {1: 25.0}

    Raises:
        ValueError: the expression says what is not understood here.
    """
    times = {at for series in known.values() for at in series}
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
        values = {at: _value(tree, known, at) for at in times}
    except (SyntaxError, KeyError) as error:
        raise ValueError(f"Error in expression '{expression}': not understood here") from error
    return {at: value for at, value in sorted(values.items()) if value is not None}


def _value(node: ast.expr, known: Mapping[str, Mapping[At, float]], at: At) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name):
        return known[node.id].get(at)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, known, at)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = _value(node.left, known, at), _value(node.right, known, at)
        if left is None or right is None or (isinstance(node.op, ast.Div) and right == 0):
            return None
        return OPERATORS[type(node.op)](left, right)
    is_fill = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "FILL"
    if isinstance(node, ast.Call) and is_fill and len(node.args) == 2:
        value = _value(node.args[0], known, at)
        return _value(node.args[1], known, at) if value is None else value
    raise KeyError(ast.dump(node))
