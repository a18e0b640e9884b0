// Passkeys: a button with `data-passkey` asks the server what to sign, the device to sign it, and brings it back.
// Where the browser knows no passkeys the buttons stay hidden; passwords and codes work without this file.
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message || "The server refused.");
  return said;
}

const named = (list) => (list || []).map((one) => ({ ...one, id: decode(one.id) }));

async function signIn(button) {
  const afterPassword = button.dataset.passkey === "second";
  const options = await post("/auth/passkeys/options", { afterPassword });
  const made = await navigator.credentials.get({
    publicKey: { ...options, challenge: decode(options.challenge), allowCredentials: named(options.allowCredentials) },
  });
  const { authenticatorData, clientDataJSON, signature, userHandle } = made.response;
  return post("/auth/passkeys/sign-in", {
    afterPassword,
    next: button.dataset.next || "/",
    credential: {
      id: made.id, rawId: made.id, type: made.type, clientExtensionResults: {},
      response: {
        authenticatorData: encode(authenticatorData), clientDataJSON: encode(clientDataJSON), signature: encode(signature),
        userHandle: userHandle ? encode(userHandle) : null,
      },
    },
  });
}

async function register(button) {
  const enrolling = button.dataset.passkey === "enrol";
  const options = await post("/auth/passkeys/registration/options", { enrolling });
  const made = await navigator.credentials.create({
    publicKey: {
      ...options, challenge: decode(options.challenge), user: { ...options.user, id: decode(options.user.id) },
      excludeCredentials: named(options.excludeCredentials),
    },
  });
  const { attestationObject, clientDataJSON } = made.response;
  return post("/auth/passkeys/registration", {
    enrolling,
    name: document.querySelector("#passkey-name")?.value || "",
    credential: {
      id: made.id, rawId: made.id, type: made.type, clientExtensionResults: {},
      response: { attestationObject: encode(attestationObject), clientDataJSON: encode(clientDataJSON) },
    },
  });
}

function words(error) {
  if (error.name === "NotAllowedError") return "Nothing was signed: it was cancelled, or took too long. Try again.";
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  if (error.name === "SecurityError") return "Passkeys work only at the address that this server is configured for.";
  return error.message;
}

if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.addEventListener("click", async () => {
      const said = document.querySelector("#passkey-said");
      said.hidden = true;
      button.disabled = true;
      try {
        const { next } = await (["register", "enrol"].includes(button.dataset.passkey) ? register(button) : signIn(button));
        location.assign(next);
      } catch (error) {
        said.textContent = words(error);
        said.hidden = false;
        button.disabled = false;
      }
    });
  }
}
