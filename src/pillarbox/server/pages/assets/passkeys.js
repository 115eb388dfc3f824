// Passkeys on our pages. An element with data-passkey says for what: "sign-in" (alone), "code" (after the password),
// "prove" or "make". It is shown where the browser knows passkeys; its button asks for one. In it may be
// data-passkey-problem, data-passkey-known (this device has one already), data-passkey-refused (its name can't be
// used), and for a new one data-passkey-form with an input called "name", and data-passkey-made with
// data-passkey-codes, which is shown in its place when one has been made; data-passkey-none, anywhere on the page, says
// that there is none.
"use strict";
(() => {
  const RENEW_MS = 8 * 60 * 1000; // a challenge lasts ten minutes
  const HOME = "/account";

  // --- octets as JSON has them

  const octets = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

  const written = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join(""))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  const described = (list) => (list || []).map((one) => ({ ...one, id: octets(one.id) }));

  const toShow = (options) => ({
    ...options,
    challenge: octets(options.challenge),
    allowCredentials: described(options.allowCredentials),
  });

  const toMake = (options) => ({
    ...options,
    challenge: octets(options.challenge),
    user: { ...options.user, id: octets(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  });

  function answer(credential) {
    const { response } = credential;
    const sent = { clientDataJSON: written(response.clientDataJSON) };
    if (response.attestationObject) {
      sent.attestationObject = written(response.attestationObject);
      sent.transports = response.getTransports ? response.getTransports() : [];
    } else {
      sent.authenticatorData = written(response.authenticatorData);
      sent.signature = written(response.signature);
      if (response.userHandle) sent.userHandle = written(response.userHandle);
    }
    const id = written(credential.rawId);
    return { id, rawId: id, type: credential.type, response: sent };
  }

  // --- the server

  class Refused extends Error {
    constructor(status, kind) {
      super(kind);
      this.status = status;
      this.kind = kind;
    }
  }

  async function post(path, content) {
    const reply = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Pillarbox": "1" },
      body: JSON.stringify(content),
    });
    const told = await reply.json().catch(() => ({}));
    if (!reply.ok) throw new Refused(reply.status, told.type || "");
    return told;
  }

  // --- the browser: one request at a time. The one before is ended, and its end awaited, before the next begins.

  let pending = { controller: new AbortController(), ended: Promise.resolve() };

  async function alone(begin) {
    const controller = new AbortController();
    const before = pending;
    const work = (async () => {
      before.controller.abort();
      await before.ended;
      if (controller.signal.aborted) throw new DOMException("another request came", "AbortError");
      return begin(controller.signal);
    })();
    pending = { controller, ended: work.then(() => {}, () => {}) };
    return work;
  }

  const ask = (publicKey, more = {}) =>
    alone((signal) => navigator.credentials.get({ publicKey: toShow(publicKey), signal, ...more }));

  const create = (publicKey) =>
    alone((signal) => navigator.credentials.create({ publicKey: toMake(publicKey), signal }));

  // --- the page

  function goOn() {
    const field = document.querySelector("input[name=to]");
    const to = new URL(field && field.value ? field.value : HOME, location.origin);
    location.assign(to.origin === location.origin ? to.href : HOME);
  }

  const part = (element, name) => element.querySelector(`[data-passkey-${name}]`);

  function say(element, name) {
    for (const one of ["problem", "known", "refused"]) {
      const shown = part(element, one);
      if (shown) shown.hidden = one !== name;
    }
  }

  function tell(element, error) {
    if (error.name === "AbortError") return;
    if (error.kind === "urn:pillarbox:prove-first") {
      location.assign(`/account/prove?to=${encodeURIComponent(location.pathname)}`);
    } else if (error.name === "InvalidStateError" && part(element, "known")) {
      say(element, "known");
    } else if (error.status === 422 && part(element, "refused")) {
      say(element, "refused");
    } else {
      say(element, "problem");
    }
  }

  async function show(occasion, options, more) {
    const shown = await ask(options, more);
    await post(`/passkeys/show/${occasion}`, answer(shown));
    goOn();
  }

  let unnamed = null; // the device has it, and would make no second one for another name

  async function make(element) {
    const response = unnamed || answer(await create(await post("/passkeys/make/options", {})));
    unnamed = null;
    const field = element.querySelector("input[name=name]");
    let told;
    try {
      told = await post("/passkeys/make", { response, name: field ? field.value : "" });
    } catch (error) {
      if (error.status === 422) unnamed = response;
      throw error;
    }
    const list = part(element, "codes");
    if (!list || !told.recoveryCodes.length) {
      location.assign(`${location.pathname}?done=passkey_added`);
      return;
    }
    for (const code of told.recoveryCodes) {
      const line = document.createElement("li");
      line.textContent = code;
      list.append(line);
    }
    part(element, "form").hidden = true;
    part(element, "made").hidden = false;
    const none = part(document, "none");
    if (none) none.hidden = true;
  }

  // --- a passkey among what the browser fills in

  const MAX_REFUSED = 5;
  const autofill = { timer: 0, refused: 0 };

  async function offer(element) {
    clearTimeout(autofill.timer);
    autofill.timer = setTimeout(() => offer(element), RENEW_MS);
    let options;
    try {
      options = await post("/passkeys/show/sign-in/options", {});
    } catch {
      return; // the button says it
    }
    if (element.querySelector("button").disabled) return; // it was quicker
    try {
      await show("sign-in", options, { mediation: "conditional" });
    } catch (error) {
      if (!(error instanceof Refused)) return;
      tell(element, error);
      autofill.refused += 1;
      if (autofill.refused < MAX_REFUSED) offer(element);
    }
  }

  const mayOffer = async () =>
    Boolean(
      document.querySelector("input[autocomplete~=webauthn]") &&
        PublicKeyCredential.isConditionalMediationAvailable &&
        (await PublicKeyCredential.isConditionalMediationAvailable()),
    );

  async function begin(element) {
    const occasion = element.dataset.passkey;
    const button = element.querySelector("button");
    const offers = occasion === "sign-in" && (await mayOffer());
    button.addEventListener("click", async () => {
      button.disabled = true;
      say(element, "");
      clearTimeout(autofill.timer);
      try {
        if (occasion === "make") await make(element);
        else await show(occasion, await post(`/passkeys/show/${occasion}/options`, {}));
      } catch (error) {
        tell(element, error);
        button.disabled = false;
        if (offers) offer(element);
      }
      button.disabled = false;
    });
    element.hidden = false;
    if (offers) offer(element);
  }

  if (window.PublicKeyCredential && navigator.credentials) {
    for (const element of document.querySelectorAll("[data-passkey]")) begin(element);
  }
})();
