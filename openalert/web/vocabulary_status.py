"""What the members of status pages, their components and what is told there mean: a part of `vocabulary.MEMBERS`."""

from typing import Any

from openalert.domain.languages import KNOWN

_PAGE = "019b8d62-7a80-7003-a352-03ab0e4992a3"
_API = "019b8d62-7a80-7005-9c1f-5b8d0a6f2e11"
_DAY = "2026-01-31T"
_NIGHT = "2099-01-31T"
_STATUS = (
    "`operational`, `degraded_performance`, `partial_outage`, `major_outage` or `under_maintenance`.",
    "operational",
)
_PHASE = (
    "`investigating`, `identified`, `monitoring`, `resolved`; `scheduled`, `in_progress`, `verifying`, `completed`.",
    "investigating",
)
_WORDS = ("What customers read, in Markdown.", "We see errors and look for the cause.")
_FORMS = ("", "In", "Patch")

_OF_PAGE: dict[str, tuple[str, Any]] = {
    "name": ("What its readers see above everything.", "Acme Platform Status"),
    "slug": ("Its part of the address; without one it is made of the name.", "acme-platform"),
    "description": ("A sentence below the name.", "Service availability for Acme Platform"),
    "language": (
        f"The language of its fixed words: one of {', '.join(f'`{each}`' for each in KNOWN)}.",
        "en",
    ),
    "timezone": ("The IANA zone in which its days begin and end.", "Europe/Berlin"),
}
_OF_COMPONENT: dict[str, tuple[str, Any]] = {
    "name": ("What customers call it.", "API"),
    "description": ("A sentence for customers.", "Everything under api.acme.example"),
    "linkUrl": ("An address for whoever wants to know more; null: none.", None),
    "position": ("Its place in the page's order, from 1.", 1),
    "serviceId": ("The service of the page's team behind it; null: none.", _API),
}
_OF_GROUP: dict[str, tuple[str, Any]] = {
    "name": ("What customers call it.", "Europe"),
    "position": ("Its place among the groups, from 1.", 1),
}
_OF_INCIDENT: dict[str, tuple[str, Any]] = {
    "title": ("What it is, in a line.", "API Degradation"),
    "impact": (
        "`none`, `minor`, `major` or `critical`; null: it follows from the components. It rises, but never falls.",
        "major",
    ),
    "components": (
        "How each component is because of it, by id; null: it is named only. The end of it ends that too.",
        {_API: "partial_outage"},
    ),
}

_OF_TEMPLATE: dict[str, tuple[str, Any]] = {
    "title": (
        "What is wrong or planned, on one line; empty: whoever uses it says.",
        "Trouble with our database",
    ),
    "message": ("What happened, for customers, in Markdown.", "We look into it."),
    "status": ("How far it is; null: where one of its kind begins.", "investigating"),
    "components": ("How components are, by id; null: named only.", {_API: "partial_outage"}),
}

_OF_SUBSCRIBER: dict[str, tuple[str, Any]] = {
    "componentIds": ("The components that they are told of; null: everything.", None),
    "incidentId": ("The one incident that they are told of; null: all.", None),
    "language": ("In which language; null: that of the page.", None),
}

