"""A small HTTP server on 127.0.0.1 that can misbehave in the ways that real ones do."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What the server gives at one address.

    `cuts`: after how many bytes of the body the connection is cut, one for each of the first requests. `lie`: bytes
    that Content-Length says too many. `hang`: "headers" (nothing is ever sent) or "body" (nothing after the first
    byte). `pause`: seconds before each 64 kB.
    """

    body: bytes = b""
    etag: str | None = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    lie: int = 0
    hang: str | None = None
    pause: float = 0.0
    status: int = 200
    redirect: str | None = None
    length: bool = True


class Server:
    """`with Server() as server:` then `server.pages["/x"] = Page(...)`; `server.url("/x")`, `server.requests`.

    `requests` holds (path, Range header or None, bytes of the body that were sent), in order.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[list] = []
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # clients that were killed are part of the tests
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)

    def __enter__(self) -> Server:
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.http.shutdown()
        self.http.server_close()

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def sent(self, path: str) -> list[int]:
        """Bytes sent in each request for a path."""
        return [sent for asked, _, sent in self.requests if asked == path]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        log = [handler.path, wanted, 0]
        self.requests.append(log)
        page = self.pages.get(handler.path.split("?")[0], Page(status=404))
        if page.hang == "headers":
            self.over.wait(30)
            return
        if page.redirect:
            handler.send_response(302)
            handler.send_header("Location", page.redirect)
            handler.end_headers()
            return
        if page.status != 200:
            handler.send_error(page.status)
            return
        start = 0
        changed = handler.headers.get("If-Range") not in (None, page.etag)
        if wanted and page.ranges and not changed:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(page.body):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(page.body)}")
                handler.end_headers()
                return
        body = page.body[start:]
        handler.send_response(206 if start else 200)
        if start:
            total = len(page.body) + page.lie
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if page.length:
            handler.send_header("Content-Length", str(len(body) + page.lie))
        if page.etag:
            handler.send_header("ETag", page.etag)
        handler.end_headers()
        body = body[: page.cuts.pop(0)] if page.cuts else body
        if page.hang == "body":
            handler.wfile.write(body[:1])
            self.over.wait(30)
            return
        for at in range(0, len(body), 1 << 16):
            if page.pause:
                time.sleep(page.pause)
            log[2] += handler.wfile.write(body[at : at + (1 << 16)])
