"""A stand-in for tensorflow_model_server that shows what it is sent and fails on demand.

A predict request is answered with its own method, path, headers and body, so that a test
sees what the endpoint made of a client's request. The model's name chooses the answer:

    status-503            that status and an error body
    empty-503             that status and no body
    escaped               400 with the model server's invalid escape of 'instances'
    loading               a model that is not AVAILABLE
    missing               404
    slow-3                answers after 3 seconds
    die                   the process ends without an answer
"""
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time

AVAILABLE = {'model_version_status': [{
    'version': '1', 'state': 'AVAILABLE', 'status': {'error_code': 'OK', 'error_message': ''}}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, content):
        body = (content if isinstance(content, str) else json.dumps(content, indent=1)).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def show(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        name = re.match(r'/v1/models/([^/:?]*)', self.path)
        name = name.group(1) if name else ''
        number = re.match(r'(?:status|slow|empty)-([0-9.]+)$', name)
        if name == 'die':
            os._exit(6)
        if name.startswith('slow-'):
            time.sleep(float(number.group(1)))
        if name.startswith('status-'):
            self.answer(int(number.group(1)), {'error': 'as asked'})
        elif name.startswith('empty-'):
            self.answer(int(number.group(1)), '')
        elif name == 'missing':
            self.answer(404, {'error': 'Servable not found for request: Latest(missing)'})
        elif name == 'escaped':
            self.answer(400, '{ "error": "no \\\'instances\\\' or \\\'instances\\\'" }')
        elif self.command == 'GET' and ':' not in self.path:
            status = json.loads(json.dumps(AVAILABLE))
            if name == 'loading':
                status['model_version_status'][0]['state'] = 'LOADING'
            self.answer(200, status)
        else:
            self.answer(200, {
                'method': self.command, 'path': self.path, 'body': body.decode('latin-1'),
                'headers': {key.lower(): value for key, value in self.headers.items()}})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = show

    def log_message(self, format, *arguments):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    if '--version' in sys.argv:
        print('fake model server')
        return
    port = int(next(a for a in sys.argv if a.startswith('--rest_api_port=')).partition('=')[2])
    server = Server(('127.0.0.1', port), Handler)
    print('fake model server', ' '.join(sys.argv[1:]),
          'OMP_NUM_THREADS=%s' % os.environ.get('OMP_NUM_THREADS'), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


if __name__ == '__main__':
    main()
