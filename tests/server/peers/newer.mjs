import * as original from "./webchat-client-0.7.3.mjs";

const PATIENCE = 20_000; // milliseconds

const namesOf = (operations, prefix = "") => Object.keys(operations).map((name) => prefix + name);

/** All that the client can do, as it says itself. */
globalThis.operations = [...namesOf(original), ...namesOf(original.createClient({ clientId: "any" }), "client.")];

/** What of it has been done on this page, without an error. */
globalThis.done = new Set();

const recorded = (operations, prefix = "") => {
    const record = (name, operation) => (...values) => {
        const result = operation(...values);
        Promise.resolve(result).then(() => done.add(prefix + name), () => {});
        return result;
    };
    return Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, record(name, operation)]));
};

const api = recorded(original);
const clientOf = (options) => recorded(api.createClient(options), "client.");

/** What the client makes of a refusal. */
const refusal = (promise) =>
    promise.then(
        (value) => Promise.reject(new Error(`not refused, but ${JSON.stringify(value)}`)),
        (error) => ({ isError: error instanceof Error, ...error, message: error.message }),
    );

/**
 * Run `act` with the unmodified client, and reject with all that was heard if that takes too long.
 *
 * `join(details)` makes a user and resolves with their client, which has `user` and `key` too. `hear(subscription)` is
 * a reader of signals: `until(type)` resolves with those that came since the last call, up to one of that type, and
 * `next(type)` with the data of that one alone. `listen(client, conversationId)` is such a reader whose stream is open.
 */
globalThis.drive = (apiUrl, clientId, act) => {
    const bot = { apiUrl, clientId };
    const heard = [];

    const join = async (details) => {
        const { user, key } = await api.createUser({ ...bot, ...details });
        return { ...clientOf({ ...bot, userKey: key }), user, key };
    };

    const say = async (client, conversationId, text = "nothing", more = {}) =>
        (await client.createMessage({ conversationId, payload: { type: "text", text }, ...more })).message;

    const hear = (subscription) => {
        const signals = [];
        const waiting = new Set();
        const until = (type) =>
            new Promise((resolve) => {
                const look = () => {
                    const index = signals.findIndex((signal) => signal.type === type);
                    if (index === -1) return;
                    waiting.delete(look);
                    resolve(signals.splice(0, index + 1));
                };
                waiting.add(look);
                look();
            });
        subscription.on("*", ({ type, payload: data }) => {
            if (type === undefined) return; // what this client makes of a ping
            heard.push({ type, data });
            signals.push({ type, data });
            waiting.forEach((look) => look());
        });
        return { signals, until, next: async (type) => (await until(type)).at(-1).data };
    };

    const listen = async (client, conversationId) => {
        const stream = hear(client.listenConversation({ conversationId }));
        await stream.next("open");
        return stream;
    };

    const late = new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`not done in ${PATIENCE} ms; heard ${JSON.stringify(heard)}`)), PATIENCE);
    });
    return Promise.race([act({ api, bot, clientOf, hear, join, listen, refusal, say }), late]);
};
