// Answers requests with the npm package mailauth: a JSON object on each line, with the records of the DNS in it.
'use strict';

const readline = require('node:readline');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { spf } = require('mailauth/lib/spf');
const { arc } = require('mailauth/lib/arc');

const resolverOf = (records, failures, names) => async (name, kind) => {
    const key = `${name.toLowerCase().replace(/\.$/, '')} ${kind}`;
    const fail = code => Object.assign(new Error(code), { code });
    if (failures.includes(key)) throw fail('ETIMEOUT');
    if (records[key] && records[key].length) return records[key];
    throw fail(names.includes(key.split(' ')[0]) ? 'ENODATA' : 'ENOTFOUND');
};

const answer = async request => {
    const resolver = resolverOf(request.records, request.failures || [], request.names || []);
    if (request.op === 'spf') {
        const found = await spf({ sender: request.mail_from, ip: request.ip, helo: request.helo, mta: 'mx.example.net', resolver });
        return { result: found.status.result, why: String(found.status.comment || '') };
    }
    const found = await dkimVerify(Buffer.from(request.message, 'base64'), { resolver, curTime: new Date(request.time * 1000) });
    if (request.op === 'arc') {
        const chain = await arc(found.arc, { resolver, minBitLength: 1024 });
        return { result: chain.status.result, why: String(chain.status.comment || '') };
    }
    const [first] = found.results;
    return { result: first.status.result, why: String(first.status.comment || '') };
};

console.log = () => {};
(async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        let said;
        try {
            said = await answer(JSON.parse(line));
        } catch (error) {
            said = { result: 'error', why: String(error && error.message) };
        }
        process.stdout.write(JSON.stringify(said) + '\n');
    }
})();
