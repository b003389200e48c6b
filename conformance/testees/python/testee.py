#!/usr/bin/env python3
"""Answers the requests of the conformance suite: one JSON object a line on standard input, one on standard output."""

import json
import platform
import sys

from eim.errors import Unsupported
from operations import FEATURES, OPERATIONS, Json


def hello() -> Json:
    """Who this is and what it can do."""
    return {
        "protocol": 1,
        "impl": {"name": "eim-python", "version": "1.0", "language": f"Python {platform.python_version()}"},
        "roles": ["codec"],
        "spec": ["1.0"],
        "ops": list(OPERATIONS),
        "features": FEATURES,
        "error_fidelity": "code",
    }


def answer(request: Json) -> Json:
    """The reply to one request, without its id."""
    op = request["op"]
    if op == "hello":
        return hello()
    if op == "bye":
        return {}
    if op not in OPERATIONS:
        return {"unsupported": True}
    try:
        return OPERATIONS[op](request)
    except Unsupported:
        return {"unsupported": True}
    except Exception as fault:  # of the testee itself, or a request that makes no sense: this case fails, the next may not
        return {"error": f"{type(fault).__name__}: {fault}"}


def main() -> None:
    """Replies in the order of the requests until `bye` or the end of the input."""
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        reply = {"id": request["id"], **answer(request)}
        print(json.dumps(reply, separators=(",", ":")), flush=True)
        if request["op"] == "bye":
            return


if __name__ == "__main__":
    main()
