import pytest

from zoo.errors import PublishError, UnknownName
from zoo.hub.cards.checking import check_card

GOOD = """---
license: mit
library_name: timm
---

# pets

| a | b |
|---|---|
| none | 1 |

## Use

```python
folder = f"${None}"
```

## Limits

Classes: None, nan, todo.

## Licence

mit
"""


def test_a_card_that_is_whole():
    assert check_card(GOOD) == {"license": "mit", "library_name": "timm"}


@pytest.mark.parametrize(
    "left", ["[More Information Needed]", "TODO", "${name}", "| None | 3 |", "| nan |", "It is None."]
)
def test_what_is_left_open(left):
    with pytest.raises(PublishError, match="open"):
        check_card(GOOD.replace("# pets", f"# pets\n\n{left}\n"))


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("---\nlicense", "license", "no metadata"),
        ("license: mit", "license: [", "not YAML"),
        ("license: mit\nlibrary_name: timm", "mit", "no metadata"),
        ("## Limits", "## Other", "nothing under 'Limits'"),
        ('mit\n"""', "", "x"),
        ("```python", "```text", "shows no code"),
    ],
)
def test_what_is_missing(old, new, word):
    if old not in GOOD:
        old, word = "## Licence\n\nmit\n", "nothing under 'Licence'"
    with pytest.raises(PublishError, match=word):
        check_card(GOOD.replace(old, new, 1))


def test_words_of_the_hub():
    with pytest.raises(UnknownName):
        check_card(GOOD.replace("license: mit", "license: my-own"))
