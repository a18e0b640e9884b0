"""Two providers of one channel behind one notifier."""

import msgspec
import pytest

from openalert import notifiers
from openalert.config import Config, Smtp
from openalert.config.rules import problems
from openalert.config.sections import Twilio
from openalert.notifiers.configured import notifier_settings
from openalert.notifiers.failover import (
    Failover,
    blames_provider,
    may_go_elsewhere,
    one_or_more,
    providers_of,
)
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason, Receipt
from tests.cast import Post
from tests.notifiers import messages

pytestmark = pytest.mark.anyio

MAIL = Smtp(host="mail.example.com", sender="alerts@example.com")


class Dead(Post):
    """A provider that cannot be reached."""

    async def probe(self) -> str:
        """Never well."""
        raise NotifierError(Reason.UNREACHABLE, f"{self.channel} is dead.")


async def test_the_message_says_which_provider_tries() -> None:
    """0 is the first, 1 the second; one that was taken out of the configuration counts as the last."""
    first, second = Post("email"), Post("email")
    both = Failover([first, second])
    for provider in (0, 1, 7):
        await both.send(msgspec.structs.replace(messages.page(), provider=provider), 0)
    assert (first.attempts, second.attempts) == (1, 2)


async def test_a_channel_is_well_while_one_of_its_providers_is() -> None:
    """What the dead one says is told beside; only when none works it is a failure."""
    assert await Failover([Dead("email"), Post("email")]).probe() == "email is dead. A test post."
    with pytest.raises(NotifierError):
        await Failover([Dead("email"), Dead("email")]).probe()


def test_one_provider_alone_is_not_wrapped() -> None:
    """Most installations have one."""
    alone = Post("email")
    assert one_or_more([alone]) is alone
    assert providers_of(alone) == (alone,)


@pytest.mark.parametrize("reason", list(Reason))
def test_only_the_provider_s_own_failures_move_a_message_to_the_next(reason: Reason) -> None:
    """Not those of the address, of the message or of our pace."""
    elsewhere = {
        Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS_FAILED, Reason.PROVIDER_FAILED, Reason.BAD_RESPONSE,
        Reason.AUTH_FAILED,
    }  # fmt: skip
    assert may_go_elsewhere(NotifierError(reason, "")) == (reason in elsewhere)
    assert blames_provider(NotifierError(reason, "")) == (reason in elsewhere - {Reason.AUTH_FAILED})


def test_a_lost_answer_blames_the_provider_and_moves_nothing() -> None:
    """The message may have arrived, as after the answer of a gateway."""
    assert not may_go_elsewhere(NotifierError(Reason.PROVIDER_FAILED, "502", is_in_doubt=True))
    assert blames_provider(LostAnswer("gone"))
    assert not may_go_elsewhere(LostAnswer("gone"))
    assert not may_go_elsewhere(Receipt(provider_id="x"))


def test_a_second_mail_server_makes_mail_a_channel_with_two_providers() -> None:
    """With its own address; without it there is one."""
    backup = Smtp(host="other.example.net", sender="alerts@example.net")
    both = notifiers.build(notifier_settings(Config(smtp=MAIL, smtp_backup=backup)))["email"]
    assert len(providers_of(both)) == 2
    alone = notifiers.build(notifier_settings(Config(smtp=MAIL)))["email"]
    assert len(providers_of(alone)) == 1


def test_a_second_mail_server_needs_a_first_one_and_an_address() -> None:
    """The start says so."""
    found = dict(problems(Config(smtp_backup=Smtp(host="other.example.net"))))
    assert set(found) == {"smtp_backup.from", "smtp_backup.host"}


def test_a_second_twilio_account_takes_over_what_it_has_a_number_for() -> None:
    """For texts and calls by one number, for texts alone by a messaging service."""
    first = Twilio(account_sid="AC" + "0" * 32, auth_token="a", from_number="+15005550006")
    second = msgspec.structs.replace(first, account_sid="AC" + "1" * 32)
    texts = msgspec.structs.replace(second, from_number="", messaging_service_sid="MG1")
    for backup, counts in ((second, (2, 2)), (texts, (2, 1)), (Twilio(), (1, 1))):
        built = notifiers.build(notifier_settings(Config(twilio=first, twilio_backup=backup)))
        assert tuple(len(providers_of(built[kind])) for kind in ("sms", "voice")) == counts
