"""Running a command in this process."""

from zoo.cli import main


def run(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err
