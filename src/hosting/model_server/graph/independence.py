"""Whether the rows of a batch are independent, so that requests may share a run.

A batch dimension in the signature does not promise it: a model may normalise
over its batch, count its calls, or sort. Batching that the user configures
takes the promise for granted, as TF Serving does; merging, which
nobody asked for, wants evidence. Two kinds of it are combined:

- the graph between inputs and outputs must not hold an operation that
  obviously works across rows or changes state (`mixing_operation`), and
- the first merged runs are also run request by request, and the results
  compared (`Trial`); until then the separate results are the ones sent.
"""

import collections
import logging

import numpy as np

log = logging.getLogger(__name__)

# Reductions and their like, which mix rows when they go along the batch.
_OVER_AXIS = frozenset(
    "Sum Mean Max Min Prod All Any ArgMax ArgMin Cumsum Cumprod ReverseV2".split()
)
# What leaves the batch where it is: the first dimension.
_KEEPS_BATCH = frozenset(
    (
        "Identity StopGradient CheckNumerics Cast Neg Abs Sign Exp Log Log1p Sqrt Rsqrt Square "
        "Tanh Sigmoid Relu Relu6 LeakyRelu Elu Selu Softplus Softsign Floor Ceil Round Sin Cos "
        "Add AddN Sub Mul Div RealDiv FloorDiv FloorMod Maximum Minimum Pow SquaredDifference "
        "BiasAdd MatMul Softmax LogSoftmax Greater GreaterEqual Less LessEqual Equal NotEqual "
        "LogicalAnd LogicalOr LogicalNot Conv2D MaxPool AvgPool LRN AddV2"
    ).split()
)
_WRITES = frozenset(
    (
        "Assign AssignAdd AssignSub AssignVariableOp AssignAddVariableOp AssignSubVariableOp "
        "CountUpTo ScatterAdd ScatterUpdate ScatterSub ResourceScatterAdd ResourceScatterUpdate "
        "IteratorGetNext QueueDequeueV2 QueueEnqueueV2 LookupTableInsertV2"
    ).split()
)

# How many merged runs must agree with separate ones, and of how many requests each.
TRIALS = 3
TRIAL_TASKS = 4


def _node_name(edge):
    """The node that an input, a control input (``^node``) or a tensor's name is of."""
    return edge.lstrip("^").partition(":")[0]


_Node = collections.namedtuple("_Node", ["name", "op", "input", "attr"])
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def _inlined(graph_def):
    """The nodes of a graph, those of the functions that it calls (TensorFlow 2.x) among them."""
    functions = {function.signature.name: function for function in graph_def.library.function}

    def of(nodes, prefix, arguments):
        def renamed(edge):
            name = _node_name(edge)
            return arguments.get(name) or prefix + name

        for node in nodes:
            name = prefix + node.name
            inputs = [renamed(edge) for edge in node.input]
            function = functions.get(node.attr["f"].func.name) if node.op in _CALLS else None
            if function is not None:
                named = [argument.name for argument in function.signature.input_arg]
                own, below = dict(zip(named, inputs)), name + "/"
                yield from of(function.node_def, below, own)
                results = [*function.ret.values(), *function.control_ret.values()]
                inputs = [own.get(_node_name(each)) or below + _node_name(each) for each in results]
            yield _Node(name, node.op, inputs, node.attr)

    return of(graph_def.node, "", {})


class Graph:
    """A GraphDef, asked for what mixes rows."""

    def __init__(self, graph_def):
        self._nodes = {node.name: node for node in _inlined(graph_def)}
        self._consumers = collections.defaultdict(set)
        for node in self._nodes.values():
            for name in self._sources(node):
                self._consumers[name].add(node.name)

    def _sources(self, node):
        """The names of the nodes that a node has inputs from."""
        return {_node_name(edge) for edge in node.input} & self._nodes.keys()

    def _reach(self, tensors, step):
        """The names of all nodes that can be reached from these tensors' nodes by `step`."""
        reached = set()
        waiting = [name for name in map(_node_name, tensors) if name in self._nodes]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(step(name))
        return reached

    def mixing_operation(self, inputs, outputs):
        """The name of an operation between the tensors that mixes rows or keeps state, or None."""
        before = self._reach(outputs, lambda name: self._sources(self._nodes[name]))
        after = self._reach(inputs, lambda name: self._consumers[name])
        for name in sorted(before):
            if self._nodes[name].op in _WRITES:
                return name
        first = self._batch_first(set(map(_node_name, inputs)), after)
        for name in sorted(before & after):
            if self._mixes(self._nodes[name], first):
                return name
        return None

    def _batch_first(self, inputs, after):
        """The nodes whose output surely has the batch as its first dimension.

        Elsewhere, behind a transposition or in a loop over time, the first
        dimension may be another, and going along it is no fault.
        """
        first = set(inputs)
        waiting = list(inputs)
        while waiting:
            for name in self._consumers[waiting.pop()]:
                node = self._nodes[name]
                if name in first or node.op not in _KEEPS_BATCH:
                    continue
                if all(
                    before in first for before in map(_node_name, node.input) if before in after
                ):
                    first.add(name)
                    waiting.append(name)
        return first

    def _mixes(self, node, first):
        if node.op == "RandomShuffle":
            return True
        if node.op.startswith("FusedBatchNorm") and "Grad" not in node.op:
            return node.attr["is_training"].b
        if (
            node.op not in _OVER_AXIS
            or len(node.input) < 2
            or _node_name(node.input[0]) not in first
        ):
            return False
        axes = self._constant(_node_name(node.input[1]))
        # An axis that is computed is left to the trial.
        return axes is not None and (0 in axes or not len(axes))

    def _constant(self, name):
        """The integers of a constant node as a flat array, or None."""
        node = self._nodes.get(name)
        if node is None or node.op != "Const":
            return None
        from hosting.model_server.graph import tensor_proto

        return tensor_proto.to_array(node.attr["value"].tensor, name).ravel()


def _same(merged, separate):
    """Whether two results are equal, rounding apart."""
    if merged.shape != separate.shape or merged.dtype != separate.dtype:
        return False
    if merged.dtype.kind not in "fc":
        return bool(np.array_equal(merged, separate))
    tolerance = 1e-2 if merged.dtype.itemsize == 2 else 1e-3
    with np.errstate(invalid="ignore"):
        finite = separate[np.isfinite(separate)]
        largest = float(np.abs(finite).max()) if finite.size else 0.0
        return bool(
            np.allclose(
                merged, separate, rtol=tolerance, atol=tolerance * 1e-2 * largest, equal_nan=True
            )
        )


class Trial:
    """What is known of one signature: unknown at first, then trusted or not, for good."""

    def __init__(self, name):
        self._name = name
        self._agreed = 0
        self.refused = False

    @property
    def passed(self):
        """Whether merged runs can be relied on."""
        return self._agreed >= TRIALS

    def compare(self, tasks, merged, separate):
        """Take note of one merged run and the same requests run by themselves."""
        for one, other in zip(merged, separate):
            if not all(map(_same, one, other)):
                self.refused = True
                log.warning(
                    "Requests to signature %s do not share session runs: the result of "
                    "one depends on the others in the batch",
                    self._name,
                )
                return
        first = tasks[0].arrays
        if any(not np.array_equal(a, b) for task in tasks[1:] for a, b in zip(first, task.arrays)):
            self._agreed += 1
