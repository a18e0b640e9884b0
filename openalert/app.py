"""The composition root: one Config and one Database become the whole appliance.

The only file that imports from every room: `OpenAlert` wires the parts together, `running` starts and stops them, and
the functions below it make single parts of the configuration. Whoever starts it (the server, a test) gives it an open
database; it ends what it began, and leaves the database open.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from openalert import __version__, notifiers, telemetry
from openalert.bus import Bus
from openalert.config import Config
from openalert.domain.links_back import LinksBack
from openalert.domain.switch_proof import switch_of
from openalert.engine.backups import configured_backups
from openalert.engine.canary import Canary
from openalert.engine.certificates import Certificates
from openalert.engine.engine import Engine
from openalert.engine.last_resort import LastCalls
from openalert.engine.node import NOWHERE, Node
from openalert.engine.patience import patiently
from openalert.engine.probes import Probes
from openalert.engine.self_watch import SelfWatch
from openalert.engine.status_mail import POSTS, Budget
from openalert.engine.status_mirrors import StatusMirrors, configured_mirrors
from openalert.engine.telegram_updates import TelegramUpdates
from openalert.notifiers.calendar_feed import CalendarFetcher
from openalert.notifiers.certificates import CheckedLook, places
from openalert.notifiers.configured import (
    last_resort_settings,
    mail_server,
    notifier_settings,
    outgoing_settings,
)
from openalert.notifiers.courier import Courier
from openalert.notifiers.dead_man import DeadMansSwitch
from openalert.notifiers.identity_provider import IdentityProvider, ProviderSettings
from openalert.notifiers.last_resort import LastResort
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.notifier import Notifier
from openalert.notifiers.null import NullNotifier
from openalert.notifiers.outgoing_webhook import OutgoingSender
from openalert.notifiers.own_door import OwnDoor
from openalert.notifiers.slack import SlackNotifier
from openalert.notifiers.slack_socket import SlackSocket
from openalert.notifiers.sns import SnsSubscriber
from openalert.notifiers.status_mail import StatusMailCourier
from openalert.notifiers.status_slack import StatusSlackCourier
from openalert.notifiers.status_teams import StatusTeamsCourier
from openalert.notifiers.status_webhook import StatusWebhookCourier
from openalert.notifiers.telegram_api import TelegramBot
from openalert.storage import memory
from openalert.storage.database import Database
from openalert.storage.feed import Carrier
from openalert.storage.redis import Redis, RedisCarrier
from openalert.storage.runs import Run
from openalert.supervisor import Watched
from openalert.usecases import canary, channel_states, push_subscriptions, warning_installation
from openalert.usecases.intake import Intake
from openalert.usecases.outgoing_events import Shapes
from openalert.usecases.single_sign_on import SingleSignOn, end_other_sessions
from openalert.usecases.slack import Slack
from openalert.usecases.subscriptions import Subscriptions
from openalert.web import assets, dialects, door, guards, heartbeats, markdown, problems, webhooks
from openalert.web.api import watchers
from openalert.web.api.alert_shapes import alert_out
from openalert.web.api.incident_shapes import incident_out
from openalert.web.application import Application
from openalert.web.callbacks import telegram
from openalert.web.description import Description
from openalert.web.guards import Access
from openalert.web.live import Live
from openalert.web.middleware import Front
from openalert.web.routes import routes
from openalert.web.status import site, static
from openalert.web.status.archive import Archive
from openalert.web.status.board import Board
from openalert.web.status.subscribe import Forms

if TYPE_CHECKING:
    from openalert.web.mail_in import MailListener


class OpenAlert:
    """Everything that runs in one process, and the ASGI application in front of it."""

    def __init__(
        self,
        config: Config,
        database: Database,
        secret: bytes,
        channels: Mapping[str, Notifier] | None = None,
        where: Run = NOWHERE,
    ) -> None:
        """`secret` signs the links in messages; `channels` stand in for those of the configuration.

        `where`: which of the nodes on its database this is.
        """
        self.config = config
        self.database = database
        self.bus = Bus()
        self.redis = Redis(config.redis.url, secret, database.supervisor) if config.redis.url else None
        """What nodes share beside the database; None without one."""
        self.access = Access(database, config, self.redis)
        self.live = Live(self.access, self.bus)
        self.board = Board(database, config.base_url, config.data_dir)
        self.intake = Intake(database, door.observe)
        self.notifiers = channels or notifiers.build(notifier_settings(config))
        self.calendars = CalendarFetcher(outgoing_settings(config))
        self.subscriptions = Subscriptions(database, SnsSubscriber(outgoing_settings(config)))
        self.engine = Engine(
            database,
            {**self.notifiers, NullNotifier.channel: NullNotifier()},
            links_back(config, secret),
            payload_days=config.retention.payload_days,
            slots=config.delivery.slots,
            per_second=config.delivery.per_second,
            unset=channel_states.missing(config),
            installation=warning_installation.of(config),
            calendars=self.calendars,
            outgoing=outgoing_webhooks(config),
            couriers=couriers(config, secret),
            node=Node(database, where, config.database.lease_seconds),
        )
        self.self_watch: SelfWatch | None = None
        """How it watches itself; None until `listens` says by which address it is reached."""
        self.last_calls: LastCalls | None = None
        """What tells the last resort; None as long as `self_watch` is."""
        self._secret = secret
        self.mirrors = StatusMirrors(
            database,
            configured_mirrors(config, database),
            static.copy_of,
            config.base_url,
            self._leads,
        )
        self.backups = configured_backups(config, database)
        checked = CheckedLook(outgoing_settings(config))
        self.certificates = Certificates(database, places(config), self._leads, elsewhere=checked)
        self.telegram = telegram_bot(config)
        self.mattermost = mattermost(config)
        self.telegram_updates = telegram_updates(config, database, self.telegram, secret, self._leads)
        self.single_sign_on = single_sign_on(config)
        self.slack = slack(database, self.notifiers, links_back(config, secret))
        self.slack_socket = slack_socket(database, self.slack)
        self.supervisor = database.supervisor
        """Owns every task of the process; its `troubles` are what somebody has to hear of."""
        self._socket_task: Watched | None = None
        entrance = door.Door(database, self.intake, config.server.max_body_bytes, self.subscriptions)
        self.mail_in = mail_listener(config, entrance, secret)
        public = site.StatusSite(
            self.board,
            Archive(database),
            self.access,
            Forms(database, secret, base_url=config.base_url, sends_mail=config.sends_mail),
        )
        self.asgi = Front(
            _litestar(self, secret),
            config,
            self.engine.health,
            {
                webhooks.PREFIX: webhooks.Webhooks(entrance),
                **dict.fromkeys(dialects.PREFIXES, dialects.Dialects(entrance)),
                heartbeats.PREFIX: heartbeats.Heartbeats(database),
                **dict.fromkeys(site.PREFIXES, public),
                site.DOMAIN_CHECK: public.domain_check,
                "/static/": assets.serve,
                "/api/v1/ws": self.live,
            },
            public.at_domain,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The engine works, messages are taken in, live listeners are told; all of it ends at the end."""
        self.database.listen(self.bus.publish)
        self.database.listen(self.board.hear)
        self.database.when_missed(self.bus.missed)
        self.database.when_missed(self.engine.wake)
        await patiently(self.database, lambda: end_other_sessions(self.database, self.config.oidc))
        push_key = self.config.web_push.private_key
        await patiently(self.database, lambda: push_subscriptions.application_key(self.database, push_key))
        self._feed_metrics()
        if self.redis is not None:
            await self.redis.start()
        self.intake.start()
        await self.board.start()
        await self.engine.start()
        await self.mirrors.start()
        await self.backups.start()
        self.certificates.start()
        if self.mail_in is not None:
            await self.mail_in.start()
        self._start_slack()
        if self.telegram_updates is not None:
            self.telegram_updates.start()
        await self.database.follow(self._carrier())
        await patiently(self.database, self.live.start)
        lag = self.supervisor.start("loop lag", lambda _: telemetry.watch_the_loop())
        try:
            yield
        finally:
            await self.supervisor.stop(lag)
            await self.database.unfollow()
            await self.drain()
            await self.certificates.stop()
            await self.backups.stop()
            await self.mirrors.stop()
            await self.board.stop()
            if self.telegram_updates is not None:
                await self.telegram_updates.stop()
            if self.mattermost is not None:
                await self.mattermost.close()
            await self.intake.stop()
            await self.engine.stop()
            await self._stop_slack()
            await self.access.finish()
            await self.calendars.close()
            await self.subscriptions.stop()
            if self.single_sign_on is not None:
                await self.single_sign_on.provider.close()
            if self.redis is not None:
                await self.redis.stop()

    def _feed_metrics(self) -> None:
        left = self.intake.memory
        telemetry.BUILD.labels(__version__).set(1)
        telemetry.feed(telemetry.WRITER_QUEUE, lambda: self.database.group_commit.waiting)
        telemetry.feed(telemetry.MEMORY_RESIDENT, memory.resident_bytes)
        telemetry.feed(telemetry.MEMORY_LIMIT, lambda: left.room.most)
        telemetry.feed(telemetry.MEMORY_LEFT, lambda: left.room.left)
        telemetry.feed(telemetry.MEMORY_SHORT, left.is_short)

    def _carrier(self) -> Carrier | None:
        """What tells nodes of each other's commits; None for what the database has itself, if it can have several."""
        if self.redis is None or self.database.carrier() is None:
            return None
        return RedisCarrier(self.config.redis.url, self.redis.channel, self.supervisor)

    def listens(self, address: str) -> None:
        """From now on it is reached there, at `http://127.0.0.1:8080`: begin to watch that alerts come through."""
        self.self_watch = self_watch(
            self.config,
            self.database,
            self.engine,
            self._secret,
            address,
            memory_short=self.intake.memory.is_short,
        )
        self.self_watch.start()
        self.last_calls = LastCalls(
            self.database,
            LastResort(last_resort_settings(self.config)),
            self.self_watch,
            after=self.config.last_resort.after_seconds,
            leads=self._leads,
        )
        self.last_calls.start()

    def _leads(self) -> bool:
        """Whether what one node alone does is this one's at this moment."""
        return self.engine.node.leads

    def _start_slack(self) -> None:
        """Open the way by which Slack's people answer, where Slack cannot reach us."""
        if self.slack_socket is not None:
            socket = self.slack_socket
            self._socket_task = self.supervisor.start("slack socket", lambda _: socket.run())

    async def _stop_slack(self) -> None:
        if self._socket_task is not None:
            await self.supervisor.stop(self._socket_task)
        if self.slack is not None:
            await self.slack.settled()

    async def drain(self) -> None:
        """Take nothing more and send live listeners away; what has begun goes on."""
        if self.last_calls is not None:
            await self.last_calls.stop()
        if self.self_watch is not None:
            await self.self_watch.stop()
        self.engine.health.draining = True
        if self.mail_in is not None:
            await self.mail_in.stop()
        await self.live.stop()


