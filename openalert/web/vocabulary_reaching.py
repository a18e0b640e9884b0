"""What the members of the API mean that are about reaching people: channels, rules, proofs, words of messages."""

from typing import Any

_ID = "019b8d62-7a80-7003-a352-03ab0e4992a3"
_OTHER = "019b8d62-7a80-7005-9c1f-5b8d0a6f2e11"
_DAY = "2026-01-31T"
_WORDS = '{{ labels.instance | before: ":" }} is in trouble'
_CONFIG = "Where messages go: `address` of an email channel, `url` of a webhook."

MEMBERS: dict[str, tuple[str, Any]] = {
    "FollowerIn.channelId": ("The channel that is to follow the service.", _OTHER),
    "Follower.channelId": ("The channel that follows.", _OTHER),
    "FollowerIn.events": ("What it hears of: docs/answering.md has them.", ["triggered", "resolved"]),
    "Follower.events": ("What it hears of.", ["triggered", "resolved"]),
    "Follower.type": ("By what kind of channel it goes.", "email"),
    "Channel.config": (_CONFIG, {"address": "ops@example.com"}),
    "ChannelIn.config": (_CONFIG, {"address": "ops@example.com"}),
    "ChannelPatch.config": (_CONFIG, {"address": "ops@example.com"}),
    "NotificationRule.delayMinutes": ("Minutes after the person is to be told; fractions are allowed.", 2),
    "NotificationRuleIn.delayMinutes": ("Minutes after the person is to be told; fractions are allowed.", 2),
    "NotificationRulePatch.delayMinutes": ("Minutes after the person is to be told; fractions are allowed.", 2),
    "NotificationRule.kind": ("What it is for: `page`, `handoff` or `digest`.", "page"),
    "NotificationRuleIn.kind": ("What it is for: `page`, `handoff` or `digest`.", "page"),
    "NotificationRulePatch.kind": ("What it is for: `page`, `handoff` or `digest`.", "page"),
    "doNotDisturbUntil": ("Until when nothing but what passes is to come; null: no such time.", f"{_DAY}18:00:00Z"),
    "heldUntil": ("Not null: the person's own settings hold it until then.", None),
    "minSeverity": ("For incidents at least this severe.", "high"),
    "passesFrom": ("From which severity pages come all the same; null: none does.", "critical"),
    "repeatAtMost": ("How often the last step is repeated until somebody answers; 0: it is not.", 3),
    "repeatEveryMinutes": ("Minutes between repeats, 1 to 60; fractions are allowed.", 5),
    "silent": ("Why the person gets nothing; null: they do.", None),
    "endpoint": (
        "The address at the browser's push service; a secret.",
        "https://push.example.com/send/c2VjcmV0",
    ),
    "expirationTime": ("When the browser ends it, in milliseconds since 1970; not looked at.", None),
    "keys": ("What only this browser can decrypt.", None),
    "p256dh": (
        "The browser's public key: a point on P-256, uncompressed, as base64url.",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    ),
    "auth": ("The browser's authentication secret: 16 bytes as base64url.", "BTBZMqHH6r4Tts7J_aSIgg"),
    "publicKey": (
        "Our public key, `applicationServerKey` of a browser's `subscribe`.",
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    ),
    "ChannelState.channel": ("The kind of channel.", "email"),
    "ChannelState.name": ("What people call it.", "E-mail"),
    "ChannelState.state": (
        "`well`; `troubled`: not by every provider or to every address; `broken`: by none; `off`: not set up.",
        "troubled",
    ),
    "ChannelState.missing": ("What to set in the configuration; null: nothing is missing.", None),
    "ChannelState.providers": ("Empty where every address is a provider of its own.", None),
    "ChannelState.restingAddresses": ("How many such addresses are left alone, as they failed again and again.", 0),
    "ChannelState.lastSuccessAt": ("When a provider last took one of the newest messages.", f"{_DAY}08:30:00Z"),
    "ChannelState.lastFailureAt": ("When a message last failed; null: none did.", None),
    "ProviderState.number": ("0: the first, 1: the second.", 0),
    "ProviderState.breaker": (
        "`closed`: it gets messages; `open`: it failed five times in a row and rests; `half_open`: one tries it.",
        "open",
    ),
    "ProviderState.said": ("Its own words, while it fails one message after the other.", "421 Try later."),
    "ProviderState.refusedSince": ("Since when nothing gets through until somebody acts; null: it does not.", None),
    "ProviderState.trouble": (
        "Why: `credentials` it refuses, or a `certificate` of its own that is not valid; null: neither.", None
    ),
    "ProviderState.refusal": ("Its own words then.", None),
    "failingSince": ("Since when messages by it have failed; null: they have not.", None),
    "lastFailure": ("The newest failure, in the provider's words; null: there is none.", None),
    "MessageTemplate.isOwn": ("Whether the organization chose it for this very kind.", True),
    "MessageTemplate.kind": (
        "The kind of message: `any` counts for everything about an incident that has no words of its own.", "any"
    ),
    "MessageTemplate.longest": ("How many characters of it the way shows; what is longer is cut.", 255),
    "MessageTemplate.name": ("What people call the way, and the kind where it is not `any`.", "Text message"),
    "MessageTemplate.text": ("The template in force: docs/words.md says what it may hold.", _WORDS),
    "MessageTemplateIn.text": ("The template; empty for the usual words.", _WORDS),
    "TemplatePreview.incidentId": ("The incident that it is about; null: there is none, so one was made up.", _ID),
    "TemplatePreview.note": ("How it is shown, or what it costs.", "1 segment of at most 3, 87 characters"),
    "TemplatePreview.text": ("What the message says.", "CRITICAL #42 db-1 is in trouble\nReply 1 10 = acknowledge"),
    "TemplatePreviewIn.incidentId": ("The incident that it is to be about; without it, the newest one.", _ID),
    "TemplatePreviewIn.text": ("The template to look at; without it, the one that holds now.", _WORDS),
    "way": ("By which way such messages are read: `email`, `sms`, `push`, `voice`, or `chat` for all else.", "sms"),
    "methods": ("The ways to reach them; empty for whoever may not see them.", []),
    "MethodReach.state": ("`unverified`, `verified`, `proven`, `stale` or `failing`.", "proven"),
    "provenAt": ("When something last came back from it; null: never.", f"{_DAY}08:30:00Z"),
    "reachability": ("Whether a page would reach them now; null for who is not known any more.", None),
    "Drill.state": (
        "`planned`, `sent`, `reminded`, `answered`, `unanswered`, or `skipped`: nothing was sent.",
        "answered",
    ),
    "Drill.channel": ("By what kind of way it went; null: it has not been sent.", "email"),
    "Drill.reason": ("Why it was put off or skipped; null: nothing stood in the way.", None),
    "Drill.dueAt": ("When the next thing happens; null: it is over.", None),
    "Drill.sentAt": ("When it was sent; null: not yet.", f"{_DAY}10:20:00Z"),
    "Drill.remindedAt": ("When its person was reminded; null: they were not.", None),
    "Drill.answeredAt": ("When its person pressed “I got it”; null: not yet.", f"{_DAY}10:24:00Z"),
    "drills": ("How often its members get a fire drill: `off`, `weekly` or `monthly`.", "off"),
    "Reachability.state": ("`reachable`, `doubtful` or `unreachable`.", "reachable"),
    "ways": ("How many ways work that do not fail together.", 2),
    "weakestPoint": ("The weakest point in a sentence; empty: there is none.", "There is only one way: E-mail."),
    "verifiedAt": ("When its owner proved it; null: it gets nothing but its code.", f"{_DAY}08:00:00Z"),
}  # fmt: skip
