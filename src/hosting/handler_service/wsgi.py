"""What gunicorn is told to run: importing this module loads inference.py."""

from hosting.handler_service.app import make_app

app = make_app()
