"""What the Python peers run: a SavedModel in a session of plain TensorFlow."""


class Model:
    """A SavedModel in a session of plain TensorFlow, with its default signature."""

    def __init__(self, path):
        import tensorflow as tf

        self._session = tf.Session(graph=tf.Graph())
        meta_graph = tf.saved_model.loader.load(self._session, ["serve"], path)
        signature = meta_graph.signature_def["serving_default"]
        self._inputs = {key: info.name for key, info in signature.inputs.items()}
        # The probabilities' key holds their operation's name; see hosting.packed.
        output = min(signature.outputs, key=lambda name: ("Softmax" not in name, name))
        self._output = signature.outputs[output].name

    def predict(self, inputs):
        """The probabilities for arrays by the signature's keys; or for the one input's array."""
        if not isinstance(inputs, dict):
            inputs = dict.fromkeys(self._inputs, inputs)
        return self._session.run(
            self._output, {self._inputs[key]: rows for key, rows in inputs.items()}
        )