def self_watch(
    config: Config,
    database: Database,
    engine: Engine,
    secret: bytes,
    address: str,
    *,
    memory_short: Callable[[], bool] = lambda: False,
) -> SelfWatch:
    """How a server that listens on `address` watches itself."""
    own, outgoing = config.self_monitor, outgoing_settings(config)
    way = config.base_url if own.through_base_url else address
    return SelfWatch(
        database,
        engine,
        Canary(database, OwnDoor(way, outgoing), engine.node, canary.key_of(secret)) if own.canary else None,
        DeadMansSwitch(own.url, own.fail, outgoing) if own.url else None,
        every=own.every_seconds,
        supervisor=database.supervisor,
        reserve_in_use=lambda: database.disk.refuses_events,
        memory_short=memory_short,
        switch_id=switch_of(own.url),
        probes=Probes(database, notifiers.probed(notifier_settings(config), channel_states.missing(config))),
    )


def links_back(config: Config, secret: bytes) -> LinksBack:
    """How messages lead back to us."""
    mail_in = config.mail_in
    return LinksBack(config.base_url, secret, mail_in.domain if mail_in.port else "")


def outgoing_webhooks(config: Config) -> tuple[OutgoingSender, Shapes]:
    """By what outgoing webhooks are told, in the shapes of the API."""
    sender = OutgoingSender(outgoing_settings(config), base_url=config.base_url)
    return sender, Shapes(incident_out, alert_out, config.base_url)


