"""A real HTTP server on 127.0.0.1 that gives the answers of a script, with faults."""

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        ranges: whether the server continues where it is asked to.
        sends: bytes of the body after which the connection is cut; None: all.
        holds: whether it is silent there, until it is released, instead.
        says_length: whether there is a Content-Length; else the end is the end.
        chunked: whether the body is sent in chunks, as HTTP/1.1 has them.
        etag: whether it says which version of the file it sends.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ranges: bool = False
    sends: int | None = None
    holds: bool = False
    says_length: bool = True
    chunked: bool = False
    etag: bool = True


@dataclass
class Request:
    """What the server's log says of one request."""

    path: str
    range: str | None
    sent: int = 0


class MisbehavingServer(ThreadingHTTPServer):
    """Answers a path with its replies in turn, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str, list[Reply]] = {}
        self.log: list[Request] = []
        self.release = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def serve(self, path: str, *replies: bytes | Reply) -> None:
        self.replies[path] = [Reply(r) if isinstance(r, bytes) else r for r in replies]

    def paths(self) -> list[str]:
        return [request.path for request in self.log]

    def handle_error(self, *_):
        """A client that is gone is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: MisbehavingServer

    def do_GET(self):
        server = self.server
        request = Request(self.path, self.headers["Range"])
        server.log.append(request)
        queue = server.replies.get(self.path, [Reply(b"not here", 404)])
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        body, status, headers = reply.body, reply.status, dict(reply.headers)
        if request.range and reply.ranges:
            start = int(re.findall(r"\d+", request.range)[0])
            last = len(body) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(body)}"
            body, status = body[start:], 206
        if reply.etag:
            headers.setdefault("ETag", f'"{hashlib.md5(reply.body).hexdigest()}"')
        if reply.chunked:
            self.protocol_version = "HTTP/1.1"
            headers["Transfer-Encoding"] = "chunked"
        elif reply.says_length:
            headers["Content-Length"] = str(len(body))
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self._send(body if reply.sends is None else body[: reply.sends], reply)
            request.sent = len(body if reply.sends is None else body[: reply.sends])
            if reply.holds:
                server.release.wait(30)
                self._send(body[reply.sends :], reply)
                request.sent = len(body)
            elif reply.chunked and reply.sends is None:
                self.wfile.write(b"0\r\n\r\n")

    def _send(self, body: bytes, reply: Reply) -> None:
        if reply.chunked:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


@contextmanager
def serving() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as server:
        arguments = {"poll_interval": 0.02}
        threading.Thread(target=server.serve_forever, kwargs=arguments).start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