MEMBERS: dict[str, tuple[str, Any]] = {
    f"StatusPage{form}.{name}": said for form in _FORMS for name, said in _OF_PAGE.items()
}
MEMBERS |= {f"StatusTemplate{form}.{name}": said for form in _FORMS for name, said in _OF_TEMPLATE.items()}
MEMBERS |= {f"Component{form}.{name}": said for form in _FORMS for name, said in _OF_COMPONENT.items()}
MEMBERS |= {f"ComponentGroup{form}.{name}": said for form in _FORMS for name, said in _OF_GROUP.items()}
MEMBERS |= {f"StatusIncident{form}.{name}": said for form in _FORMS for name, said in _OF_INCIDENT.items()}
MEMBERS |= {
    "Component.status": _STATUS,
    "ComponentIn.status": _STATUS,
    "ComponentPatch.status": _STATUS,
    "StatusIncident.status": _PHASE,
    "StatusIncidentIn.status": ("Where it begins; null: `investigating`, or `scheduled`.", "investigating"),
    "StatusIncident.kind": ("`incident` or `maintenance`.", "incident"),
    "StatusIncident.startedAt": ("When it began, or begins.", f"{_DAY}09:00:00Z"),
    "StatusIncidentIn.startedAt": ("When it began, if that was earlier; null: now.", None),
    "StatusIncident.resolvedAt": ("When it was over; null: it is not.", None),
    "StatusIncidentIn.message": _WORDS,
    "StatusIncident.updates": ("What was said, the newest first; drafts too.", None),
    "StatusUpdate.status": ("How far it was then.", "identified"),
    "StatusUpdateIn.status": ("How far it is now.", "identified"),
    "StatusUpdate.message": _WORDS,
    "StatusUpdateIn.message": _WORDS,
    "StatusUpdatePatch.message": _WORDS,
    "StatusUpdatePatch.status": ("How far it is, while it is a draft.", "identified"),
    "StatusUpdatePatch.components": (
        "How it would have components, by id; in place of what it proposes.",
        {_API: "degraded_performance"},
    ),
    "StatusUpdate.proposedComponents": ("How a draft would have components, by id.", {}),
    "StatusIncidentIn.resolvedAt": (
        "When it was over, for what is told after its end; with `startedAt`. Null: it goes on.",
        None,
    ),
    "StatusIncidentIn.notify": (
        "Whether subscribers are to be told; null: unless it is over already.",
        None,
    ),
    "StatusIncident.isBackdated": ("Whether it began before it was told.", False),
    "DraftApproval.components": (
        "How components are because of it, in place of what the draft proposes; null: as it proposes.",
        None,
    ),
    "DraftApproval.notify": ("Whether subscribers are to be told; null: as the draft says.", None),
    "PostmortemApproval.postmortem": ("Other words than the draft's; null: the draft.", None),
    "StatusTemplate.name": ("How people find it; unique on its page.", "Database down"),
    "StatusTemplateIn.name": ("How people find it; unique on its page.", "Database down"),
    "StatusTemplatePatch.name": ("How people find it; unique on its page.", "Database down"),
    "StatusTemplateIn.kind": ("`incident` or `maintenance`.", "incident"),
    "StatusTemplate.kind": ("`incident` or `maintenance`.", "incident"),
    "StatusUpdate.createdAt": ("When it was said.", f"{_DAY}09:00:00Z"),
    "StatusUpdate.changes": ("The components that it changed.", None),
    "StatusUpdateIn.components": (
        "How components are from now on because of the incident, by id; those that are not named stay.",
        {_API: "degraded_performance"},
    ),
    "StatusChange.name": ("What the component was called then.", "API"),
    "StatusResolution.message": ("The last words.", "The issue has been fully resolved."),
    "DraftApproval.message": ("Other words than the draft's; null: as it is.", None),
    "DraftApproval.status": ("Another status than the draft's; null: as it is.", None),
    "StatusIncidentIn.componentIds": (
        "In short: each is slow because of it, down if `impact` is `critical`, untouched if it is `none`.",
        [_API],
    ),
    "ProposalIn.incidentId": ("The incident here of which customers may be told.", _PAGE),
    "Overall.status": ("`operational`, `degraded`, `outage` or `maintenance`.", "degraded"),
    **{f"Subscriber{form}.{name}": said for form in _FORMS for name, said in _OF_SUBSCRIBER.items()},
    "Subscriber.kind": ("`email`, `webhook`, `slack` or `teams`.", "email"),
    "Subscriber.address": (
        "The mail address; of other kinds a short form of the URL; empty of those who left.",
        "reader@customer.example",
    ),
    "Subscriber.contact": ("To whom it is written about a webhook; empty: to nobody.", ""),
    "Subscriber.state": ("`pending`, `active`, `quarantined` or `unsubscribed`.", "active"),
    "Subscriber.origin": ("Who brought them: `form`, `api`, `admin` or `import`.", "form"),
    "SubscriberIn.email": ("Their mail address.", "reader@customer.example"),
    "SubscriberIn.isConfirmed": (
        "Whether they confirmed elsewhere that they want it; else they are asked.",
        False,
    ),
    "Subscriber.confirmedAt": ("When they confirmed; null: they have not.", f"{_DAY}09:00:00Z"),
    "Subscriber.quarantinedAt": ("Since when nothing is sent, because it was refused; null: it is.", None),
    "Subscriber.quarantineReason": ("Why, by the reasons of deliveries; null: it is sent.", None),
    "Subscriber.unsubscribedAt": ("When they left; null: they have not.", None),
    "SubscriberCount.active": ("Those who are told.", 1200),
    "SubscriberCount.pending": ("Those who did not confirm yet.", 14),
    "SubscriberCount.quarantined": ("Those whose address refuses what is sent.", 3),
    "SubscriberCount.unsubscribed": ("Those who left.", 41),
    "SubscriberCount.kinds": ("Those who are told, by kind.", {"email": 1190, "webhook": 10}),
    "UpdateDeliveries.updateId": ("The update.", _PAGE),
    "UpdateDeliveries.isComplete": ("Whether everybody was told who could be.", True),
    "UpdateDeliveries.total": ("All whom it concerns.", 1200),
    "UpdateDeliveries.queued": ("Those who wait for it.", 0),
    "UpdateDeliveries.sent": ("Those who were told.", 1196),
    "UpdateDeliveries.unknown": ("Those of whom nobody knows whether it arrived.", 1),
    "UpdateDeliveries.failed": ("Those who could not be told.", 2),
    "UpdateDeliveries.skipped": (
        "Those who left, or were told something newer, before it was their turn.",
        1,
    ),
    "UpdateDeliveries.createdAt": ("When it was published; null: nobody is told of it.", f"{_DAY}09:00:00Z"),
    "StatusPage.url": ("Where the public finds it.", "https://oncall.example.com/status/acme-platform"),
    "StatusPage.link": (
        "The address with the secret that opens it although it is not public; shown this once.",
        "https://oncall.example.com/status/acme-platform?key=q0mY3vN1s8d2c7Xw",
    ),
    "ComponentOrder.componentIds": (
        "The components in their new order; those that are not named follow.",
        [_API],
    ),
    "accent": ("The colour of accents as `#rrggbb`; null: our own.", "#4f46e5"),
    "activeIncidents": ("What is told and not over; a maintenance counts once it has begun.", 1),
    "affectedComponents": ("Components that are not operational.", 1),
    "automation": (
        "What an open incident of the service does: `off` nothing, `propose` a draft, `set` the status at once.",
        "off",
    ),
    "componentId": ("The component that changed.", _API),
    "componentIds": ("The components that it is about.", [_API]),
    "customDomain": ("A name of one's own at which the page is; null: none.", "status.acme.example"),
    "editedAt": ("When other words were put in its place; null: never.", None),
    "footerText": ("Markdown below everything.", ""),
    "groupId": ("The group that it stands in; null: none.", None),
    "hasLink": ("Whether a secret link opens it.", False),
    "headerText": ("Markdown above the components.", ""),
    "internalIncidentId": ("The incident here that it tells of; no reader sees that. Null: none.", _PAGE),
    "isAutomatic": ("Whether time begins and ends a maintenance.", True),
    "isDraft": ("Whether only the team sees it, until somebody publishes it.", False),
    "isIndexed": ("Whether search engines may list it.", True),
    "isOpen": ("Whether its components are shown before somebody opens it.", True),
    "isPublic": ("Whether everybody may read it; else members, and whoever has the secret link.", True),
    "logoUrl": ("Where its picture is; null: none.", None),
    "newStatus": ("How it was from then on.", "degraded_performance"),
    "notify": ("Whether subscribers are to be told.", True),
    "oldStatus": ("How it was before.", "operational"),
    "postmortem": ("What customers read of what was learned, in Markdown; empty: nothing.", ""),
    "postmortemDraft": ("The same before it is public.", ""),
    "postmortemPublishedAt": ("Since when customers read it; null: they do not.", None),
    "scheduledFor": ("When the maintenance begins; null: it is an incident.", None),
    "scheduledUntil": ("When the maintenance ends; null: it is an incident.", None),
    "showsUptime": ("Whether its bars and percentage are shown.", True),
    "statusPageId": ("The status page that it is part of.", _PAGE),
    "supportUrl": ("Where customers find help; null: nowhere.", None),
    "theme": ("Its colours.", {"accent": "#4f46e5"}),
}