def couriers(config: Config, secret: bytes) -> tuple[dict[str, Courier], dict[str, Budget]]:
    """By what subscribers of status pages are told, and how fast: nothing of it is shared with what pages people."""
    told, outgoing = config.status_pages, outgoing_settings(config)
    ways: list[Courier] = [
        StatusMailCourier(mail_server(config.smtp), reply_to=told.reply_to, markdown=markdown.html),
        StatusWebhookCourier(outgoing, base_url=config.base_url, key=secret),
        StatusSlackCourier(outgoing),
        StatusTeamsCourier(outgoing),
    ]
    budgets = {way.channel: POSTS for way in ways}
    budgets["email"] = Budget(per_second=told.mails_per_second, at_once=told.mails_at_once)
    return {way.channel: way for way in ways}, budgets


def mail_listener(config: Config, entrance: door.Door, secret: bytes) -> "MailListener | None":
    """What takes answers and alerts by mail; None unless it is configured."""
    if not config.mail_in.port:
        return None
    # Imported here: most installations take no mail in, and start quicker without it.
    from openalert.web.mail_in import Alerts, MailListener, Replies

    return MailListener(config.mail_in, [Replies(entrance.database, secret), Alerts(entrance, secret)])


def slack(database: Database, channels: Mapping[str, Notifier], back: LinksBack) -> Slack | None:
    """The connected workspace, for what comes back from it; None when there is none."""
    notifier = channels.get(SlackNotifier.channel)
    if not isinstance(notifier, SlackNotifier) or not notifier.api.settings.bot_token:
        return None
    return Slack(database, notifier, back)


