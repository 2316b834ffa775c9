import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import zoo
from zoo.errors import IncompatibleError, UnknownName, WeightsError


def conv():
    return nn.Conv2d(3, 5, 4, 4)


def test_maps_tokens_and_vectors():
    maps = zoo.wrap(conv(), input_size=(3, 8, 8))
    tokens = zoo.wrap(nn.Sequential(conv(), nn.Flatten(2)), input_size=(3, 8, 8))
    vector = zoo.wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 6)), input_size=(3, 8, 8))
    assert (maps.pooled_dim, maps.spec.can) == (5, ("pooled", "maps"))
    assert (tokens.pooled_dim, tokens.spec.can) == (4, ("pooled", "tokens"))
    assert (vector.pooled_dim, vector.spec.can) == (6, ("pooled",))
    inputs = torch.rand(2, 3, 8, 8)
    assert torch.allclose(maps.encode(inputs)["vision"].pooled, maps.module(inputs).mean((2, 3)))


def test_wrong_size_says_so():
    with pytest.raises(IncompatibleError, match=r"does not accept an input of shape \[1, 8, 8\]"):
        zoo.wrap(conv(), input_size=(1, 8, 8))


def test_wrong_output_says_so():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(IncompatibleError, match=r"must return \[B, D\].*received tuple"):
        zoo.wrap(Pair())


def test_measuring_leaves_the_module_in_its_mode():
    module = nn.Sequential(nn.Flatten(), nn.Dropout())
    zoo.wrap(module, input_size=(1, 4, 4))
    assert module.training


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    (tmp_path / "user_net.py").write_text(
        "from torch import nn\nimport zoo\n\n"
        "def net():\n    return zoo.wrap(nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), name='module/user_net:net',"
        " input_size=(1, 4, 4))\n\nsetting = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_named_function(user_module):
    name = "module/user_net:net"
    one, same = (zoo.load(name, pretrained=False, seed=1) for _ in range(2))
    assert torch.equal(one.module[1].weight, same.module[1].weight)
    save_file(one.module.state_dict(), user_module / "w.safetensors")
    loaded = zoo.load(name, weights=user_module / "w.safetensors")
    assert torch.equal(one.module[1].weight, loaded.module[1].weight)
    with pytest.raises(WeightsError, match=r"your own module.*weights=FILE"):
        zoo.load(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("module/user_net", "Expected module/PACKAGE.MODULE:FUNCTION"),
        ("module/user_net:nets", "Nearest: net"),
        ("module/user_net:setting", "unknown function"),
        ("module/no_such_net:net", "No module named"),
    ],
)
def test_bad_names(user_module, name, message):
    with pytest.raises(UnknownName, match=message):
        zoo.load(name, pretrained=False)


def test_layers_of_an_own_module():
    def block():
        return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())

    net = nn.Sequential(block(), block())
    found = zoo.wrap(net, input_size=(3, 8, 8), layers=True).encode(torch.ones(2, 3, 8, 8))["vision"]
    assert [list(layer.shape) for layer in found.layers] == [[2, 3, 8, 8]] * 2
    assert torch.equal(found.layers[-1], found.maps[0])
