"""axe-core (https://github.com/dequelabs/axe-core), which finds what shuts people out of a page."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from chromium import install

VERSION = "4.14.1"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"  # of the package
CACHE = Path(__file__).resolve().parent.parent.parent / ".cache" / f"axe-core-{VERSION}"

RUN = """
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.slice(0, 3).map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any.map(({ message }) => message)}`)))
"""


def source():
    """The program. Fetched once."""
    file = CACHE / "axe.min.js"
    if not file.is_file():
        if not (shutil.which("npm") or (install("npm") and shutil.which("npm"))):
            sys.exit("tests/page: npm is needed to fetch axe-core: install the package npm")
        print("tests/page: fetching axe-core (0.7 MB)", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="tocsin-axe-") as folder:
            pack = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
            subprocess.run(pack, cwd=folder, stdout=subprocess.DEVNULL, check=True)
            package = Path(folder, f"axe-core-{VERSION}.tgz")
            if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256:
                sys.exit("tests/page: the package axe-core is not the one we know: its checksum differs")
            CACHE.mkdir(parents=True, exist_ok=True)
            with tarfile.open(package) as packed:
                Path(folder, "axe.min.js").write_bytes(packed.extractfile("package/axe.min.js").read())
            # Last, so that a file there is a file that works.
            partial = CACHE / f"axe.{os.getpid()}"
            shutil.copyfile(Path(folder, "axe.min.js"), partial)
            partial.replace(file)
    return file.read_text()


def violations(page):
    """What is wrong with a page. The program comes from outside, so the page's policy need not let it in."""
    page.run("!!window.axe") or page.run(f"{source()}; 0")
    return page.run(RUN)