def slack_socket(database: Database, connected: Slack | None) -> SlackSocket | None:
    """Socket Mode of the connected workspace; None without an app-level token."""
    if connected is None or not connected.settings.app_token:
        return None
    return SlackSocket(connected.notifier.api, connected.received, database.clock)


def mattermost(config: Config) -> MattermostNotifier | None:
    """The Mattermost server of the configuration, for questions; None when there is none."""
    settings = notifier_settings(config)
    if not settings.mattermost.url:
        return None
    return MattermostNotifier(settings.mattermost, settings.outgoing, base_url=settings.base_url)


def telegram_bot(config: Config) -> TelegramBot | None:
    """The bot of the configuration; None when there is none."""
    settings = notifier_settings(config)
    return TelegramBot(settings.telegram, settings.outgoing) if settings.telegram.bot_token else None


def telegram_updates(
    config: Config,
    database: Database,
    bot: TelegramBot | None,
    secret: bytes,
    leads: Callable[[], bool] = lambda: True,
) -> TelegramUpdates | None:
    """How what people press and write in Telegram comes in."""
    if bot is None:
        return None
    webhook = None
    if config.telegram.updates == "webhook":
        token = telegram.secret_token(secret, config.telegram.bot_token)
        webhook = {"url": config.base_url + telegram.PATH, "secret_token": token}
    return TelegramUpdates(database, bot, config.base_url, webhook=webhook, leads=leads)


def single_sign_on(config: Config) -> SingleSignOn | None:
    """The identity provider of the configuration and its rules; None when there is none."""
    oidc = config.oidc
    if not oidc.issuer:
        return None
    settings = ProviderSettings(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        scopes=oidc.scopes,
        redirect_uri=f"{config.base_url}/auth/callback",
        label=oidc.label,
        role_claims=oidc.role_claims,
    )
    return SingleSignOn(oidc, IdentityProvider(settings, outgoing_settings(config)))


def _litestar(openalert: OpenAlert, secret: bytes, describing: OpenAPIConfig | None = None) -> Litestar:
    """The application with every route; `describing` makes a twin of it that is never served, only described."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with openalert.running():
            yield

    return Application(
        route_handlers=routes(),
        dependencies={
            "actor": Provide(guards.actor, sync_to_thread=False),
            "db": Provide(guards.db, sync_to_thread=False),
            "now": Provide(guards.now, sync_to_thread=False),
            "links_back": Provide(guards.links_back, sync_to_thread=False),
        },
        guards=[guards.guard],
        exception_handlers={Exception: problems.handle},
        lifespan=[lifespan],
        state=State(
            {
                "access": openalert.access,
                "config": openalert.config,
                "single_sign_on": openalert.single_sign_on,
                "slack": openalert.slack,
                "telegram": openalert.telegram,
                "slack_socket": openalert.slack_socket,
                "mattermost": openalert.mattermost,
                "calendars": openalert.calendars,
                "health": openalert.engine.health,
                "redis": openalert.redis,
                "engine": openalert.engine,
                "memory": openalert.intake.memory,
                "self_watch": lambda: openalert.self_watch,
                "watchers_noted": watchers.Noted(),
                "notifiers": openalert.notifiers,
                "secret": secret,
                "links_back": links_back(openalert.config, secret),
                "description": Description(
                    lambda: _litestar(
                        openalert, secret, OpenAPIConfig(title="OpenAlert", version=__version__)
                    )
                ),
            }
        ),
        openapi_config=describing,
        logging_config=None,
        request_max_body_size=None,
        debug=False,
    )
