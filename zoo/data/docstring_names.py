"""The names that are the classes of the text tasks, and how they are taken out of a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

AREAS = {  # of the standard library: what a module is for
    "networking": "http urllib smtplib imaplib nntplib xmlrpc wsgiref socketserver ftplib poplib socket ssl ipaddress "
    "telnetlib smtpd cgi webbrowser",
    "concurrency": "asyncio threading multiprocessing concurrent queue sched subprocess selectors asyncore contextvars",
    "interfaces": "tkinter turtle curses",
    "importing and installing": "distutils importlib pkgutil zipimport venv ensurepip modulefinder runpy site "
    "sysconfig py_compile compileall zipapp imp",
    "testing and debugging": "unittest doctest pdb bdb trace traceback cProfile profile pstats timeit inspect logging "
    "warnings tracemalloc pydoc",
    "numbers and dates": "decimal _pydecimal fractions statistics random datetime calendar zoneinfo numbers colorsys "
    "hashlib hmac secrets _strptime",
    "files": "tarfile zipfile shutil pathlib os tempfile glob gzip bz2 lzma _pyio posixpath ntpath fileinput filecmp "
    "mailbox shelve",
    "text and markup": "xml html json csv configparser re textwrap string codecs encodings difflib tokenize ast "
    "plistlib email argparse optparse gettext locale getopt base64 quopri",
}
AREA_OF = {module: area for area, modules in AREAS.items() for module in modules.split()}
SCIPY = ("interpolate", "optimize", "signal", "sparse", "special", "stats")  # sub-packages
NAMES = {"python": (*AREA_OF, "python"), "scipy": (*SCIPY, "scipy")}  # package -> what would tell the class
_IDENTIFIERS = re.compile(r"\b\w+(?:\.\w+)+\b|\b\w*_\w*\b|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*")


def scrubbed(text: str, names: Iterable[str]) -> str:
    """Text without what looks like an identifier, and without `names` in any case.

    Example:
        >>> scrubbed("Open a json file with os.path by open_it or JsonReader, e.g. JSON", ["json", "os"])
        'Open a file with by or , .'
    """
    words = "|".join(map(re.escape, names))
    return " ".join(re.sub(rf"\b(?:{words})\b", " ", _IDENTIFIERS.sub(" ", text), flags=re.IGNORECASE).split())
