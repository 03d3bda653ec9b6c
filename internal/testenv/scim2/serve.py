# SPDX-License-Identifier: Apache-2.0
"""Starts the test server of the package scim2-server, as its own command does, on a free port of loopback.

The protocol, the storage and the HTTP server are all the package's; where they are odd, they stay odd. The command itself
is not used, as it takes its token as an argument, tells port 0 as "0", and outlives the test that started it. What is added
before the package's application is a count of requests, at /__counts and /__reset-counts, outside of the SCIM base URL /v2.

Environment: SCIM2_TOKEN (required).
Prints one line of JSON when it listens: {"port": N}. Ends when stdin closes, so that it dies with the test.
"""

import collections
import json
import os
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config


class Server(ThreadingWSGIServer):
    """Lets 128 connections wait. The package's five overflow when a client opens eight at a time, as it must for a server
    that closes each; the kernel then repeats what it dropped after a second, which tells nothing about SCIM."""

    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    """Writes no line for each request: stderr is for what goes wrong."""

    def log_request(self, code="-", size="-"):
        pass


class Counted:
    """Counts requests by method and route before the application sees them, in the words of testenv.Counts."""

    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()
        self.counts = collections.Counter()

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path in ("/__counts", "/__reset-counts"):
            with self.lock:
                answer = json.dumps(self.counts).encode()
                if path == "/__reset-counts":
                    self.counts.clear()
            start_response("200 OK", [("Content-Type", "application/json")])
            return [answer]
        with self.lock:
            self.counts[self.kind(environ, path)] += 1
        return self.application(environ, start_response)

    @staticmethod
    def kind(environ, path):
        parts = path.removeprefix("/v2").strip("/").split("/")
        route = "/" + parts[0]
        if len(parts) > 1:
            route += "/.search" if parts[1] == ".search" else "/:id"
        elif "filter=" in environ.get("QUERY_STRING", ""):
            route += "?filter"
        return f"{environ['REQUEST_METHOD']} {route}"


def main():
    config = load_default_service_provider_config()
    config.authentication_schemes = [*(config.authentication_schemes or []), BEARER_TOKEN_SCHEME]
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(), load_default_resource_types().values(), config=config
    )
    application = BearerTokenApplication(InMemoryStorage(), provider, bearer_tokens=[os.environ["SCIM2_TOKEN"]])
    server = make_server(
        "127.0.0.1", 0, Counted(application), server_class=Server, handler_class=Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_port}), flush=True)
    sys.stdin.read()


main()
