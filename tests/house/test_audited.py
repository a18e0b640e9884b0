"""Nobody forgets the audit log: every act of `usecases` that takes a transaction records itself, or says why not."""

import ast
from pathlib import Path

USECASES = Path(__file__).parents[2] / "openalert" / "usecases"

NOT_AN_ACT = {
    "routing_rules.move_with_service": "part of moving a service, which is recorded",
    "access.new_owner": "changes nothing",
    "access.team_for": "changes nothing",
    "api_keys.touch": "a note of the last use",
    "canary.finish": "the server tries itself, nobody acts",
    "cadences.note": "machines send, nobody",
    "certificates.keep": "the server looks by itself, nobody acts",
    "certificates_elsewhere.keep": "the server looks by itself, nobody acts",
    "callbacks.once": "an answer kept for a repeat of the act, which is recorded",
    "chat_codes.redeem": "part of connecting an account",
    "contact_methods.new_method": "changes nothing",
    "heartbeat_alerts.way": "changes nothing",
    "heartbeat_alerts.say": "tells of an act that another records",
    "kept_beats.keep": "a machine says it, nobody",
    "bundles.gather": "the engine sends",
    "outages.begin": "a sign of life, of nobody",
    "outages.end": "a sign of life, of nobody",
    "outages.note": "what the engine found, done by nobody",
    "outages.seen": "a sign of life, of nobody",
    "channel_troubles.begin": "a provider says it, nobody",
    "channel_troubles.end": "a provider says it, nobody",
    "deliveries.claim": "the engine sends",
    "deliveries.claim_all": "the engine sends",
    "deliveries.ended": "the engine sends",
    "deliveries.give_up": "the engine sends",
    "deliveries.give_back": "the engine sends",
    "deliveries.recover": "the engine sends",
    "escalation.steps": "time does it, nobody",
    "last_resort.note": "the server notes what it said in the timeline, nobody acts",
    "mending.mend": "the engine mends",
    "keeping.unread": "a source says it, nobody",
    "inbound.quarantine": "a source says it, nobody",
    "going_on.hasten": "time does it, nobody",
    "holding.let_go": "the engine mends",
    "holding.let_go_due": "time does it, nobody",
    "drills.plan": "time does it, nobody",
    "drills.step": "time does it, nobody",
    "noise.changed": "part of an act that another records",
    "handoffs.messages_to": "writes nothing down",
    "handoffs.tell": "time does it, nobody",
    "shift_notices.agreed": "part of an act that another records",
    "shift_notices.leave_out": "part of an act that another records",
    "shift_notices.remember": "part of an act that another records",
    "shift_notices.tell": "time does it, nobody",
    "handoff_drafts.hand_over": "time does it, nobody",
    "shift_reminders.note": "time does it, nobody",
    "shift_reminders.tell": "time does it, nobody",
    "status_automation.follow": "incidents do it, by a choice that was recorded",
    "status_mailings.settle": "the engine sends",
    "status_mailings.write_to": "part of an act that another records",
    "status_subscribers.choose_by_link": "subscribers choose what they are told themselves",
    "status_subscribers.sign_up": "a stranger asks; what becomes of it is recorded when it is confirmed",
    "status_incidents.advance": "time does it, nobody",
    "status_backdating.recompute": "part of an act that another records",
    "status_backdating.say": "part of an act that another records",
    "status_backdating.take_back": "part of an act that another records",
    "status_notes.inside": "part of an act that another records",
    "status_incidents.components_of": "changes nothing",
    "status_incidents.to_tell": "changes nothing",
    "status_pages.note": "part of an act that another records",
    "status_pages.to_configure": "changes nothing",
    "status_pages.to_tell": "changes nothing",
    "status_pages.announce": "part of an act that another records",
    "status_pages.touched": "part of an act that another records",
    "swaps.expire": "time does it, nobody",
    "swap_news.offered": "tells of an act that another records",
    "swap_news.taken": "tells of an act that another records",
    "swap_news.declined": "tells of an act that another records",
    "swap_news.withdrawn": "tells of an act that another records",
    "swap_news.expired": "tells of what time did",
    "swap_news.moved": "tells of what another records",
    "swap_news.ended": "tells of what another records",
    "swap_following.following": "records what becomes of swaps alone",
    "swap_following.trim": "part of acts that another records",
    "idempotency.recall": "changes nothing",
    "idempotency.keep": "an answer kept for a repeat of the act, which is recorded",
    "console_incidents.who": "finds out who acts",
    "service_moves.move_with_service": "part of moving a service",
    "maintenance_news.tell": "tells of what time did, or of an act that another records",
    "maintenance_windows.turn": "time does it, nobody",
    "muting.check_services": "changes nothing",
    "muting.hold_on": "part of an edit, which is recorded",
    "silencing.hold_firing": "part of making a silence, which is recorded",
    "silences.turn": "time does it, nobody",
    "quieting.wake": "time does it, nobody",
    "links.mail": "part of an act",
    "opsgenie.created": "a source says it, nobody",
    "opsgenie.number": "gives a number to what is there",
    "opsgenie_acts.custom_action": "changes nothing",
    "links.recall": "part of an act",
    "notification_rules.hold_anew": "part of setting quiet hours",
    "notify.send_to": "part of an act",
    "owner_notices.tell": "part of what it tells of",
    "reachability.answered": "part of an answer, which is recorded",
    "reachability.answered_by_link": "part of an answer, which is recorded",
    "reachability.settled": "the engine sends",
    "push_answers.shown": "a report of the browser",
    "replies.paged_person": "changes nothing",
    "replies.person": "changes nothing",
    "backups.failed": "time does it, nobody",
    "holding.end_overdue": "part of restoring",
    "schedules.changed": "tells of an act that another records",
    "schedules.rotation_to_edit": "changes nothing",
    "schedules.to_configure": "changes nothing",
    "receipts.record": "a provider reports what became of a message",
    "receipts.accept": "a provider reports what became of a message",
    "second_factors.begin_totp": "opens nothing until it is confirmed, which is recorded",
    "second_factors.count_try": "counts tries at a code",
    "second_factors.keep_what_is_needed": "part of removing",
    "services.to_configure": "changes nothing",
    "setup.issue_token": "a link on the console of whoever started the server; using it is recorded",
    "signin.open_session": "part of signing in",
    "signin.rotate_session": "part of whatever made rights grow",
    "signin.touch_session": "a note of the last use",
    "test_pages.send": "part of an act",
    "slo.steps_done": "counts what the engine did",
    "slo.page_ended": "counts what the engine did",
    "switch_proofs.spoil": "the server notes that it was in trouble, nobody acts",
    "telephone.answered": "a provider reports that somebody listens",
    "telephone.call_ended": "a provider reports what became of a call",
    "telephone.message_moved": "a provider reports what became of a message",
    "throttle.begin": "counts tries, whatever is tried",
    "throttle.forgive": "counts tries, whatever is tried",
    "throttle.count": "counts what is asked for, whatever it is",
    "throttle.has_room": "counts what is asked for, whatever it is",
    "throttle.spend": "counts tries, whatever is tried",
    "outgoing_events.keep": "the engine tells of acts that others record",
    "weekly_reports.plan_next": "time does it, nobody",
    "weekly_reports.send": "time does it, nobody",
}
"""Functions that take a transaction and need no entry of their own, and why."""

