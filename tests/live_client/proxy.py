"""What stands between a browser and the server: the internet. It can cut, refuse, swallow and remember.

It also serves the page of the tests, so that all of it has one origin, under a Content-Security-Policy as strict as ours.
"""

import asyncio
import random
import threading
import time
from pathlib import Path

POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'"


class Proxy:
    def __init__(self, port, live_js):
        """In front of the server at that port of this machine."""
        here = Path(__file__).parent
        self.upstream, self.page = port, here / "page.js"
        self.live_js = live_js
        self.refuses = set()  # any of: everything, websocket, sse
        self.swallows = False  # connections stay open, and nothing comes through
        self.pieces = 0  # came through, in either direction
        self.seen = []  # (when, kind, target, status of the answer)
        self.open, self.deaf = set(), set()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()

        async def start():
            listener = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            self.port = listener.sockets[0].getsockname()[1]
            started.set()

        def work():
            asyncio.set_event_loop(self.loop)
            self.loop.create_task(start())
            self.loop.run_forever()

        threading.Thread(target=work, daemon=True).start()
        started.wait(10)
        self.address = f"http://127.0.0.1:{self.port}"

    def count(self, kind, status=None):
        return sum(1 for _, seen, _, told in self.seen if seen == kind and status in (None, told))

    def cut(self, deaf=False):
        """Ends all connections, or those through which nothing comes any more, without a word."""
        done = threading.Event()

        def work():
            for writer in list(self.deaf if deaf else self.open):
                writer.transport.abort()
            done.set()

        self.loop.call_soon_threadsafe(work)
        done.wait(10)

    async def serve(self, reader, writer):
        self.open.add(writer)
        far = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ")[1].decode()
            path = target.partition("?")[0]
            if path in self.files():
                return await self.file(writer, path)
            kind = "websocket" if path.startswith("/ws/") else "sse" if path.endswith("/events") else "http"
            seen = [time.monotonic(), kind, target, None]
            self.seen.append(seen)
            if "everything" in self.refuses:
                return writer.transport.abort()
            if kind in self.refuses:
                seen[3] = 502
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return await writer.drain()
            other, far = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 22)
            self.open.add(far)
            if kind != "websocket":  # one request a connection, so that we see each
                lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
                head = b"\r\n".join([*lines, b"Connection: close", b"", b""])
            far.write(head)
            answer = await other.readuntil(b"\r\n\r\n")
            seen[3] = int(answer.split(b" ")[1])
            writer.write(answer)
            pumps = [self.pump(reader, far), self.pump(other, writer)]
            tasks = [asyncio.ensure_future(pump) for pump in pumps]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in filter(None, (writer, far)):
                self.open.discard(end)
                self.deaf.discard(end)
                end.close()

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                if self.swallows:
                    self.deaf.add(writer)  # for ever: a stream that goes on after a hole is not TCP
                if writer in self.deaf:
                    continue
                self.pieces += 1
                # In pieces, because that is how it comes from far away.
                at = random.randrange(len(data)) if len(data) < 1 << 12 else 0
                for piece in filter(None, (data[:at], data[at:])):
                    writer.write(piece)
                    await writer.drain()
        except ConnectionError:
            pass

    def files(self):
        return ("/test/", "/test/page.js") + (("/assets/live.js",) if self.live_js else ())

    async def file(self, writer, path):
        if path == "/test/":
            kind, body = "text/html", b'<!doctype html><title>Test</title><script type="module" src="/test/page.js"></script>'
        else:
            kind, body = "text/javascript", (self.live_js if path == "/assets/live.js" else self.page).read_bytes()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Content-Security-Policy: {POLICY}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
