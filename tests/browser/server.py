"""The server of a test, and what is made on it over its API."""

import json
import random
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

PASSWORD = "correct horse battery"


def serving(program, store):
    """The command that serves what is kept in a folder, to clients that nobody counts the requests of."""
    return [program, "serve", "--store", f"file:{store}", "--requests-per-second", "0", "--log", "warn"]


class Server:
    """A server; it can be killed and started again where it was."""

    def __init__(self, command, log):
        self.command, self.log, self.port = command, log, 0
        self.start()

    def start(self):
        command = [*self.command, "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log.open("ab"), text=True)
        first = self.process.stdout.readline()
        listens = re.search(r"http://\S+:(\d+)", first)
        if not listens:
            sys.exit(f"the server did not start:\n{first}{self.log.read_text()}")
        self.port = int(listens[1])
        self.address = f"http://127.0.0.1:{self.port}"

    def end(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(60)

    def ask(self, method, path, token=None, body=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None


class Organization:
    """An organization of its own, with an admin who may everything in it."""

    def __init__(self, server, slug, **more):
        self.server = server
        self.slug = f"{slug.replace('_', '-')[:30].strip('-')}-{random.randrange(10**6)}"
        account = {"email": f"{self.slug}@example.org", "password": PASSWORD, "name": "Ann"}
        self.token = server.ask("POST", "/api/v1/auth/register", body=account)["access_token"]
        self.org = server.ask("POST", "/api/v1/orgs", self.token, {"name": "Acme", "slug": self.slug} | more)["id"]

    def write(self, method, path, **body):
        return self.server.ask(method, f"/api/v1/orgs/{self.org}/{path}".rstrip("/"), self.token, body)

    def make(self, what, **body):
        return self.write("POST", what, **body)

    def public(self):
        return self.server.ask("GET", f"/api/v1/public/{self.slug}")
