// jmap-jam at work: reads, changes, sends, uploads and downloads; prints what it saw as JSON.
// Arguments: the module's path, the session's address, a token.
const [module, sessionUrl, bearerToken] = process.argv.slice(2);
const { default: JamClient } = await import(module);
const jam = new JamClient({ sessionUrl, bearerToken });
const accountId = await jam.getPrimaryAccount();

const [{ mailboxes, emails }] = await jam.requestMany((t) => {
  const found = t.Email.query({ accountId, sort: [{ property: "receivedAt", isAscending: false }] });
  return {
    mailboxes: t.Mailbox.get({ accountId }),
    found,
    emails: t.Email.get({ accountId, ids: found.$ref("/ids"), properties: ["id", "subject", "keywords"] }),
  };
});
const role = (wanted) => mailboxes.list.find((one) => one.role === wanted).id;

const [changed] = await jam.api.Email.set({
  accountId,
  update: { [emails.list[0].id]: { "keywords/$seen": true }, Mnone: { "keywords/$seen": true } },
});
const [snippets] = await jam.api.SearchSnippet.get({
  accountId,
  filter: { text: "jam" },
  emailIds: [emails.list[0].id],
});

const blob = await jam.uploadBlob(accountId, new Blob(["strawberries"], { type: "text/plain" }));
const [identities] = await jam.api.Identity.get({ accountId });
const [{ draft, sent }] = await jam.requestMany((t) => ({
  draft: t.Email.set({
    accountId,
    create: {
      d: {
        mailboxIds: { [role("drafts")]: true },
        from: [{ email: "u0@one.example", name: null }],
        to: [{ email: "u1@one.example", name: "Bert" }],
        subject: "From jam",
        bodyValues: { b: { value: "See below." } },
        textBody: [{ partId: "b", type: "text/plain" }],
        attachments: [{ blobId: blob.blobId, type: "text/plain", name: "jam.txt" }],
      },
    },
  }),
  sent: t.EmailSubmission.set({
    accountId,
    create: { s: { emailId: "#d", identityId: identities.list[0].id } },
    onSuccessUpdateEmail: { "#s": { [`mailboxIds/${role("drafts")}`]: null, [`mailboxIds/${role("sent")}`]: true } },
  }),
}));
const response = await jam.downloadBlob({
  accountId,
  blobId: blob.blobId,
  mimeType: "text/plain",
  fileName: "jam.txt",
});
let refused;
try {
  await jam.api.Email.get({ accountId: "Anobody" });
} catch (error) {
  refused = error.type;
}
console.log(
  JSON.stringify({
    subjects: emails.list.map((one) => one.subject),
    updated: Object.keys(changed.updated ?? {}),
    notUpdated: changed.notUpdated,
    snippet: snippets.list[0].preview,
    created: Object.keys(draft.created ?? {}),
    filed: Object.keys(sent.updated ?? {}).length, // of several responses with one id, jam keeps the last
    downloaded: await response.text(),
    refused,
    seen: emails.list[0].id,
  }),
);
