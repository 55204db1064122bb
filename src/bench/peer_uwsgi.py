"""What uwsgi runs of simple-tensorflow-serving: the application that its server module makes."""

from simple_tensorflow_serving import server

application = server.WsgiApp(server.args).app
