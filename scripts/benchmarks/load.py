"""A client that costs little beside the server it asks: one thread, many connections, HTTP/1.1, and requests that are
ready before the clock starts.

What it does is told as exchanges: generators that yield a `Request` and are sent its `Answer`. Each connection runs one
exchange after another until none is left. Any status that an exchange does not expect ends the run.
"""

import dataclasses
import os
import select
import socket
import time

from .place import Failed

# Bodies up to this are kept for the exchange; of larger ones the bytes are counted.
KEPT_BYTES_MAX = 1 << 20
SCRATCH_BYTES = 1 << 20
SILENCE_SECONDS_MAX = 120


@dataclasses.dataclass(slots=True)
class Request:
    """Head and small body in one piece; or a head, and a file that follows."""

    head: bytes
    path: object = None


@dataclasses.dataclass(slots=True)
class Answer:
    status: int
    headers: dict
    body: bytes
    size_bytes: int

    def expect(self, *statuses):
        if self.status not in statuses:
            raise Failed(f"answered {self.status}: {self.body[:300].decode(errors='replace')}")
        return self


def request(method, host, target, headers=None, body=b"", path=None):
    """A request whose length is known; the content of `path` is its body, if one is named."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or path or method in ("PUT", "POST"):
        lines.append(f"Content-Length: {path.stat().st_size if path else len(body)}")
    return Request(("\r\n".join(lines) + "\r\n\r\n").encode() + body, path)


@dataclasses.dataclass
class Taken:
    """What a run took. `latencies` are seconds from the first byte sent to the last received, one for each request."""

    seconds: float
    client_cpu_seconds: float
    latencies: list
    results: list


def run(host, exchanges, connections=1):
    """Runs all exchanges over so many connections to `host` (NAME:PORT)."""
    waiting = iter(exchanges)
    taken = Taken(0.0, 0.0, [], [])
    with select.epoll() as poll:
        lines = {}
        for _ in range(connections):
            line = Connection(host, poll)
            lines[line.number] = line
        started, cpu = time.perf_counter(), time.process_time()
        try:
            busy = sum(line.next_exchange(waiting, taken) for line in lines.values())
            while busy:
                events = poll.poll(SILENCE_SECONDS_MAX)
                if not events:
                    raise Failed(f"{host} was silent for {SILENCE_SECONDS_MAX} s")
                for number, event in events:
                    line = lines.get(number)
                    if line is None:
                        continue
                    answer = line.advance(event)
                    if answer is None:
                        continue
                    taken.latencies.append(time.perf_counter() - line.begun)
                    if answer.headers.get("connection", "").lower() == "close":
                        del lines[number]
                        line.reconnect()
                        lines[line.number] = line
                    busy -= not line.go_on(answer, waiting, taken)
        finally:
            for line in lines.values():
                line.close()
        taken.seconds = time.perf_counter() - started
        taken.client_cpu_seconds = time.process_time() - cpu
    return taken


class Connection:
    def __init__(self, host, poll):
        self.host, self.poll = host, poll
        self.scratch = memoryview(bytearray(SCRATCH_BYTES))
        self.file = self.exchange = None
        self.connect()

    def connect(self):
        name, port = self.host.rsplit(":", 1)
        self.socket = socket.create_connection((name, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.number = self.socket.fileno()
        self.poll.register(self.number, select.EPOLLIN)

    def reconnect(self):
        self.socket.close()
        self.connect()

    def close(self):
        if self.file is not None:
            os.close(self.file)
        self.socket.close()

    def next_exchange(self, waiting, taken):
        """Begins the next exchange; whether there was one."""
        for self.exchange in waiting:
            try:
                self.send(next(self.exchange))
                return True
            except StopIteration as ended:
                taken.results.append(ended.value)
        return False

    def go_on(self, answer, waiting, taken):
        """Hands an answer on; whether this connection has more to do."""
        try:
            self.send(self.exchange.send(answer))
            return True
        except StopIteration as ended:
            taken.results.append(ended.value)
            return self.next_exchange(waiting, taken)

    def send(self, request):
        self.begun = time.perf_counter()
        self.unsent = memoryview(request.head)
        self.sent_of_file = 0
        self.file = os.open(request.path, os.O_RDONLY) if request.path else None
        self.received, self.headers, self.left = bytearray(), None, 0
        if not self.write():
            self.poll.modify(self.number, select.EPOLLIN | select.EPOLLOUT)

    def write(self):
        """Sends what the socket takes; whether that was all."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            while self.file is not None:
                sent = os.sendfile(self.number, self.file, self.sent_of_file, 4 << 20)
                self.sent_of_file += sent
                if sent == 0:
                    os.close(self.file)
                    self.file = None
        except BlockingIOError:
            return False
        return True

    def advance(self, event):
        """Writes and reads what can be; the answer, if it is there as a whole."""
        if event & select.EPOLLOUT and self.write():
            self.poll.modify(self.number, select.EPOLLIN)
        if not event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            return None
        try:
            count = self.socket.recv_into(self.scratch)
        except BlockingIOError:
            return None
        if count == 0:
            raise Failed(f"{self.host} closed the connection in the middle of an exchange")
        piece = self.scratch[:count]
        if self.headers is None:
            self.received += piece
            piece = self.read_head()
            if piece is None:
                return None
        self.left -= len(piece)
        if self.keeps:
            self.received += piece
        if self.left > 0:
            return None
        if self.left < 0:
            raise Failed(f"{self.host} sent more than it announced")
        if self.unsent or self.file is not None:
            raise Failed(f"answered {self.status} before the body was sent: {bytes(self.received[:300])!r}")
        return Answer(self.status, self.headers, bytes(self.received), self.size_bytes)

    def read_head(self):
        """Reads the head once it is there as a whole; what came behind it, or `None`."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *fields = bytes(self.received[:end]).decode("latin-1").split("\r\n")
        self.status = int(first.split(" ", 2)[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        if "transfer-encoding" in self.headers:
            raise Failed(f"{self.host} answers without a length")
        self.size_bytes = self.left = int(self.headers.get("content-length", 0))
        self.keeps = self.size_bytes <= KEPT_BYTES_MAX
        rest = memoryview(bytes(self.received[end + 4 :]))
        self.received = bytearray()
        return rest


def fetched(request, size_bytes):
    """One GET whose answer must be so long."""
    answer = (yield request).expect(200)
    if answer.size_bytes != size_bytes:
        raise Failed(f"{answer.size_bytes} bytes came instead of {size_bytes}")
    return None
