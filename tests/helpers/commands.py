"""Runs commands of ``tinyae`` in this process."""

from tinyae.cli.main import main


def tinyae(command, **values):
    """``tinyae("map {weights} strokes", weights=path)``: the exit code of the command.

    The values are filled in after the command is split into words, so they can contain spaces.
    """
    return main([word.format(**values) for word in command.split()])
