import pytest

from zoo.io import bar
from zoo.io.bar import Bytes


@pytest.fixture(autouse=True)
def _shown(monkeypatch):
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)


def test_a_log_gets_one_line_a_file_and_none_for_small_ones(capsys):
    with Bytes("large", 3_000_000) as progress:
        progress.advance(3_000_000)
    with Bytes("small", 3_000) as progress:
        progress.advance(3_000)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "large: 3.0 MB in 0 s\n"


def test_a_long_download_tells_size_and_time_left(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: now[0])
    with Bytes("large", 100_000_000) as progress:
        progress.start(50_000_000)  # from an earlier run: does not count as speed
        now[0] = 11.0
        progress.advance(25_000_000)
    err = capsys.readouterr().err
    assert "large: 75.0 of 100.0 MB, 11 s left\n" in err


def test_a_failure_is_not_told_as_done(capsys):
    progress = Bytes("large", 2_000_000)
    progress.__enter__()
    progress.advance(2_000_000)
    progress.__exit__(ValueError, ValueError(), None)
    assert capsys.readouterr().err == ""


def test_no_size_and_no_bytes_yet():
    assert Bytes("x", 0, quiet=True).label == "x"
    with Bytes("x", 10, quiet=True) as progress:
        assert progress.told() == "x: 0.0 of 0.000 MB, time left not known yet"
    with Bytes("x", 0, quiet=True) as progress:
        progress.advance(5_000_000)
        assert progress.told() == "x: 5.0 MB"


def test_the_hubs_own_switch(capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with Bytes("large", 3_000_000) as progress:
        progress.advance(3_000_000)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_live_line(capsys, monkeypatch):
    monkeypatch.setattr(bar.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    with Bytes("large", 3_000_000) as progress:
        progress.advance(3_000_000)
    err = capsys.readouterr().err
    assert "large" in err
    assert "3.0/3.0 MB" in err


def test_a_name_is_no_markup(monkeypatch):
    """A stranger chose it, and rich would raise at a tag that closes nothing."""
    display = bar._live_display()
    display.add_task("[/a].json of [red]x[/red]", total=5)
    with display.console.capture() as captured:
        display.console.print(display)
    assert "[/a].json of [red]x[/red]" in captured.get()
