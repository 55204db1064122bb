"""The nodes of a GraphDef: what each one takes its inputs from, and what it feeds."""

import collections


def source(edge):
    """(node, output) of a node's input; of a control input, ``^node``, the output is None."""
    if edge.startswith('^'):
        return edge[1:], None
    name, _, output = edge.partition(':')
    return name, int(output or 0)


def node_name(edge):
    """The node that an input, or a tensor's name, is of."""
    return source(edge)[0]


class Nodes:
    """The nodes of a GraphDef by name.

    `consumers`: the names of those that a node feeds, control inputs included.
    """

    def __init__(self, graph_def):
        self.nodes = {node.name: node for node in graph_def.node}
        self.consumers = collections.defaultdict(set)
        for node in graph_def.node:
            for name in self.sources(node):
                self.consumers[name].add(node.name)

    def sources(self, node):
        """The names of the nodes that a node has inputs from."""
        return {node_name(edge) for edge in node.input} & self.nodes.keys()

    def reach(self, names, step):
        """The names of all nodes that can be reached from `names` by `step`."""
        reached = set()
        waiting = [name for name in names if name in self.nodes]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(step(name))
        return reached

    def run_for(self, outputs):
        """The names of all nodes that these tensors depend on, their own included."""
        return self.reach(map(node_name, outputs), lambda name: self.sources(self.nodes[name]))
