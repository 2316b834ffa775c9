"""`zoo doctor`: what is installed, missing and broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add


DOCTOR_EXAMPLES = """\
  zoo doctor"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("doctor", _doctor, "Say what is installed, what is missing and what is broken.", DOCTOR_EXAMPLES)
    one.add_argument("--json", action="store_true", help="one JSON list")


def _doctor(options: argparse.Namespace) -> int:
    from zoo.upkeep.doctor import examine

    checks = examine()
    if options.json:
        print(json.dumps([check.to_json() for check in checks]))
    else:
        print("\n".join(f"{check.state:<7} {check.name:<28} {check.detail}" for check in checks))
    return 1 if any(check.state == "broken" for check in checks) else 0
