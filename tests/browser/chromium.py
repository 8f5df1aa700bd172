"""Chromium without a window, driven over the DevTools protocol through a pipe: nothing but the standard library."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
    "--no-first-run", "--no-proxy-server", "--disable-extensions", "--disable-component-update", "--mute-audio",
    # A tab that is not in front is slowed down, and the machine of a test is slow enough.
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    # There is no other host.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


def chromium():
    """A Chromium. Installed where that is ours to do: as root on Debian and its kin."""
    names = ("chromium", "chromium-browser", "google-chrome")
    find = lambda: os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    found = find() or (install("chromium") and find())
    return found or sys.exit("a browser is needed: install the package chromium, or point CHROMIUM to one")


def install(package):
    """Whether it was ours to do. That it worked is for the caller to see."""
    if os.getuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"installing {package}", file=sys.stderr, flush=True)
    for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", package]):
        subprocess.run(["apt-get", *command], stdout=sys.stderr, check=False)
    return True


class Browser:
    def __init__(self, program, folder):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        # It reads from descriptor 3 and writes to 4, whatever ours are called.
        shell = ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash"]
        self.process = subprocess.Popen(
            [*shell, program, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "about:blank"],
            pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=open(f"{folder}/chromium.log", "wb"),
        )
        os.close(commands)
        os.close(answers)
        self.lock, self.heard, self.last, self.done = threading.Lock(), threading.Condition(), 0, {}
        self.events = {}  # by session, in the order in which they came: (name, parameters)
        threading.Thread(target=self.listen, daemon=True).start()
        self.ask("Browser.getVersion")

    def listen(self):
        rest = b""
        while chunk := os.read(self.answers, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            with self.heard:
                for message in map(json.loads, messages):
                    if "id" in message:
                        self.done[message["id"]] = message
                    elif "sessionId" in message:
                        self.events.setdefault(message["sessionId"], []).append((message["method"], message["params"]))
                self.heard.notify_all()

    def ask(self, method, session=None, **params):
        with self.lock:
            self.last += 1
            mine = self.last
            message = {"id": mine, "method": method, "params": params} | ({"sessionId": session} if session else {})
            os.write(self.commands, json.dumps(message).encode() + b"\0")
        with self.heard:
            if not self.heard.wait_for(lambda: mine in self.done, timeout=30):
                raise TimeoutError(f"Chromium did not answer {method}")
            answer = self.done.pop(mine)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url, **how):
        return Tab(self, url, **how)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Tab:
    def __init__(self, browser, url, before=None, alone=False):
        """`before` gets the tab before it goes anywhere. One that is `alone` has a window and a cache to itself."""
        self.browser = browser
        alone = browser.ask("Target.createBrowserContext", disposeOnDetach=True) if alone else {}
        self.target = browser.ask("Target.createTarget", url="about:blank", **alone)["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.ask(f"{domain}.enable")
        if before:
            before(self)
        self.ask("Page.navigate", url=url)

    def told(self, *names):
        """What happened in it so far: the parameters of all events with these names."""
        return [params for name, params in self.browser.events.get(self.session, [])[:] if name in names]

    def ask(self, method, **params):
        return self.browser.ask(method, self.session, **params)

    def run(self, script):
        """The value of an expression; promises are waited for."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def wait(self, what, script, seconds=20):
        """Waits until an expression is true. `what` is for who reads of the failure."""
        return until(what, lambda: self.run(script), seconds, lambda: self.run("JSON.stringify(window.log ?? null)"))

    def offline(self, is_offline):
        self.ask("Network.emulateNetworkConditions", offline=is_offline, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def front(self):
        """Tabs behind this one are hidden."""
        self.ask("Page.bringToFront")

    def close(self):
        self.browser.ask("Target.closeTarget", targetId=self.target)
        self.browser.events.pop(self.session, None)


def until(what, ready, seconds=20, tell=lambda: ""):
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for: {what}\n{tell()}")
        time.sleep(0.02)
    return found
