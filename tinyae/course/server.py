"""The student's process: run the student's code, then answer requests until the connection ends.

``sandbox.py`` runs this file by its path with ``python -I -B`` and the options as JSON.
The process reads requests from its standard input and writes replies to its standard output; before
any code of the student runs, both move to other file descriptors, and what the code prints goes to
the log. A request is a dict with "id", "do" (the name of a method of ``answers.Server``), "args"
and "release" (handles that are no longer needed). A reply is {"id": ..., "result": ...} or
{"id": ..., "error": {...}}, or {"id": ..., "function": ...} to call a function of the grader first.

Nothing here judges the student's code, and nothing here must be trusted: the code shares the
process, so it can change all of it. It imports only the standard library, NumPy and its neighbors.
"""

import importlib.util
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

CONNECTION_LOST = 97  # exit code: the code closed the connection to the grader
# What a function of the grader may raise in the student's code; the rest becomes RuntimeError.
PLAIN_ERRORS = {
    kind.__name__: kind
    for kind in (ValueError, TypeError, IndexError, KeyError, ArithmeticError, ZeroDivisionError)
}


def neighbor(name: str) -> types.ModuleType:
    """The module ``name``.py of this folder, loaded by its path: ``-I`` has no folder to search."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"_course_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Move the connection out of the way, set the limits, and serve."""
    options = json.loads(sys.argv[1])
    requests, responses = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if options["supervised"]:
        neighbor("supervisor").supervise(options, [requests, responses])
    os.dup2(2, 1)
    sys.stdout, sys.stderr = (
        open(descriptor, "w", buffering=1, errors="backslashreplace", closefd=False)
        for descriptor in (1, 2)
    )
    sys.argv = [""]
    installed = [i for i, folder in enumerate(sys.path) if folder.endswith("-packages")]
    sys.path.insert(min(installed, default=len(sys.path)), options["library"])
    serve(requests, responses)


def serve(requests: int, responses: int) -> None:
    """Answer requests until the connection ends."""
    wire, answers, hosted = map(neighbor, ("wire", "answers", "hosted"))
    stream = os.fdopen(requests, "rb")
    own, getpid, leave, write = os.getpid(), os.getpid, os._exit, os.write
    number = 0  # of the request that is being answered

    def opaque(value: Any) -> dict[str, Any]:
        return server.handle(value.value if isinstance(value, answers.Kept) else value)

    def encoded(message: dict[str, Any]) -> list[Any]:
        buffers: list[Any] = wire.encode({"id": number} | message, opaque)
        return wire.joined(buffers)

    def send(buffers: list[Any]) -> None:
        if getpid() != own:  # a copy that the code made by fork must not answer too
            leave(0)
        for buffer in buffers:
            view = memoryview(buffer)
            while view:
                view = view[write(responses, view[: 1 << 20]) :]

    def ask(function: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        send(encoded({"function": function, "args": args, "kwargs": kwargs}))
        reply = wire.read(stream, server.received)
        if "error" not in reply:
            return reply["result"]
        name, message = reply["error"]
        raise PLAIN_ERRORS.get(name, RuntimeError)(message)

    def answer() -> None:
        nonlocal number
        request = wire.read(stream, server.received)
        number = request["id"]
        for old in request["release"]:
            server.objects.pop(old, None)
        try:
            result = getattr(server, request["do"])(*request["args"])
            buffers = encoded({"result": result})
        except SystemExit as error:
            leave(error.code & 255 if isinstance(error.code, int) else int(error.code is not None))
        except BaseException as error:
            buffers = encoded({"error": server.describe(error)})
        send(buffers)

    server = answers.Server(ask, hosted.Hosted)
    try:
        send(encoded({"result": "ready"}))
        while True:
            answer()
    except EOFError:
        leave(0)
    except BaseException:  # the code closed or changed the connection
        leave(CONNECTION_LOST)


if __name__ == "__main__":
    main()