OF_SWAPS_ALONE = "swap_following.following"
"""It goes around edits, which record themselves."""


class Function:
    """One function of a module: whom it calls."""

    def __init__(
        self, module: str, node: ast.AsyncFunctionDef | ast.FunctionDef, imported: dict[str, str]
    ) -> None:
        self.key = f"{module}.{node.name}"
        first = node.args.args[0] if node.args.args else None
        takes = ast.unparse(first.annotation) if first is not None and first.annotation else ""
        self.is_act = takes == "Transaction" and not node.name.startswith("_")
        self.calls: set[str] = set()
        for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
            match call.func:
                case ast.Name(id=name):
                    self.calls.add(imported.get(name, f"{module}.{name}"))
                case ast.Attribute(value=ast.Name(id=owner), attr=name):
                    self.calls.add(f"{imported.get(owner, owner).rpartition('.')[2]}.{name}")


def functions() -> dict[str, Function]:
    """Every function of `usecases`, by module and name."""
    found = {}
    for path in sorted(USECASES.glob("*.py")):
        tree = ast.parse(path.read_text())
        imported = {
            alias.asname or alias.name: f"{(node.module or '').rpartition('.')[2]}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("openalert.usecases")
            for alias in node.names
        }
        for node in tree.body:
            if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)):
                function = Function(path.stem, node, imported)
                found[function.key] = function
    return found


def silent(known: dict[str, Function]) -> list[str]:
    """Acts that neither record nor call anything that does."""
    recording = {"audit.record", "audit.change", "audit.record_installation"}
    while more := {
        key
        for key, each in known.items()
        if key not in recording | {OF_SWAPS_ALONE} and each.calls & recording
    }:
        recording |= more
    return [key for key, each in known.items() if each.is_act and key not in recording]


def test_every_act_is_recorded() -> None:
    """A new act fails here until it records itself, or stands in the list with its reason."""
    known = functions()
    assert len([each for each in known.values() if each.is_act]) > 40
    assert [key for key in silent(known) if key not in NOT_AN_ACT] == []


def test_the_list_of_exceptions_is_not_longer_than_needed() -> None:
    """What records itself by now, or is gone, leaves the list."""
    assert sorted(NOT_AN_ACT) == sorted(set(silent(functions())) & set(NOT_AN_ACT))


def test_the_check_sees_what_it_is_for() -> None:
    """An act without an entry is found; one that calls another which records is not."""
    source = """
async def bad(tx: Transaction) -> None:
    await rows.insert(tx)

async def good(tx: Transaction) -> None:
    await _inner(tx)

async def _inner(tx: Transaction) -> None:
    audit.record(tx)
"""
    nodes = ast.parse(source).body
    known = {each.key: each for each in (Function("m", node, {}) for node in nodes)}  # type: ignore[arg-type]  # they are functions
    assert silent(known) == ["m.bad"]
