"""The cases of the Autobahn test suite, on Python 3.

The suite is written in Python 2, which Debian has not had since 12. But what has to run is only its cases, small programs
against the WebSocket client of Autobahn 0.10.9, and that client knows Python 3.
So the cases are taken as they are from the published package, and are read the way Python 2 would: a string is a row of
octets. Here that is a string of Python whose characters are all below 256. It becomes octets, and octets become it, at the
border to the client (see Peer in fuzz.py).
"""

import re
import sys
import types
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from autobahn.websocket import protocol, utf8validator, xormasker

PACKAGE = Path(find_spec("autobahntestsuite").submodule_search_locations[0])

# What Python 3 reads differently, in all cases there are. Nothing else of Python 2 is in them where it would run.
DIFFERENT = [
    (r"(?m)^#.*coding=.*$", ""),
    (r"(?m)^( *)print (.*)$", r"\1print(\2)"),
    (r"\(object, Case, \)", "(Case, )"),
    (r"len\(self\.payload\) / ", "len(self.payload) // "),
    (r"\bxrange\b", "range"),
    (r"\bbinascii\.(b2a_hex|hexlify)\b", "b2a_hex"),
]
# Never ran, the suite has it commented out, and it does not load.
LEFT_OUT = "from case9_9_1 import *"


def octets(text):
    return text.encode("latin-1") if isinstance(text, str) else text


def text(octets):
    return octets.decode("latin-1") if isinstance(octets, (bytes, bytearray)) else octets


class Masker:
    """The client's own, in pure Python, goes from octet to octet, and the cases have messages of 16 MiB."""

    def __init__(self, mask):
        self.mask, self.at = mask, 0

    def pointer(self):
        return self.at

    def reset(self):
        self.at = 0

    def process(self, data):
        start = self.at & 3
        mask = (self.mask[start:] + self.mask[:start]) * (len(data) // 4 + 1)
        self.at += len(data)
        both = int.from_bytes(data, "little") ^ int.from_bytes(mask[: len(data)], "little")
        return both.to_bytes(len(data), "little")


class Validator(utf8validator.Utf8Validator):
    """The same, and quick where a message is whole."""

    def validate(self, data):
        data = octets(data)
        if self.state == utf8validator.UTF8_ACCEPT:
            try:
                bytes(data).decode()
            except UnicodeDecodeError:
                pass
            else:
                self.i += len(data)
                return True, True, len(data), self.i
        return super().validate(data)


def load():
    """All case classes by their id, such as 9.1.6, in the order of the suite."""
    utf8validator.Utf8Validator = protocol.Utf8Validator = Validator
    xormasker.createXorMasker = protocol.createXorMasker = lambda mask, length=None: Masker(mask)
    resources = types.ModuleType("pkg_resources")
    resources.resource_filename = lambda package, name: str(PACKAGE / name)
    sys.modules["pkg_resources"] = resources
    folder = PACKAGE / "case"

    def run(name, module):
        source = (folder / f"{name}.py").read_bytes().decode("latin-1").replace(LEFT_OUT, "")
        for different, same in DIFFERENT:
            source = re.sub(different, same, source)
        vars(module).update(__file__=str(folder / f"{name}.py"), b2a_hex=lambda some: octets(some).hex())
        exec(compile(source, module.__file__, "exec"), vars(module))

    class Finder:
        """Finds the cases for one another: `from case import Case` means the neighbour."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if path is None and re.fullmatch(r"case[0-9]*(_\w+)?", name) and (folder / f"{name}.py").is_file():
                return ModuleSpec(name, Finder)

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            run(module.__name__, module)

    sys.meta_path.insert(0, Finder)
    everything = types.ModuleType("everything")
    run("__init__", everything)
    from case import Case

    # It compared pickles: those of equal values need not be equal.
    Case.compare = lambda self, one, other: one == other
    return {case.__name__.removeprefix("Case").replace("_", "."): case for case in everything.Cases}
