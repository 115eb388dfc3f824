// The webmail's own client of JMAP at work, in Node: signs in as a browser does, reads, waits for mail. What it sees is
// printed as JSON, a line each.
// Arguments: the client's module, the server's address, a login, a password.
const [module, server, login, password] = process.argv.slice(2);
const { Client, MethodFailed, Push, SessionEnded, browser } = await import(module);

const say = (what) => console.log(JSON.stringify(what));
const jar = new Map();
const fields = () => ({ Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "), Origin: server });
const keep = (response) => {
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (/max-age=0(;|$)/i.test(line)) jar.delete(name);
    else jar.set(name, value);
  }
  return response;
};
const form = async (path, values) =>
  keep(
    await fetch(server + path, {
      method: "POST",
      body: new URLSearchParams(values),
      headers: fields(),
      redirect: "manual",
    }),
  );

const around = {
  ...browser,
  fetch: async (url, options) =>
    keep(await fetch(new URL(url, server), { ...options, headers: { ...options.headers, ...fields() } })),
};

// A stream of events as browsers have it, as far as the client asks
class Events {
  #control = new AbortController();
  #listeners = {};

  constructor(url) {
    void this.#read(url).catch(() => this.onerror?.());
  }

  addEventListener(name, listener) {
    this.#listeners[name] = listener;
  }

  close() {
    this.#control.abort();
  }

  async #read(url) {
    const response = await fetch(url, { headers: fields(), signal: this.#control.signal });
    if (!response.ok) throw new Error(String(response.status));
    this.onopen?.();
    say({ listening: true });
    let text = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const of = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        if (of("event")) this.#listeners[of("event")]?.({ data: of("data") });
      }
    }
    throw new Error("ended");
  }
}

const signedIn = await form("/sign-in", { address: login, password, to: "/mail" });
say({ signedIn: signedIn.status, to: signedIn.headers.get("location") });

let ended = 0;
const client = new Client({ ended: () => (ended += 1) }, around);
const session = await client.session();
const accountId = session.primaryAccounts["urn:ietf:params:jmap:mail"];
const newest = async () => {
  const query = client.call("Email/query", {
    accountId,
    sort: [{ property: "receivedAt", isAscending: false }],
    limit: 10,
  });
  const got = client.call("Email/get", { accountId, ids: query.ref("/ids"), properties: ["subject"] });
  return (await got).list.map((one) => one.subject);
};
say({ username: session.username, subjects: await newest() });

const refused = await client.call("Email/get", { accountId: "Anobody", ids: [] }).then(
  () => null,
  (failure) => (failure instanceof MethodFailed ? failure.type : String(failure)),
);
const id = client.creationId();
const made = await client.call("Mailbox/set", { accountId, create: { [id]: { name: "Made by the webmail" } } });
say({ refused, created: Object.keys(made.created ?? {}).length, isMine: id in (made.created ?? {}) });

const noSockets = { ...session, capabilities: {} }; // Node sends no cookie with one
await new Promise((told) => {
  const listeners = { changed: (changed) => told(changed[accountId]), missed: () => undefined };
  const push = new Push(noSockets, ["Email"], listeners, around, { events: (url) => new Events(url) });
  push.start();
});
say({ subjects: await newest() });

await form("/sign-out", {});
const after = await client.call("Core/echo", {}).then(
  () => "answered",
  (failure) => (failure instanceof SessionEnded ? "ended" : String(failure)),
);
say({ after, ended });
process.exit(0);
