"""Addresses of contact methods: taken as people write them, kept in one form, refused with a sentence."""

import pytest

from openalert.domain.contact import CONTACT_KINDS, check_phone, contact_kind
from openalert.domain.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+49 151 12345678", "+4915112345678"),
        ("0049 (0151) 123456", "+490151123456"),
        ("+1 (212) 555-0100", "+12125550100"),
        ("+44\u00a020\u20117946.0000", "+442079460000"),
    ],
)
def test_a_number_is_kept_as_e164(typed: str, kept: str) -> None:
    """Blanks, brackets, dots, dashes and a leading 00 are how people write; E.164 is how providers want it."""
    assert check_phone(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "151 12345678", "+0151", "+49", "+49 151 12ab", "+" + "1" * 16, "+١٢٣٤٥٦٧٨"]
)
def test_anything_else_is_refused_with_an_example(typed: str) -> None:
    """No country, too short, too long, letters, other digits."""
    with pytest.raises(Invalid, match=r"\+49 151"):
        check_phone(typed)


@pytest.mark.parametrize(
    "typed", ["+1 900 555 0100", "+979 1 2345 6789", "+882 16 5555 5555", "00883 510 0000000"]
)
def test_numbers_that_cost_whoever_calls_them_are_refused(typed: str) -> None:
    """Paid services and networks without a country, where toll fraud sends calls."""
    with pytest.raises(Invalid, match="paid services"):
        check_phone(typed)


def test_an_unknown_kind_is_refused_with_what_there_is() -> None:
    """The sentence lists the kinds."""
    with pytest.raises(Invalid, match="email"):
        contact_kind("pigeon")
    assert all(kind.type == name for name, kind in CONTACT_KINDS.items())
