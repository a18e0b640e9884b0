// The button "Send pages to this browser" on one's own page. Without this file the page says that it needs JavaScript.
const part = document.querySelector("#push");
const say = (name) => { for (const each of part.querySelectorAll("[data-push-state]")) each.hidden = each.dataset.pushState !== name; };
const isApple = /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function address(subscription) {
  const { endpoint } = subscription;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint)));
  return `${new URL(endpoint).hostname}/${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 32)}`;
}

async function show() {
  if (!window.isSecureContext) return say("insecure");
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return say(isApple ? "apple" : "unable");
  if (Notification.permission === "denied") return say("denied");
  const registration = await navigator.serviceWorker.getRegistration("/");
  const subscription = await registration?.pushManager.getSubscription();
  const here = subscription && document.querySelector(`[data-push="${CSS.escape(await address(subscription))}"]`);
  if (!here) return say("ready");
  here.querySelector("[data-push-here]").hidden = false;
  say("connected");
}

async function connect() {
  const registration = await navigator.serviceWorker.register("/service-worker.js");
  if (await Notification.requestPermission() !== "granted") return show();
  await navigator.serviceWorker.ready;
  const { publicKey: key } = await api("key");
  let subscription = await registration.pushManager.getSubscription();
  if (subscription && encode(subscription.options.applicationServerKey) !== key) {
    await subscription.unsubscribe(); // made with a key that is ours no more
    subscription = null;
  }
  subscription ||= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await api("", subscription.toJSON());
  const cache = await caches.open("openalert-subscription");
  await cache.put("/push/subscription", new Response(JSON.stringify({ subscription, key })));
  location.reload();
}

async function api(path, body) {
  const answer = await fetch(`/api/v1/users/me/push-subscriptions${path && "/"}${path}`, {
    method: body ? "POST" : "GET", headers: { "content-type": "application/json", accept: "application/json" },
    body: body && JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message || "The server refused.");
  return said;
}

function words(error) {
  if (error.name === "AbortError") return "This browser reached no push service. A company network may block it, or the browser has none.";
  return error.message;
}

if (part) {
  const button = part.querySelector("button");
  button.addEventListener("click", async () => {
    const said = part.querySelector("[role=alert]");
    said.hidden = true;
    button.disabled = true;
    try {
      await connect();
    } catch (error) {
      said.textContent = words(error);
      said.hidden = false;
    }
    button.disabled = false;
  });
  show();
}
