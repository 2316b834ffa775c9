import zoo.upkeep.doctor as doctor
from zoo.registry import Registry


def states():
    return {check.name: check.state for check in doctor.examine()}


def test_a_healthy_install():
    found = states()
    assert "broken" not in found.values()
    assert found["pocket/resnet10.glyphs"] == "ok"
    assert found["torch"] == "ok"


def test_missing_packages(monkeypatch):
    real = doctor.version

    def absent(package):
        if package in ("scipy", "matplotlib"):
            raise doctor.PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(doctor, "version", absent)
    found = states()
    assert found["scipy"] == "broken"
    assert found["matplotlib"] == "note"


def test_damaged_weights(monkeypatch, tmp_path):
    real = doctor.hashlib.sha256
    monkeypatch.setattr(doctor.hashlib, "sha256", lambda data: real(data + b"x"))
    assert states()["pocket/resnet10.glyphs"] == "broken"


def test_failing_plug_in(monkeypatch):
    broken = Registry("objective", {}, "")
    broken.__dict__["plugins"] = {
        "rotation": type("Point", (), {"value": "nowhere:Rotation", "load": lambda self: 1 / 0})()
    }
    monkeypatch.setattr(doctor, "OBJECTIVES", broken)
    check = next(check for check in doctor.examine() if check.name == "rotation")
    assert check.state == "broken"
    assert "failed to import" in check.detail
