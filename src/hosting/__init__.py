"""SageMaker's TensorFlow Serving container on this machine.

`python -m hosting --model-dir DIR` is the container's command `serve`; DIR stands for
/opt/ml/model. What the container's parts are here:

    supervisor       serve.py: starts the three below, restarts them, ends them
    model_server     tensorflow_model_server (a real one on PATH is used instead)
    handler_service  gunicorn with python_service.py: runs the model's code/inference.py
    edge             nginx with its JavaScript: the public port

"2019", "head" and "today" are the states of the container that are reproduced: the one that
served framework version 1.13 in mid-2019, the final one of that repository, and today's of
TensorFlow 2.20 (HOSTING_CONTRACT=head, today). The first two run in Python 3.6, the third in 3.12.
What they do, section by section: docs/contract.md.
"""
