"""SASLprep (RFC 4013), the profile of stringprep (RFC 3454) for user names and passwords (EIM-AUT-020)."""

import stringprep
from unicodedata import ucd_3_2_0

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,  # unassigned in Unicode 3.2: the result is what a verifier is stored for
)


def saslprep(text: str) -> str:
    """The prepared text; ValueError if it holds what is prohibited."""
    spaced = (" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    prepared = ucd_3_2_0.normalize("NFKC", "".join(spaced))
    for prohibited in _PROHIBITED:
        if any(map(prohibited, prepared)):
            raise ValueError("prohibited character")
    _check_bidirectional(prepared)
    return prepared


def _check_bidirectional(text: str) -> None:
    """RFC 3454, section 6: text with a right-to-left character has one at each end and no left-to-right one."""
    if any(map(stringprep.in_table_d1, text)):
        if any(map(stringprep.in_table_d2, text)):
            raise ValueError("both directions")
        if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
            raise ValueError("right-to-left text that does not begin and end so")
