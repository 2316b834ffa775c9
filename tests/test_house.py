"""Each room has its mirrored test, and none grows beyond what one idea needs."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 350  # lines


def rooms():
    return [
        p for p in sorted((ROOT / "zoo").rglob("*.py")) if p.name not in ("__init__.py", "__main__.py", "version.py")
    ]


def test_every_room_has_its_test():
    missing = [
        str(room.relative_to(ROOT))
        for room in rooms()
        if not (ROOT / "tests" / room.relative_to(ROOT / "zoo").with_name(f"test_{room.name}")).is_file()
    ]
    assert missing == []


def test_no_room_is_too_large():
    lines = {str(room.relative_to(ROOT)): len(room.read_text(encoding="utf-8").splitlines()) for room in rooms()}
    assert {name: count for name, count in lines.items() if count > LIMIT} == {}


def test_every_package_says_what_it_is():
    for package in (ROOT / "zoo").rglob("__init__.py"):
        assert package.read_text(encoding="utf-8").startswith('"""'), package
