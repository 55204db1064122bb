"""Loops without what every turn would do again.

Keras' recurrent layers cut the gates' kernels out of their variables in each step: of
the hundred operations in a step of an LSTM, forty give the same in all of them.
TensorFlow's optimizer leaves them where they are, since a variable might be written
between two steps. Where nothing that a signature runs writes one, they can be done once,
before the loop. The other operations get the very same values, and give the same bits.

Only with HOSTING_OPTIMIZE=1: what AWS does not do must not flatter a rehearsal. It is for
others' models: Keras' graph of an LSTM answers 1.7 times as fast with one client, 1.3 times
with 32; this project's own packages, made for serving, gain nothing.
"""

import collections
import contextlib
import logging
import os
import shutil
import tempfile

from hosting.model_server import graph_file
from hosting.model_server.nodes import Nodes, source

log = logging.getLogger(__name__)

# Graphs that are larger hold their weights: not worth the memory that changing them takes.
LARGEST = 32 << 20

# What reads, cuts and shapes, and the attribute with the type of its outputs.
_MOVABLE = {
    'Const': 'dtype', 'ConcatV2': 'T', 'ExpandDims': 'T', 'Identity': 'T',
    'ReadVariableOp': 'dtype', 'Reshape': 'T', 'Slice': 'T', 'Split': 'T', 'Squeeze': 'T',
    'StridedSlice': 'T', 'Transpose': 'T', 'Unpack': 'T'}
_ENTER = {'Enter', 'RefEnter'}
_EXIT = {'Exit', 'RefExit'}
_BACK = {'NextIteration', 'RefNextIteration'}
# What they do depends on which of their inputs are alive: those inputs stay as they are.
_CONTROL_FLOW = _ENTER | _EXIT | _BACK | {'LoopCond', 'Merge', 'RefMerge', 'Switch', 'RefSwitch'}
_READ_ONLY = {'ReadVariableOp', 'ResourceGather', 'VarIsInitializedOp', 'VariableShape'}


@contextlib.contextmanager
def moved_out(path):
    """The folder to load a SavedModel from: `path`, or for a while a copy with other loops.

    A copy is made of a model that has loops, and no assets: its operations may look for
    those files whenever they run.
    """
    copy = None
    rewritten = _rewritten(path)
    if rewritten is not None:
        try:
            copy = _copy(path, rewritten)
        except OSError as error:
            log.warning('The loops of %s stay as they are: no copy of it can be written: %s',
                        path, error)
    try:
        yield copy or path
    finally:
        if copy:
            shutil.rmtree(copy, ignore_errors=True)


def _copy(path, graph):
    """A new folder with the graph, and a link to the variables in `path`."""
    copy = tempfile.mkdtemp(prefix='saved-model-')
    with open(os.path.join(copy, graph_file.NAME), 'wb') as file:
        file.write(graph)
    os.symlink(os.path.abspath(os.path.join(path, 'variables')), os.path.join(copy, 'variables'))
    return copy


def _rewritten(path):
    """The serialized SavedModel with other loops, or None: it stays as it is."""
    if not graph_file.holds(path, b'LoopCond') or os.path.exists(os.path.join(path, 'assets')):
        return None
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    with open(os.path.join(path, graph_file.NAME), 'rb') as file:
        serialized = file.read(LARGEST + 1)
    if len(serialized) > LARGEST:
        return None
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(serialized)
    except DecodeError:
        return None  # loading it tells what is wrong
    count = 0
    for meta_graph in saved_model.meta_graphs:
        count += move_out(meta_graph.graph_def, [
            info.name for signature in meta_graph.signature_def.values()
            for info in signature.outputs.values()])
    if not count:
        return None
    log.info('%d results that are the same in every turn of a loop of %s: computed before it',
             count, path)
    return saved_model.SerializeToString()


def move_out(graph_def, outputs):
    """Have the operations in loops use what is done once before, where that is the same.

    What was in a loop keeps its name and its place, and is not run when nothing uses it
    any more. Loops within loops stay as they are.

    Args:
        graph_def: is changed.
        outputs: the names of all tensors that may be asked for.

    Returns:
        int: the number of results that loops now take from before them.
    """
    graph = _Graph(graph_def)
    invariants = _Invariants(graph, set(_MOVABLE) - (
        {'ReadVariableOp'} if graph.may_write_variables(outputs) else set()))
    for node in list(graph.nodes.values()):
        if node.op not in _CONTROL_FLOW and node.name not in invariants:
            invariants.rewire(node)
    return invariants.count


def _edge(name, output):
    return '%s:%d' % (name, output) if output else name


