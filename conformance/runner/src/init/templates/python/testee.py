#!/usr/bin/env python3
"""The loop of a testee: one JSON object a line in, one a line out. See `eim-conformance init-testee` and codec.md.

Nothing of EIM itself is here: that is codec.py. Nothing but replies may go to standard output: print what you
want to see while you work to standard error, as `log` does.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import codec

Json = dict[str, Any]


def log(*words: object) -> None:
    """For people: the suite shows the end of it when the testee crashes or hangs."""
    print(*words, file=sys.stderr)


def hello(_: Json) -> Json:
    """Who this is. Declare what you have, and no more: what is declared has to work."""
    return {
        "protocol": 1,
        "impl": {"name": "my-codec", "version": "0.1", "language": "Python"},
        "roles": ["codec"],
        "spec": ["1.0"],
        # Next: "open", "message", "reassemble", "encode", "story", once decode is green.
        "ops": ["decode", "derive"],
        # Next: "compression.zstd", "compression.lz4", "compression.snappy", "compression.zstd-dict-1", "extensions".
        "features": [],
        # "stage" while the stages are right and the codes are not yet; "code" compares both.
        "error_fidelity": "code",
    }


def octets(chunks: list[Any]) -> Iterator[bytes]:
    """A chunk is hexadecimal, or octets repeated: {"repeat":"00","count":65536}."""
    for chunk in chunks:
        if isinstance(chunk, str):
            yield bytes.fromhex(chunk)
        else:
            yield bytes.fromhex(chunk["repeat"]) * chunk["count"]


def decode(request: Json) -> Json:
    """Feeds the chunks one by one, as reads from a socket would bring them, and reports every frame that was whole."""
    decoder = codec.Decoder(request.get("config", {}))
    frames: list[Json] = []
    try:
        for chunk in octets(request["chunks"]):
            decoder.feed(chunk)
            while (frame := decoder.next()) is not None:
                frames.append(
                    {
                        "version": frame.version,
                        "type": frame.type,
                        "sequence": frame.sequence,
                        "compression": frame.compression,
                        "payload_hex": frame.payload.hex(),
                    }
                )
    except codec.Reject as fault:
        return {"frames": frames, "reject": {"stage": fault.stage, "code": fault.code}}
    missing = decoder.missing()
    if missing == 0:
        return {"frames": frames}
    return {"frames": frames, "incomplete": {"need_at_least": missing}}


def derive(request: Json) -> Json:
    """Functions that yield a value. One that is not written yet is `unsupported`."""
    arguments = request["arguments"]
    match request["function"]:
        case "sequence":
            # Ordinals may exceed 2^53, so they are strings in JSON.
            return {"value": codec.sequence(int(arguments["ordinal"]))}
        case "frame_octets":
            return {"value": codec.frame_octets(arguments["length"])}
        # Next: "conversation_id" (SHA-256, EIM-MSG-010), "binding", "error_rule", …
        case _:
            return {"unsupported": True}


OPERATIONS = {"hello": hello, "decode": decode, "derive": derive, "bye": lambda _: {}}


def answer(request: Json) -> Json:
    """The reply to a request, without its id."""
    operation = OPERATIONS.get(request["op"])
    if operation is None:
        return {"unsupported": True}
    try:
        return operation(request)
    except Exception as fault:  # A bug fails this case and no other; it is never a rejection.
        log(f"request {request['id']}: {fault!r}")
        return {"error": repr(fault)}


def main() -> None:
    """One reply to each request, in order, until `bye` or the end of the input."""
    for line in sys.stdin:
        request = json.loads(line)
        # Flushed line by line: the suite waits for this reply.
        print(json.dumps({"id": request["id"], **answer(request)}), flush=True)
        if request["op"] == "bye":
            return


if __name__ == "__main__":
    main()
