"""Passwords: which ones people may choose, and the one form in which they are hashed and compared."""

import re
import unicodedata

from openalert.domain.errors import Invalid

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
_TOO_EASY = "That is too easy to guess; use a few unrelated words."

_COMMON = frozenset(
    """
    abcdef access account admin administrator adobe alert alexander amanda america andrea andrew angel angels
    apple asdf asdfgh ashley august austin azerty babygirl banana baseball basketball batman beautiful biteme
    blink bubbles buster butterfly carlos change changeit changeme charlie cheese chelsea chicken chocolate
    christian company computer cookie correcthorse daniel default december diamond donald dragon elizabeth
    enter family february flower football forever freedom friday friends fuckyou fuckoff ginger guest hallo
    hannah hello hockey hottie hunter iloveu iloveyou incident internet january jasmine jennifer jessica jesus
    jordan joshua july june justin killer lakers letmein lifeisgood liverpool login london lovely loveme
    lovers loveyou machine manager march master matrix matthew merlin michael michelle midnight monday money
    monitoring monkey monster mother mustang mypassword mysecret naruto nicole ninja nothing november october
    oncall openalert operator oracle orange pager passphrase passw0rd passwd password passwort patrick peanut
    pepper phoenix photoshop pokemon princess private public purple qazwsx qwer qwert qwerty qwertyuiop
    qwertz ranger richard robert root samantha samsung saturday scooter secret secure security september
    server service shadow silver slipknot snoopy soccer spiderman starwars summer sunday sunflower sunshine
    super superman support sweety system temp temporary test tester testing thomas thunder tigger tomato trustno
    tuesday tweety user username vanessa victoria warrior wednesday welcome whatever william winner winter
    wizard yankees yellow zaq xsw zxcv zxcvbn zxcvbnm the and you love my is our your
    """.split()  # noqa: SIM905 - as a list of strings nobody would read it
)
"""What the passwords that are guessed first are made of, beside numbers and walks over the keyboard."""
_LEET = str.maketrans("0134578@$!", "oieastbasi")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
         "abcdefghijklmnopqrstuvwxyz", "01234567890", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
         "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "qazwsxedcrfvtgbyhnujmikolp")  # fmt: skip
_WALK = 4
"""From so many signs on, a piece of a row is a walk over the keyboard."""
_NO_LETTERS = re.compile(r"[\W\d_]+")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_SHORTEST_WORD = 3


def normalised(password: str) -> str:
    """The form of a password that is hashed and compared: NFKC, cut so that nobody makes the hash swallow a book."""
    encodable = password[: LONGEST_PASSWORD * 4].encode(errors="replace").decode()
    return unicodedata.normalize("NFKC", encodable)


def check_password(password: str, *, about: tuple[str, ...] = ()) -> str:
    """The password in the form that is hashed, or Invalid with what to change.

    `about` holds the person's name and address: a password must not be made of them.
    """
    password = normalised(password)
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(f"Use at least {SHORTEST_PASSWORD} characters; a few words are fine.", field="password")
    if len(password) > LONGEST_PASSWORD:
        raise Invalid(f"Use at most {LONGEST_PASSWORD} characters.", field="password")
    folded = password.casefold()
    if "\0" in password or len(set(folded)) < 4 or _repeats(folded):
        raise Invalid(_TOO_EASY, field="password")
    if is_about(folded, about):
        raise Invalid("Do not make the password out of your name or address.", field="password")
    if is_common(folded):
        raise Invalid(f"Many people have a password like that. {_TOO_EASY}", field="password")
    return password


def is_about(folded: str, about: tuple[str, ...]) -> bool:
    """Whether a password is one's name or address, whole or in parts, and hardly anything else."""
    words = {word for text in about for word in re.split(r"[\W_]+", text.casefold()) if len(word) > 2}
    words |= {text.casefold() for text in about}
    rest = folded
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "") if word else rest
    letters = sum(sign.isalpha() for sign in rest)
    return rest != folded and letters < _SHORTEST_WORD


def is_common(folded: str) -> bool:
    """Whether a password is among those guessed first: one or two common words, walks over the keyboard, numbers.

    A long list of leaked passwords would say much the same of those of twelve characters and more, which are
    short ones made longer: `password1234`, `Welcome2026!`, `qwertyuiop123`, `1q2w3e4r5t6y`.
    """
    if _walked(folded) >= len(folded) - 2:
        return True
    for text in (folded, _AROUND.sub("", folded).translate(_LEET)):
        words = _words_of(_NO_LETTERS.sub("", text))
        if words is not None and len(words) <= 2:
            return True
    return False


def _repeats(folded: str) -> bool:
    """Whether it is one piece of at most four signs, again and again."""
    return any(folded == (folded[:size] * len(folded))[: len(folded)] for size in (1, 2, 3, 4))


def _walked(folded: str) -> int:
    """How many of the signs belong to walks over the keyboard or the alphabet, there or back."""
    rows = [*_ROWS, *(row[::-1] for row in _ROWS)]
    at = walked = 0
    while at < len(folded):
        longest = 0
        for row in rows:
            size = _WALK
            while at + size <= len(folded) and folded[at : at + size] in row:
                longest = max(longest, size)
                size += 1
        walked += longest
        at += longest or 1
    return walked


def _words_of(letters: str) -> set[str] | None:
    """The common words that these letters are made of, as few as can be; None when they are made of others too.

    Walks over the keyboard count as nothing: they add nothing to guess.
    """
    fewest: list[set[str] | None] = [set()] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - 20), end):
            before, piece = fewest[start], letters[start:end]
            if before is None:
                continue
            walk = len(piece) >= _WALK and _walked(piece) == len(piece)
            if not walk and piece not in _COMMON:
                continue
            now = before if walk else before | {piece}
            known = fewest[end]
            if known is None or len(now) < len(known):
                fewest[end] = now
    return fewest[-1]
