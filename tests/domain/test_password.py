"""Which passwords people may choose."""

from contextlib import suppress

import pytest

from openalert.domain import password as rules
from openalert.domain.errors import Invalid
from openalert.domain.password import check_password

ABOUT = ("Kim Lee", "kim.lee@example.org")


@pytest.mark.parametrize(
    "password",
    [
        "", "x", "elevenchars", "x" * 257, "x" * 1_000_000, "aaaaaaaaaaaa", "abababababab", "123123123123",
        "with a \0 inside of it", "\ud800" * 12,
        "password1234", "Password1234", "P@ssw0rd1234", "passwordpassword", "password password", "Welcome2026!!",
        "iloveyou1234", "iloveyouforever", "qwertyuiop12", "qwertyuiop123", "1q2w3e4r5t6y", "1qaz2wsx3edc",
        "qazwsxedcrfv", "123456789012", "098765432109", "abcdefghijkl", "administrator", "administrator1",
        "letmeinletmein", "changeme2026", "ChangeMe!2026", "summer2026summer", "Football12345", "trustno1trustno1",
        "openalert1234", "OpenAlert2026!", "asdfghjkl123", "zxcvbnm12345", "monkey123456", "superman1234",
        "correcthorse1", "superSecret12", "testtesttest", "test1234test", "adminadmin123", "qwertz123456",
        "passwort1234", "azertyuiop12", "111122223333", "sunshine1234", "princess2026",
        "kim.lee@example.org", "kim.lee@example.org1", "KimLeeKimLee", "Kim Lee 2026!", "example.org kim",
        "leekim123456", "a1b2c3d4e5f6",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    """Too short, too long, repeated, common words made longer, walks over the keyboard, one's own name."""
    with pytest.raises(Invalid) as refused:
        check_password(password, about=ABOUT)
    assert refused.value.details["field"] == "password"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "staple horse battery", "monkey dragon football", "four unrelated plain words",
        "demo demo demo 1", "xkcd-936-was-right", "Tr0ub4dor&3 extra", "кит любит сладкий чай",
        "密码要足够长才安全可靠吗",
        "kim likes warm socks", "9f2c61d0ab44", "vT4-qm9Lw2xB", "Gartenzaun im Regen", "old password of alice's",
    ],
)  # fmt: skip
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    """Words that do not belong together, in any script; also with one's name among them."""
    assert check_password(password, about=ABOUT) == password


def test_what_looks_the_same_is_the_same() -> None:
    """The form that is hashed is NFKC: composed, and no wide letters."""
    assert check_password("cafe\u0301 \uff4doon rocket") == "caf\u00e9 moon rocket"


def test_the_longest_password_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check runs on the event loop: what it looks at grows with the length, never with its square."""
    walked, looked_at = rules._walked, []

    def noted(piece: str) -> int:
        looked_at.append(len(piece))
        return walked(piece)

    monkeypatch.setattr(rules, "_walked", noted)
    for text in ("passwordthe" * 23, "qwert" * 51, "asdf1" * 51, "four unrelated plain words" * 9):
        assert len(text) > 0.9 * rules.LONGEST_PASSWORD
        looked_at.clear()
        with suppress(Invalid):
            check_password(text)
        assert looked_at
        whole = [size for size in looked_at if size > 20]
        assert sum(whole) <= len(text)
        assert len(looked_at) <= 2 * 20 * len(text)
    looked_at.clear()
    with pytest.raises(Invalid):
        check_password("passwordthe" * 100_000)
    assert looked_at == []
