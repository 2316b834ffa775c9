import hashlib
import shutil
import subprocess

import pytest

from zoo.io.digests import CHUNK, file_digest


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
def test_both_forms(tmp_path, size):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "f").write_bytes(data)
    assert file_digest(tmp_path / "f", "0" * 64) == hashlib.sha256(data).hexdigest()
    assert file_digest(tmp_path / "f", "0" * 40) == hashlib.sha1(b"blob %d\0" % size + data).hexdigest()


@pytest.mark.skipif(not shutil.which("git"), reason="no git")
def test_gits_own_digest(tmp_path):
    (tmp_path / "f").write_bytes(b"some text\n")
    said = subprocess.run(
        ["git", "hash-object", str(tmp_path / "f")], capture_output=True, text=True, check=True
    ).stdout
    assert file_digest(tmp_path / "f", "0" * 40) == said.strip()
