#!/usr/bin/env python3
"""Time-stamp authorities over HTTP (RFC 3161 section 3.4): POST /NAME is answered by `openssl ts -reply`.

usage: tsa-over-http.py PORT DIRECTORY     DIRECTORY/NAME/tsa.cnf configures each
"""

import http.server
import pathlib
import subprocess
import sys
import tempfile
import threading

PORT, AUTHORITIES = int(sys.argv[1]), pathlib.Path(sys.argv[2])
QUERY_BYTES_MAX = 4096

# `openssl ts` counts its serial numbers in a file.
one_at_a_time = threading.Lock()


class Authority(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        home = AUTHORITIES / self.path.strip("/")
        length = int(self.headers.get("content-length", 0))
        query = self.rfile.read(min(length, QUERY_BYTES_MAX))
        if home.parent != AUTHORITIES or not (home / "tsa.cnf").exists():
            return self.answer(404, "text/plain", b"no such authority\n")
        if self.headers.get("content-type") != "application/timestamp-query":
            return self.answer(415, "text/plain", b"not a time-stamp query\n")
        with one_at_a_time, tempfile.NamedTemporaryFile() as file:
            file.write(query)
            file.flush()
            command = ["openssl", "ts", "-reply", "-config", home / "tsa.cnf", "-section", "here", "-queryfile", file.name]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
        status = 200 if done.returncode == 0 else 500
        self.answer(status, "application/timestamp-reply", done.stdout)

    def do_GET(self):
        self.answer(405, "text/plain", b"time-stamp queries are posted\n")

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Authority).serve_forever()
