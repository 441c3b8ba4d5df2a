"""A server on loopback that does what real ones do: resume, break off, change its files, refuse."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`, in the way that `server.faults` says, and notes what it sent."""

    def do_GET(self):
        server, content = self.server, self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        tag = '"' + hashlib.md5(content).hexdigest() + '"'
        if "weak tag" in server.faults:
            tag = "W/" + tag
        unchanged = "no tag" in server.faults or self.headers.get("If-Range") in (None, tag)
        asked = self.headers.get("Range")
        ranged = asked is not None and unchanged and "no ranges" not in server.faults
        start = int(asked.removeprefix("bytes=").rstrip("-")) if ranged else 0
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if ranged else 200)
        if ranged:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if "no tag" not in server.faults:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if "cut" in server.faults:
            body = body[: len(body) // 2]
        server.sent.append((start, len(body)))
        self.wfile.write(body)
        if "stall" in server.faults:
            self.wfile.flush()
            server.go_on.wait(20)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


@pytest.fixture
def server():
    """`files` by path, `faults`, `sent` as (first byte, how many), `url(path)`."""
    new = Server(("127.0.0.1", 0), Handler)
    new.files, new.faults, new.sent, new.go_on = {}, set(), [], threading.Event()
    new.url = lambda path: f"http://127.0.0.1:{new.server_address[1]}{path}"
    thread = threading.Thread(target=new.serve_forever, args=(0.01,))
    thread.start()
    yield new
    new.go_on.set()
    new.shutdown()
    thread.join()
    new.server_close()
