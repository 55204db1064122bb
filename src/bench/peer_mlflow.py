"""MLflow's view of a SavedModel; a module of its own, since only its environment has MLflow."""

from mlflow.pyfunc import PythonModel

from bench.peer_session import Model


class Predictor(PythonModel):
    """Loads the artifact `saved_model` in each worker."""

    def load_context(self, context):
        self._model = Model(context.artifacts["saved_model"])

    def predict(self, context, model_input):
        return self._model.predict(model_input)
