"""Ready-made on-call set-ups: each makes a team, schedules, a policy, a service and its integration."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from openalert.domain.access import Role
from openalert.domain.errors import Invalid
from openalert.domain.escalation import Level, Target, TargetType
from openalert.domain.instant import DAY, MINUTE, Instant
from openalert.domain.schedule import Restriction, RotationChange, RotationType, Schedule
from openalert.domain.service import Integration, Service
from openalert.domain.team import Team
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Transaction
from openalert.usecases import escalation_policies, integrations, schedules, services, teams

ANSWER_WITHIN = 5 * MINUTE
"""How long the first level has before the next is paged."""


class Made(msgspec.Struct, kw_only=True):
    """What a preset set up; `key` is shown now and never again."""

    team: Team
    schedules: list[Schedule]
    policy: Document
    service: Service
    integration: Integration
    key: str


class _Plan(msgspec.Struct, kw_only=True):
    tx: Transaction
    team: Team
    timezone: str
    members: tuple[str, ...]

    async def schedule(self, name: str) -> Schedule:
        return await schedules.create(self.tx, team_id=self.team.id, name=name, timezone=self.timezone)

    async def rotation(
        self, schedule: Schedule, name: str, members: Sequence[str], *windows: Restriction
    ) -> None:
        """A weekly rotation, handed over on Mondays at nine; the first person's week is the running one."""
        weekly = RotationChange(
            effective_from=self.tx.now - 7 * DAY,
            rotation_type=RotationType.WEEKLY,
            handoff_day=1,
            member_ids=tuple(members),
            restrictions=windows,
        )
        await schedules.add_rotation(self.tx, schedule.id, name, weekly)

    def level(self, number: int, delay: Instant, kind: TargetType, target_id: str) -> Level:
        return Level(level=number, delay=delay, targets=(Target(type=kind, id=target_id),))


Preset = Callable[[_Plan], Awaitable[tuple[list[Schedule], list[Level]]]]


async def _one_team_weekly(plan: _Plan) -> tuple[list[Schedule], list[Level]]:
    schedule = await plan.schedule(f"{plan.team.name} on call")
    await plan.rotation(schedule, "Weekly", plan.members)
    return [schedule], [
        plan.level(1, 0, TargetType.SCHEDULE, schedule.id),
        plan.level(2, ANSWER_WITHIN, TargetType.TEAM, plan.team.id),
    ]


async def _follow_the_sun(plan: _Plan) -> tuple[list[Schedule], list[Level]]:
    """Three rotations of eight hours each, in one layer; with fewer than three people some share."""
    schedule = await plan.schedule(f"{plan.team.name} around the clock")
    shifts = (("Early", "00:00", "08:00"), ("Day", "08:00", "16:00"), ("Late", "16:00", "24:00"))
    for position, (name, start, end) in enumerate(shifts):
        members = plan.members[position::3] or (plan.members[position % len(plan.members)],)
        await plan.rotation(schedule, name, members, Restriction(from_time=start, to_time=end))
    return [schedule], [
        plan.level(1, 0, TargetType.SCHEDULE, schedule.id),
        plan.level(2, ANSWER_WITHIN, TargetType.TEAM, plan.team.id),
    ]


async def _business_hours_backup(plan: _Plan) -> tuple[list[Schedule], list[Level]]:
    """Business hours first, the backup next: outside them the first level is empty and passes at once."""
    business = await plan.schedule(f"{plan.team.name} business hours")
    weekdays = [Restriction(from_day=day, from_time="09:00", to_time="17:00") for day in range(1, 6)]
    await plan.rotation(business, "Business hours", plan.members, *weekdays)
    backup = await plan.schedule(f"{plan.team.name} backup")
    await plan.rotation(backup, "Backup", plan.members[1:] + plan.members[:1])
    return [business, backup], [
        plan.level(1, 0, TargetType.SCHEDULE, business.id),
        plan.level(2, ANSWER_WITHIN, TargetType.SCHEDULE, backup.id),
        plan.level(3, ANSWER_WITHIN, TargetType.TEAM, plan.team.id),
    ]


PRESETS: dict[str, Preset] = {
    "one_team_weekly": _one_team_weekly,
    "follow_the_sun": _follow_the_sun,
    "business_hours_backup": _business_hours_backup,
}
"""Every preset by the name under which a form chooses it."""


async def apply(
    tx: Transaction,
    preset: str,
    *,
    team_name: str,
    service_name: str,
    member_ids: Sequence[str],
    timezone: str,
    integration_type: str = "prometheus",
) -> Made:
    """Set everything up at once, for admins; `member_ids` take turns, in this order."""
    if preset not in PRESETS:
        raise Invalid(f"preset must be one of {', '.join(PRESETS)}.", field="preset", allowed=list(PRESETS))
    if not member_ids:
        raise Invalid("Somebody must be on call: choose at least one person.", field="memberIds")
    team = await teams.create(tx, name=team_name)
    await schedules.check_people(tx, tx.actor, member_ids, "memberIds")
    for user_id in member_ids:
        if user_id != tx.actor.user_id:
            await teams.put_member(tx, team.id, user_id, Role.MEMBER)
    made, levels = await PRESETS[preset](
        _Plan(tx=tx, team=team, timezone=timezone, members=tuple(member_ids))
    )
    policy = await escalation_policies.create(
        tx, team_id=team.id, name=f"{team.name} escalation", levels=levels, repeat_count=2
    )
    service = await services.create(
        tx, team_id=team.id, name=service_name, escalation_policy_id=policy.policy.id
    )
    integration, key = await integrations.create(
        tx, service_id=service.id, name=integration_type.capitalize(), kind=integration_type
    )
    return Made(team=team, schedules=made, policy=policy, service=service, integration=integration, key=key)
