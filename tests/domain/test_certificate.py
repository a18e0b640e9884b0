"""How long before its end a certificate is spoken of."""

import pytest

from openalert.domain.certificate import Certificate, CertificateState
from openalert.domain.instant import DAY, HOUR

NOW = 1_767_603_600_000
GOOD, SOON, VERY_SOON, ENDED = (
    CertificateState.GOOD,
    CertificateState.SOON,
    CertificateState.VERY_SOON,
    CertificateState.ENDED,
)


@pytest.mark.parametrize(
    ("life", "left", "state"),
    [
        (365 * DAY, 15 * DAY, GOOD),
        (365 * DAY, 14 * DAY, SOON),
        (90 * DAY, 14 * DAY, SOON),
        (90 * DAY, 3 * DAY + HOUR, SOON),
        (90 * DAY, 3 * DAY, VERY_SOON),
        (90 * DAY, 1, VERY_SOON),
        (90 * DAY, 0, ENDED),
        (90 * DAY, -DAY, ENDED),
        # One that lives for six days is renewed when two or three are left: nobody is told before.
        (6 * DAY, 3 * DAY, GOOD),
        (6 * DAY, 2 * DAY, SOON),
        (6 * DAY, 18 * HOUR, VERY_SOON),
        (6 * DAY, 0, ENDED),
    ],
)
def test_what_is_soon_depends_on_how_long_it_lives(life: int, left: int, state: CertificateState) -> None:
    """Two weeks and three days for long ones, a part of their life for short ones."""
    seen = Certificate(
        use="smtp",
        words="the mail server",
        where="mail:587",
        looked_at=NOW,
        starts_at=NOW + left - life,
        ends_at=NOW + left,
    )
    assert seen.state(NOW) is state


def test_one_that_was_never_seen_is_not_judged() -> None:
    """A server that could not be asked says nothing about its certificate."""
    unseen = Certificate(use="smtp", words="the mail server", where="mail:587", looked_at=NOW, problem="gone")
    assert unseen.state(NOW) is CertificateState.UNKNOWN
