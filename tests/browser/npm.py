"""Programs of others for a browser, from the npm registry."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from chromium import install

CACHE = Path(__file__).resolve().parent.parent.parent / ".cache"


def source(package, version, sha256, file):
    """A file of a package of which the checksum is known. Fetched once."""
    kept = CACHE / f"{package}-{version}" / Path(file).name
    if not kept.is_file():
        if not (shutil.which("npm") or (install("npm") and shutil.which("npm"))):
            sys.exit(f"npm is needed to fetch {package}: install the package npm")
        print(f"fetching {package} {version}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="tocsin-npm-") as folder:
            pack = ["npm", "pack", "--silent", f"{package}@{version}"]
            subprocess.run(pack, cwd=folder, stdout=subprocess.DEVNULL, check=True)
            packed = Path(folder, f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz")
            if hashlib.sha256(packed.read_bytes()).hexdigest() != sha256:
                sys.exit(f"the package {package} is not the one we know: its checksum differs")
            kept.parent.mkdir(parents=True, exist_ok=True)
            # Last, so that a file there is a file that works.
            partial = kept.with_suffix(f".{os.getpid()}")
            with tarfile.open(packed) as members:
                partial.write_bytes(members.extractfile(f"package/{file}").read())
            partial.replace(kept)
    return kept.read_text()
