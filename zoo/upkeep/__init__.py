"""Tools for maintainers, which look down on everything: building and checking the files that zoo generates."""
