"""Every code that a refusal may carry, from docs/errors.md by `python -m tests.house.error_codes`."""

# ruff: noqa: E501 - one line for each row of the page

import msgspec


class Code(msgspec.Struct, frozen=True):
    """One entry."""

    statuses: tuple[int, ...]
    meaning: str


DOCS = "/api/docs/errors"


def address(code: str) -> str:
    """Where the code is explained: the `type` of a problem."""
    return f"{DOCS}#{code}"


CODES: dict[str, Code] = {
    "VALIDATION_ERROR": Code((400, 422), "The request can never succeed as it stands; `details.field` names the member or parameter."),
    "MALFORMED_REQUEST": Code((400, 408, 414, 431), "This is not a request as HTTP/1.1 has it, is too long, or did not arrive within 10 seconds; the connection ends."),
    "UNKNOWN_HOST": Code((421,), "OpenAlert does not go by the name it was asked for; see `server.base_url` and `server.allowed_hosts`."),
    "BODY_TIMEOUT": Code((408,), "The body did not arrive within 15 seconds."),
    "BODY_TOO_LARGE": Code((413,), "The body is larger than `server.max_body_bytes`."),
    "UNSUPPORTED_MEDIA_TYPE": Code((415,), "A content type or encoding that is not read here."),
    "UNAUTHENTICATED": Code((401,), "No credential, or one that opens nothing."),
    "FORBIDDEN": Code((403,), "The caller may see this but not do that."),
    "SENDER_NOT_PROVEN": Code((401,), "The integration asks its sender for a signature, a token or a password, and it was missing or wrong; the message is kept for a person to see."),
    "BAD_SIGNATURE": Code((403,), "A callback is not signed by the provider that it says it is from."),
    "CROSS_SITE_REQUEST": Code((403,), "A browser says that a page of another site sent this."),
    "NOT_FOUND": Code((404,), "There is nothing at this address."),
    "METHOD_NOT_ALLOWED": Code((405,), "The address does not take that method; `Allow` lists those it takes."),
    "ID_TOKEN_REFUSED": Code((401,), "What the identity provider sent is not accepted; the message says why."),
    "PROVIDER_REFUSED": Code((401,), "The identity provider did not sign the person in."),
    "SIGN_IN_EXPIRED": Code((400,), "A sign-in by the identity provider was begun elsewhere, took too long, or is finished."),
    "ACCOUNT_DEACTIVATED": Code((403,), "The identity is connected to somebody who is not active."),
    "IDENTITY_NOT_CONNECTED": Code((403,), "The identity is unknown and its address is somebody's: connect it from a signed-in session."),
    "IDENTITY_IN_USE": Code((409,), "The identity is connected to somebody else."),
    "NO_ROLE": Code((403,), "Nothing that the identity provider says gives the person a role."),
    "CONFLICT": Code((409,), "The thing is in a state that does not allow it."),
    "ACTION_EXPIRED": Code((409,), "The link of a message is older than it may be; open the incident and sign in."),
    "CODE_EXPIRED": Code((409,), "No code of a contact method is in force; ask for a new one."),
    "WRONG_CODE": Code((400,), "That is not the code of the newest message, or not what the authenticator app shows now."),
    "SECOND_FACTOR_REQUIRED": Code((401,), "The password is right; send the code of the authenticator app too, or set one up in a browser."),
    "SIGN_IN_OVER": Code((401,), "The second step of a sign-in took too long, or had too many wrong codes; begin with the password."),
    "INCIDENT_ALREADY_OPEN": Code((409,), "The group of this incident has a newer open one; `details` names it."),
    "ADOPTION_TAKEN": Code((409,), "Another organization on this server adopts keys at the moment."),
    "KEY_ALREADY_IMPORTED": Code((409,), "The key leads to an integration already."),
    "TOO_MANY_KEYS": Code((409,), "The integration has as many keys of old pagers as it can have."),
    "ALERT_DROPPED": Code((409,), "A routing rule drops what is like the alert that was to be raised by hand."),
    "IDEMPOTENCY_KEY_CONFLICT": Code((409,), "This Idempotency-Key was used for another request in the last 24 hours."),
    "PRECONDITION_FAILED": Code((412,), "The thing is not at the version that `If-Match` names; `details.etag` is the present one."),
    "LAST_OWNER": Code((409,), "The organization must keep an owner."),
    "STILL_ON_DUTY": Code((409,), "The team still counts on this person; `details.duties` says for what."),
    "INCIDENT_MERGED": Code((409,), "The incident goes on as a part of another, which `details.incidentId` names: work there, or undo the merge."),
    "NOT_MERGED": Code((409,), "The incident was not merged into another."),
    "TOO_LATE": Code((409,), "A merge can be undone for a day."),
    "ONLY_ALERT": Code((409,), "The alert is the only one of its incident, which is one of its own already."),
    "SERVICE_GONE": Code((409,), "The alert's service was deleted, so that it can be no incident of its own."),
    "NOT_ASKED": Code((409,), "Nobody asked this person to help with the incident, or they declined and have to be asked again."),
    "NOT_FINAL": Code((409,), "The message is still on its way, or its words are no longer true; only one that has its end is sent again."),
    "INVALID_STATUS_TRANSITION": Code((409,), "It cannot go there from where it is; `details.allowed` says where it can."),
    "RATE_LIMIT_EXCEEDED": Code((429,), "Too many changes or failed tries; come back after `Retry-After` seconds."),
    "UNAVAILABLE": Code((503,), "It cannot be done now and may well succeed later; come back after `Retry-After` seconds."),
    "SECRET_UNREADABLE": Code((400, 500), "A stored secret cannot be read, because the key that sealed it is missing; see [Security](security.md)."),
    "INTERNAL_ERROR": Code((500,), "A fault of ours. The log of the server has it under the request id."),
    "ACTION_LINK_NOT_FOUND": Code((404,), "The link of a message is not one of ours."),
    "ALERT_NOT_FOUND": Code((404,), "No such alert."),
    "API_KEY_NOT_FOUND": Code((404,), "No such API key."),
    "CHANNEL_NOT_FOUND": Code((404,), "No such channel."),
    "DELIVERY_NOT_FOUND": Code((404,), "No such delivery of this outgoing webhook."),
    "CONTACT_METHOD_NOT_FOUND": Code((404,), "No such contact method."),
    "DRY_RUN_NOT_FOUND": Code((404,), "No such dry run of routing rules, or it is too long ago: begin another."),
    "ESCALATION_POLICY_NOT_FOUND": Code((404,), "No such escalation policy."),
    "HANDOFF_NOTE_NOT_FOUND": Code((404,), "No such handoff note."),
    "HEARTBEAT_NOT_FOUND": Code((404,), "No such heartbeat; for a beat, the key in the address is unknown, or what follows it means nothing."),
    "STATUS_PAGE_NOT_FOUND": Code((404,), "No such status page."),
    "COMPONENT_NOT_FOUND": Code((404,), "No such component of a status page."),
    "COMPONENT_GROUP_NOT_FOUND": Code((404,), "No such group of components."),
    "STATUS_INCIDENT_NOT_FOUND": Code((404,), "Nothing of that id is told on a status page."),
    "STATUS_UPDATE_NOT_FOUND": Code((404,), "No such update on a status page."),
    "ALREADY_PUBLISHED": Code((409,), "What was to be published or thrown away is public already; an update can be edited."),
    "IDENTITY_NOT_FOUND": Code((404,), "No such identity of the provider."),
    "INCIDENT_NOT_FOUND": Code((404,), "No such incident."),
    "CALENDAR_NOT_FOUND": Code((404,), "No such calendar: the link is unknown, revoked, or its maker may not read the shifts any more."),
    "CALENDAR_FEED_NOT_FOUND": Code((404,), "No such calendar of another program, or it is of somebody or something else."),
    "CALENDAR_LINK_NOT_FOUND": Code((404,), "No such calendar link, or it is somebody else's."),
    "INTEGRATION_NOT_FOUND": Code((404,), "No such integration; for a webhook, the key in the address is unknown or switched off."),
    "INVITATION_NOT_FOUND": Code((404,), "No such invitation, or its link is used, withdrawn or over."),
    "MAINTENANCE_WINDOW_NOT_FOUND": Code((404,), "No such maintenance window."),
    "MEMBER_NOT_FOUND": Code((404,), "No such member of the team or rotation."),
    "MESSAGE_TEMPLATE_NOT_FOUND": Code((404,), "There is no such way to read messages; `details.ways` has them all."),
    "MESSAGE_NOT_FOUND": Code((404,), "What was answered is no message of ours that asks anybody to act."),
    "NOTIFICATION_RULE_NOT_FOUND": Code((404,), "No such rule of this person."),
    "NOTIFICATION_NOT_FOUND": Code((404,), "No such notification."),
    "ORGANIZATION_NOT_FOUND": Code((404,), "No such organization."),
    "OUTGOING_WEBHOOK_NOT_FOUND": Code((404,), "No such outgoing webhook."),
    "OVERRIDE_NOT_FOUND": Code((404,), "No such override."),
    "LINK_REQUEST_NOT_FOUND": Code((404,), "Nobody waits to be connected, or not any more."),
    "PAGE_NOT_FOUND": Code((404,), "No such page of a list."),
    "STRANGE_KEY_NOT_FOUND": Code((404,), "No such key waits to be adopted."),
    "IMPORTED_KEY_NOT_FOUND": Code((404,), "The integration has no such key of an old pager."),
    "PASSKEY_NOT_FOUND": Code((404,), "No such passkey."),
    "TEST_PAGE_NOT_FOUND": Code((404,), "The link of a test page is not one of ours, or over."),
    "PAYLOAD_NOT_FOUND": Code((404,), "No such received message."),
    "ROUTING_RULE_NOT_FOUND": Code((404,), "No such routing rule."),
    "PUSH_SUBSCRIPTION_NOT_FOUND": Code((404,), "No browser is connected with that endpoint and secret."),
    "RESET_NOT_FOUND": Code((404,), "The link to a new password is used or over."),
    "ROTATION_NOT_FOUND": Code((404,), "No such rotation."),
    "RESPONDER_NOT_FOUND": Code((404,), "Nobody with that id is a responder of the incident."),
    "SAVED_VIEW_NOT_FOUND": Code((404,), "No such view of alerts, or it is somebody else's."),
    "SCHEDULE_NOT_FOUND": Code((404,), "No such schedule."),
    "SERVICE_NOT_FOUND": Code((404,), "No such service."),
    "SESSION_NOT_FOUND": Code((404,), "No such session."),
    "SILENCE_NOT_FOUND": Code((404,), "No such silence."),
    "SETUP_NOT_FOUND": Code((404,), "The set-up link is used, expired or unknown."),
    "SWAP_NOT_FOUND": Code((404,), "No such swap."),
    "TEAM_NOT_FOUND": Code((404,), "No such team."),
    "USER_NOT_FOUND": Code((404,), "No such person."),
}  # fmt: skip
