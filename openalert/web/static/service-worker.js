// Shows pages as notifications and answers them without opening a page; says so when there is no connection.
// Payloads are made by notifiers/push.py. Nothing with data in it is kept: only the page that says "no connection".
"use strict";

const KEPT_PAGES = "openalert-offline-1";
const KEPT_SUBSCRIPTION = "openalert-subscription";
const OFFLINE = "/offline";
const KEPT = [OFFLINE, "/static/openalert.css", "/static/logo.svg"];
const ICON = "/static/icons/192.png";
const BADGE = "/static/icons/badge.png";
const ALARM = [400, 200, 400, 200, 400, 200, 800];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT_PAGES).then((cache) => cache.addAll(KEPT)));
});

self.addEventListener("activate", (event) => event.waitUntil(begin()));

async function begin() {
  const stale = (await caches.keys()).filter((name) => name !== KEPT_PAGES && name !== KEPT_SUBSCRIPTION);
  await Promise.all(stale.map((name) => caches.delete(name)));
  // Pages are asked for while this worker still wakes up, so that it costs them no time.
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(visit(event));
  else if (KEPT.includes(new URL(request.url).pathname)) event.respondWith(fetch(request).catch(() => caches.match(request)));
});

async function visit(event) {
  try {
    return (await event.preloadResponse) || (await fetch(event.request));
  } catch {
    return caches.match(OFFLINE);
  }
}

// --- Messages ---------------------------------------------------------------------------------------

self.addEventListener("push", (event) => event.waitUntil(receive(event.data)));

async function receive(data) {
  const message = read(data);
  await self.registration.showNotification(message.title, options(message));
  // That it was shown is good to know and nothing more: without a connection nobody is told.
  if (message.proof) await post("/push/shown", { id: message.id, proof: message.proof }).catch(() => {});
}

function read(data) {
  try {
    const message = data.json();
    if (message.title) return message;
  } catch {
    // As what has no title.
  }
  return { title: "OpenAlert", body: "There is news. Open OpenAlert to see it.", kind: "notice", tag: "unread" };
}

function options(message) {
  const isPage = message.kind === "page";
  const isQuiet = message.kind === "update" || message.kind === "follow" || message.kind === "digest";
  const shown = {
    body: message.body || "",
    tag: message.tag,
    icon: ICON,
    badge: BADGE,
    timestamp: message.at || Date.now(),
    requireInteraction: isPage,
    // What comes under the same tag takes the place of what stands there: a page rings again, news change it silently.
    renotify: !isQuiet,
    silent: isQuiet,
    actions: message.actions || [],
    data: message,
  };
  if (isPage && message.severity === "critical") shown.vibrate = ALARM;
  return shown;
}

// --- Answers ----------------------------------------------------------------------------------------

self.addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  event.waitUntil(action ? answer(notification.data, action) : open(notification));
});

async function answer(message, verb) {
  const { said, again } = await ask(message, verb);
  const news = { ...message, kind: "update", body: said, at: Date.now(), actions: again ? message.actions : [] };
  await self.registration.showNotification(message.title, {
    ...options(news), requireInteraction: again, data: message,
  });
}

async function ask(message, verb) {
  try {
    const reply = await post("/push/answers", { id: message.id, proof: message.proof, verb });
    const told = await reply.json();
    return { said: told.said || told.message || "It could not be done.", again: reply.status >= 500 };
  } catch {
    return { said: "Not sent: no connection. Press again.", again: true };
  }
}

function post(path, body) {
  // Without the cookie: the proof that came with the message says who answers, also after signing out.
  return fetch(path, {
    method: "POST", credentials: "omit", cache: "no-store",
    headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body),
  });
}

async function open(notification) {
  notification.close();
  const { url, answer: page } = notification.data;
  // A browser that shows no buttons leads to the page that answers without signing in.
  const hasButtons = (self.Notification?.maxActions ?? 0) > 0;
  const target = new URL((!hasButtons && page) || url || "/incidents", self.location.origin).href;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((each) => each.url === target);
  return there ? there.focus() : self.clients.openWindow(target);
}

// --- The subscription -------------------------------------------------------------------------------

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function renew(event) {
  const kept = await caches.match("/push/subscription", { cacheName: KEPT_SUBSCRIPTION });
  if (!kept) return;
  const { subscription: before, key } = await kept.json();
  const fresh = event.newSubscription
    || await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const reply = await post("/push/renewals", {
    endpoint: before.endpoint, auth: before.keys.auth, subscription: fresh.toJSON(),
  });
  if (!reply.ok) return;
  const cache = await caches.open(KEPT_SUBSCRIPTION);
  await cache.put("/push/subscription", new Response(JSON.stringify({ subscription: fresh, key })));
}