class _Graph(Nodes):
    """A GraphDef's nodes, and the loops that each of them is in."""

    def __init__(self, graph_def):
        super().__init__(graph_def)
        self._graph_def = graph_def
        self.order = self._topological()
        self.loops = {}  # node → the names of the frames it is in, from the outermost
        for name in self.order:
            self.loops[name] = self._loops_around(self.nodes[name])

    def _topological(self):
        """The names, each after its sources; the edges back to a loop's start do not count."""
        order = []
        missing = {name: sum(self.nodes[before].op not in _BACK for before in self.sources(node))
                   for name, node in self.nodes.items()}
        ready = collections.deque(name for name, count in missing.items() if not count)
        while ready:
            name = ready.popleft()
            order.append(name)
            if self.nodes[name].op in _BACK:
                continue
            for consumer in self.consumers[name]:
                missing[consumer] -= 1
                if not missing[consumer]:
                    ready.append(consumer)
        return order

    def _loops_around(self, node):
        loops = max((self.loops.get(before, ()) for before in self.sources(node)),
                    key=len, default=())
        if node.op in _ENTER:
            return loops + (node.attr['frame_name'].s,)
        return loops[:-1] if node.op in _EXIT else loops

    def add(self, name):
        """A new node, whose name begins with `name`."""
        while name in self.nodes:
            name += '_'
        node = self.nodes[name] = self._graph_def.node.add(name=name)
        return node

    def may_write_variables(self, outputs):
        """Whether a run for these outputs holds more than readers of resource variables."""
        run = self.run_for(outputs)
        handles = self.reach(
            [name for name in run if self.nodes[name].op == 'VarHandleOp'],
            lambda name: self.consumers[name] & run if self._passes_handles(name) else ())
        return any(self.nodes[name].op not in _READ_ONLY and not self._passes_handles(name)
                   for name in handles)

    def _passes_handles(self, name):
        operation = self.nodes[name].op
        return operation in _CONTROL_FLOW or operation in ('VarHandleOp', 'Identity')


class _Invariants:
    """The nodes in loops that give the same in every turn, each with its like before the loop."""

    def __init__(self, graph, movable):
        self.count = 0
        self._graph = graph
        self._enters = {}      # frame → one of its Enter nodes
        self._before = {}      # node in a loop → node before it; of an Enter: the edge that enters
        self._conditions = {}  # node in a loop → the control inputs it was subject to
        self._entered = {}     # edge before the loop → node that brings it into the loop
        for name in graph.order:
            if len(graph.loops[name]) == 1:
                self._look_at(graph.nodes[name], movable)

    def __contains__(self, name):
        return name in self._before

    def _look_at(self, node, movable):
        if node.op == 'Enter':
            self._enters[self._graph.loops[node.name]] = node
            if node.attr['is_constant'].b:
                self._before[node.name] = node.input[0]
                self._conditions[node.name] = set()
        elif node.op in movable:
            sources = [source(edge) for edge in node.input]
            data = [(name, output) for name, output in sources if output is not None]
            if all(name in self for name, _ in data):
                self._move(node, data)

    def _outside(self, name, output):
        """The edge that gives, before the loop, what a node gives in it."""
        before = self._before[name]
        return before if self._graph.nodes[name].op == 'Enter' else _edge(before, output)

    def _move(self, node, data):
        moved = self._graph.add(node.name + '/before_loop')
        moved.op = node.op
        moved.device = node.device
        for key, value in node.attr.items():
            if key != '_class':  # to be placed beside nodes of the loop
                moved.attr[key].CopyFrom(value)
        moved.input.extend(self._outside(name, output) for name, output in data)
        self._before[node.name] = moved.name
        self._conditions[node.name] = {edge for edge in node.input if edge.startswith('^')}.union(
            *[self._conditions[name] for name, _ in data])

    def rewire(self, node):
        """Have a node that stays in its loop take its inputs from before it.

        A turn that is not taken, the last of a loop or one branch of a condition, is dead:
        its constants are, and so is what uses them. What comes from before the loop is always
        alive; hence the control inputs of what was used.
        """
        conditions = set()
        for index, edge in enumerate(node.input):
            name, output = source(edge)
            # A constant alone costs no more in the loop than on its way into it.
            if (output is None or name not in self
                    or self._graph.nodes[name].op in ('Enter', 'Const')):
                continue
            node.input[index] = self._enter(name, output)
            conditions |= self._conditions[name]
        node.input.extend(sorted(conditions.difference(node.input)))

    def _enter(self, name, output):
        """The name of the node that brings an invariant into its loop."""
        edge = self._outside(name, output)
        if edge not in self._entered:
            pattern = self._enters[self._graph.loops[name]]
            node = self._graph.nodes[name]
            enter = self._graph.add('%s/enter_%d' % (self._before[name], output))
            enter.op = 'Enter'
            enter.input.append(edge)
            enter.attr['T'].type = node.attr[_MOVABLE[node.op]].type
            enter.attr['is_constant'].b = True
            for key in ('frame_name', 'parallel_iterations'):
                enter.attr[key].CopyFrom(pattern.attr[key])
            self._entered[edge] = enter.name
            self.count += 1
        return self._entered[edge]
