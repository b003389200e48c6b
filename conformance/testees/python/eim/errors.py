"""The ways in which octets fail to become a frame, and values to be what they should."""


class Reject(Exception):
    """The receiver ends the connection (10.2): where the fault was found, and its error code by name."""

    def __init__(self, stage: str, code: str) -> None:
        super().__init__(f"{stage}: {code}")
        self.stage = stage
        self.code = code


class Refused(Exception):
    """A function of the specification answers with an error code, given by name."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unsupported(Exception):
    """This installation lacks a part that was asked for, such as a zstd library."""
