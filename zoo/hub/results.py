"""The rows of a benchmark as a data set of the hub: one packed file that zoo reads, and the report as its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmarking.report import render_markdown
from zoo.benchmarking.store import pack, read_rows, read_suite
from zoo.benchmarking.summary import summarise
from zoo.errors import PublishError, StoreError, UnknownName
from zoo.hub.cards.metadata import front
from zoo.hub.privacy import check_text, clean, this_machine
from zoo.hub.remote import RECORD
from zoo.hub.vocabulary import slug, words
from zoo.io.atomic import replace
from zoo.io.digests import file_digest
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.specs import Result

ROWS = "results.jsonl"


def stage_results(store: str | Path, folder: Path, repository: str, licence: str = "") -> Path:
    """Write a store as a data set into `folder`, without paths of this machine.

    Args:
        store: a folder of `zoo bench`, or a packed file.
        folder: to make.
        repository: `OWNER/NAME` of the data set.
        licence: of the rows; `unknown` unless said.

    Raises:
        StoreError: no store there.
        UnknownName: a licence that the hub does not know.
        PublishError: the rows give the person or the machine away, or two of them become one without their paths.
    """
    licence = licence.lower()
    if licence and licence not in words("licences"):
        raise UnknownName("licence", licence, words("licences"))
    folder.mkdir(parents=True)
    if Path(store).is_dir():
        pack(store, folder / ROWS)
    else:
        read_rows(store)
        replace(folder / ROWS, Path(store).read_bytes())
    before = read_rows(folder / ROWS)
    machine = this_machine(but=repository.split("/"))
    clean(folder, machine)
    try:
        suite, rows = read_suite(folder / ROWS), read_rows(folder / ROWS)
        apart = _counts(before) == _counts(rows)
    except StoreError:  # a row comes twice now
        apart = False
    if not apart:
        raise PublishError(
            f"two folders of {store} have one name without their paths, so their rows cannot be told apart. "
            "Fix: rename one and run the benchmark again."
        )
    name = repository.partition("/")[2]
    metadata = {"license": licence or "unknown", "tags": ["zoo", "benchmark", slug(suite.name)]}
    card = (
        f"{front(metadata)}\n# {name}\n\nRows of a comparison of pre-trained backbones with training from scratch, "
        f"written by zoo {__version__}: `{ROWS}` holds the suite in its first line and a row in each other one.\n\n"
        f"```python\nimport zoo\nfrom huggingface_hub import hf_hub_download\n\n"
        f'file = hf_hub_download("{repository}", "{ROWS}", repo_type="dataset")\n'
        "suite, rows = zoo.read_suite(file), zoo.read_rows(file)\n```\n\n"
        f"{_demoted(render_markdown(suite, summarise(suite, rows)))}"
    )
    check_text(card, "the card of the rows", machine)
    replace(folder / "README.md", card.encode())
    record = {
        "schema": "zoo.Results/1",
        "published": {"zoo": __version__, "card": file_digest(folder / "README.md", "0" * 40)},
        "files": {ROWS: file_digest(folder / ROWS, "0" * 64)},
    }
    replace(folder / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    return folder


def _counts(rows: Sequence[Result]) -> tuple[int, int]:
    return len(rows), len({row.key for row in rows})


def _demoted(markdown: str) -> str:
    """The report under the card's title, without its plots."""
    lines = [line for line in markdown.splitlines() if not line.startswith("![")]
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in lines).rstrip() + "\n"
