"""The prices of this checkout behind HTTP on loopback, to try a change by hand: `python3 checkout/serve.py PORT`.

It takes orders as the service does and answers with their total; nothing is paid, reserved or kept.
"""

from __future__ import annotations

import importlib
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
pricing = importlib.import_module("pricing")


class Orders(BaseHTTPRequestHandler):
    """POST /orders."""

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        try:
            order: dict[str, Any] = json.loads(self.rfile.read(size))
            self._answer(201, {"total": str(pricing.total(order, {}))})
        except Exception as error:  # as the service does: whatever fails is a 500 with its name
            self._answer(500, {"error": f"{type(error).__name__}: {error}"})

    def _answer(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Orders).serve_forever()
