"""The committed index of torchaudio is what torchaudio itself says."""

import pytest
from indexes import recorded_rows, sample

from zoo.upkeep import index_torchaudio
from zoo.upkeep.catalog import check, measurements

pytest.importorskip("torchaudio")


@pytest.fixture(scope="module")
def rows():
    return recorded_rows("torchaudio", index_torchaudio)


def test_the_committed_file_is_fresh(monkeypatch):
    monkeypatch.setattr("zoo.upkeep.catalog.SAMPLE", 2)
    fresh, message = check("torchaudio")
    assert fresh, message


def test_every_bundle_is_there_with_its_licence(rows):
    tags = {spec.tag: spec for spec in rows.values() if spec.tag}
    assert set(tags) == set(index_torchaudio.bundles())
    assert {spec.licence for spec in tags.values()} == {"mit", "cc-by-nc-4.0"}
    assert {tag for tag, spec in tags.items() if spec.licence == "cc-by-nc-4.0"} == {
        "MMS_FA",
        *(f"VOXPOPULI_ASR_BASE_10K_{language}" for language in ("DE", "EN", "ES", "FR", "IT")),
    }


def test_known_rows(rows):
    spec = rows["torchaudio/wavlm_base.WAVLM_BASE_PLUS"]
    assert (spec.modality, spec.sample_rate, spec.stride, spec.token_dim) == ("speech", 16000, 320, 768)
    assert (spec.normalize_waveform, spec.padding, spec.weights_format) == (False, "masked", "pickle")
    assert spec.pretrained_on.endswith("10,000 hours of GigaSpeech, and 24,000 hours of VoxPopuli")
    assert rows["torchaudio/hubert_large.HUBERT_LARGE"].normalize_waveform
    assert rows["torchaudio/wav2vec2_xlsr_300m.WAV2VEC2_XLSR_300M"].objective == "self-supervised"
    assert rows["torchaudio/wav2vec2_base.WAV2VEC2_ASR_BASE_960H"].objective == "self-supervised, then CTC"


def test_an_address_is_whole(rows):
    assert {spec.source.partition("/models/")[0] for spec in rows.values() if spec.tag and spec.tag != "MMS_FA"} == {
        "https://download.pytorch.org/torchaudio"
    }
    assert rows["torchaudio/wav2vec2_base.WAV2VEC2_BASE"].source.endswith("/wav2vec2_fairseq_base_ls960.pth")


def test_measuring_a_row_again_gives_the_same(rows):
    for row in sample(index_torchaudio, "wav2vec2_base", "wavlm_base"):
        assert measurements(row | index_torchaudio.measure(row)) == measurements(vars(rows[row["name"]]))
