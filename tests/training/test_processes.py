import subprocess
import sys
from pathlib import Path

from zoo.training.processes import anywhere, gathered, launched, processes, rank, share, total, wait

PROGRAM = """
import sys
from pathlib import Path
from zoo.training.loop import make_accelerator
from zoo.training.processes import anywhere, gathered, launched, processes, rank, share, total, wait
make_accelerator("cpu", "no")
wait()
told = f"{rank()} {launched()} {processes()} {share(5)} {total(rank() + 1.5)}"
told += f" {gathered([rank()])} {anywhere(rank() == 1)} {anywhere(False)}"
Path(sys.argv[1], f"{rank()}.txt").write_text(told)  # lines of two processes may run into each other
"""


def test_alone():
    assert (launched(), processes(), rank()) == (1, 1, 0)
    assert share(7) == slice(0, 7)
    assert total(1.5) == 1.5
    assert gathered("a") == ["a"]
    assert anywhere(True)
    assert not anywhere(False)
    wait()


def test_two_together(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    ran = subprocess.run(
        [*launch, str(program), str(tmp_path)], capture_output=True, text=True, timeout=200,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = [(tmp_path / f"{number}.txt").read_text() for number in (0, 1)]
    assert told == [
        f"{place} [[0], [1]] True False" for place in ("0 2 2 slice(0, 2, None) 4.0", "1 2 2 slice(2, 5, None) 4.0")
    ]
