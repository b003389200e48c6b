"""The worked examples of the chapters. Run `python3 -m unittest` in the folder above."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from eim import derive, lz4, snappy  # noqa: E402
from operations import OPERATIONS  # noqa: E402
from testee import answer  # noqa: E402


def octets(text: str) -> str:
    return text.replace(" ", "")


def ask(op: str, **request):
    return OPERATIONS[op]({"op": op, **request})


def code(reply) -> str | None:
    return reply.get("reject", {}).get("code")


class Framing(unittest.TestCase):
    """10.1, 10.6, 85.3."""

    def test_ping(self) -> None:
        (frame,) = ask("message", chunks=["0108000000000000000002", "0801"])["frames"]
        self.assertEqual(frame["canonical_hex"], "0801")

    def test_unknown_message_type(self) -> None:
        (frame,) = ask("decode", chunks=[octets("01 3e 00 00 00 01 00 00 00 00 00")])["frames"]
        self.assertEqual(frame["payload_hex"], "")

    def test_four_gigabytes(self) -> None:
        reply = ask("decode", chunks=["01200000000100ffffff"])
        self.assertEqual(reply, {"frames": [], "incomplete": {"need_at_least": 1}})
        self.assertEqual(code(ask("decode", chunks=["01200000000100ffffffff"])), "PAYLOAD_TOO_LARGE")

    def test_first_fault_decides(self) -> None:
        for header, expected in (
            ("02 00 00 00 00 00 09 ff ff ff ff", "UNSUPPORTED_VERSION"),
            ("01 00 00 00 00 00 09 ff ff ff ff", "INVALID_TYPE"),
            ("01 08 00 00 00 00 09 ff ff ff ff", "UNKNOWN_COMPRESSION"),
            ("01 08 00 00 00 00 00 00 00 04 01", "PAYLOAD_TOO_LARGE"),
        ):
            self.assertEqual(code(ask("decode", chunks=[octets(header)])), expected)

    def test_reads_do_not_matter(self) -> None:
        stream = octets("01 e5 00 00 00 00 00 00 00 00 03 d0 0d 1e 01 08 00 00 00 00 00 00 00 00 02 08 01 01")
        whole = ask("open", chunks=[stream])
        self.assertEqual(len(whole["frames"]), 2)
        self.assertEqual(ask("open", chunks=[stream[i : i + 2] for i in range(0, len(stream), 2)]), whole)


class Compression(unittest.TestCase):
    """12.1."""

    def test_twenty_octets(self) -> None:
        content = b"a" * 20
        self.assertEqual(lz4.compress(content).hex(), octets("1a 61 01 00 50 61 61 61 61 61"))
        self.assertEqual(snappy.compress(content).hex(), octets("14 00 61 4a 01 00"))
        self.assertEqual(lz4.decompress(lz4.compress(content), 20), content)
        self.assertEqual(snappy.decompress(snappy.compress(content), 20), content)

    def test_stated_size_is_exact(self) -> None:
        for size, expected in (("00000013", "DECOMPRESSION_FAILED"), ("0000a001", "DECOMPRESSED_TOO_LARGE")):
            payload = size + octets("1a 61 01 00 50 61 61 61 61 61")
            self.assertEqual(code(ask("open", chunks=["012000000001020000000e" + payload])), expected)


class Fragmentation(unittest.TestCase):
    """14.1."""

    FIRST = octets("01 10 00 00 00 05 00 00 00 00 16 00000007 00000000 27 00 00000006 00000006 0a 04 aa bb")
    LAST = octets("01 10 00 00 00 06 00 00 00 00 0a 00000007 00000004 cc dd")

    def test_two_fragments(self) -> None:
        (frame,) = ask("reassemble", chunks=[self.FIRST, self.LAST])["frames"]
        self.assertEqual((frame["type"], frame["sequence"], frame["content_hex"]), (0x27, 6, "0a04aabbccdd"))

    def test_contradictions(self) -> None:
        for chunks in ([self.LAST], [self.FIRST, self.FIRST], [self.FIRST, self.LAST + self.LAST]):
            self.assertEqual(code(ask("reassemble", chunks=chunks)), "MALFORMED_FRAGMENT")


class Flow(unittest.TestCase):
    """24.1, 24.2."""

    def test_sequence_wraps_to_one(self) -> None:
        wanted = {1: 1, 4294967294: 4294967294, 4294967295: 4294967295, 4294967296: 1, 4294967297: 2}
        self.assertEqual({n: derive.sequence(str(n)) for n in wanted}, wanted)

    def test_three_texts(self) -> None:
        text = "0120{:08x}00000000c8" + "00" * 200
        steps = [
            {"grant": {"frames": "3", "octets": "633"}},
            {"receive": [text.format(n) for n in (1, 2, 3)]},
            {"receive": [text.format(4)]},
            {"receive": []},
        ]
        outcomes = ask("story", steps=steps)["steps"]
        self.assertEqual([frame["ordinal"] for frame in outcomes[1]["frames"]], ["1", "2", "3"])
        self.assertEqual(code(outcomes[2]), "CREDIT_EXCEEDED")
        self.assertEqual(outcomes[3], {"closed": True})

    def test_blocked_frame_takes_no_ordinal(self) -> None:
        text = {"type": 32, "payload_hex": "0a"}
        credit = {"received_through": "0", "frames": "1", "octets": "1000"}
        steps = [{"send": text}, {"credit": credit}, {"send": text}, {"send": text}]
        outcomes = ask("story", steps=steps)["steps"]
        self.assertEqual(outcomes, [{"blocked": True}, {}, {"octets": "01200000000100000000010a"}, {"blocked": True}])


class Derived(unittest.TestCase):
    """05.2, 05.6, 30, 75; RFC 4013, section 3."""

    HELLO = octets(
        "01 01 00 00 00 00 00 00 00 00 3f 0a 01 01 12 01 01 1a 02 01 02 20 80 80 04 2a 0d 74 6f 75 72 2d 63 6c 69 65"
        "6e 74 2f 31 32 20 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 da db dc dd"
        "de df"
    )
    WELCOME = octets(
        "01 02 00 00 00 00 00 00 00 00 71 08 01 12 01 01 1a 02 01 02 20 80 80 04 2a 12 53 43 52 41 4d 2d 53 48 41 2d"
        "32 35 36 2d 50 4c 55 53 2a 0d 53 43 52 41 4d 2d 53 48 41 2d 32 35 36 2a 0a 45 49 4d 2d 52 45 53 55 4d 45 30"
        "c8 df 02 3a 0d 74 6f 75 72 2d 73 65 72 76 65 72 2f 31 42 20 50 51 52 53 54 55 56 57 58 59 5a 5b 5c 5d 5e 5f"
        "60 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f"
    )

    def test_binding_of_the_tour(self) -> None:
        wanted = octets(
            "df 2a c4 e5 00 2d 02 22 0f 74 77 16 74 99 3d 8b cb 28 69 b3 ce a1 d5 70 c6 2a 0a fe 62 7f 29 b0"
        )
        self.assertEqual(derive.binding(self.HELLO, self.WELCOME), wanted)

    def test_handshake_of_the_tour(self) -> None:
        handshake = {"phase": "handshake"}
        (hello,) = ask("message", config=handshake, chunks=[self.HELLO])["frames"]
        self.assertEqual(hello["canonical_hex"], hello["content_hex"])
        (welcome,) = ask("message", config={**handshake, "role": "client"}, chunks=[self.WELCOME])["frames"]
        self.assertEqual(welcome["canonical_hex"], welcome["content_hex"])
        self.assertEqual(code(ask("decode", chunks=[self.HELLO])), "UNEXPECTED_FRAME")

    def test_conversation_of_the_tour(self) -> None:
        wanted = octets("3d 3d 50 7c 0f 7a b9 8e ec dc 18 88 56 61 d9 42")
        self.assertEqual(derive.conversation_id("b0" * 16, "a1" * 16), wanted)

    def test_saslprep(self) -> None:
        for text, wanted in (("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX")):
            self.assertEqual(derive.prepare(text), wanted)
        for text in ("\u0007", "\u06271"):
            self.assertRaises(derive.Refused, derive.prepare, text)

    def test_errors(self) -> None:
        self.assertEqual(derive.error_rule(0x0703), {"class": "server", "retryable": True})
        self.assertEqual(derive.error_rule(0x01FF), {"class": "framing", "retryable": False})
        self.assertEqual(derive.error_rule(0), {"class": "unknown", "retryable": False})

    def test_unknown_is_unsupported(self) -> None:
        self.assertEqual(answer({"op": "derive", "function": "invented", "arguments": {}}), {"unsupported": True})
        self.assertEqual(answer({"op": "invented"}), {"unsupported": True})


class Copies(unittest.TestCase):
    """The numbers and definitions in eim/data are those of the specification."""

    SPEC = ROOT.parents[2] / "spec"

    @unittest.skipUnless(SPEC.is_dir(), "no specification beside this copy")
    def test_data_is_a_copy(self) -> None:
        folders = {".toml": "registry", ".proto": "proto/eim/v1", "": "dictionaries"}
        for copy in (ROOT / "eim" / "data").iterdir():
            folder = folders[copy.suffix]
            self.assertEqual(copy.read_bytes(), (self.SPEC / folder / copy.name).read_bytes(), copy.name)


if __name__ == "__main__":
    unittest.main()
