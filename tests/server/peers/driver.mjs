import { getClient } from "./webchat-2.2.2.mjs";

const PATIENCE = 20_000; // milliseconds

/**
 * The unmodified original client, with a record of all it emits.
 *
 * `next(type, fits)` resolves with the payload of the first event of that type that `fits` and that no other `next`
 * was given; it waits for one to come, and rejects with all that was seen if none does.
 */
globalThis.openChat = (apiUrl, clientId) => {
    const client = getClient({ apiUrl, clientId });
    const events = [];
    const taken = new Set();
    const waiting = new Set();
    client.on("*", (event) => {
        events.push(event);
        waiting.forEach((look) => look());
    });

    const next = (type, fits = () => true) =>
        new Promise((resolve, reject) => {
            const look = () => {
                const event = events.find((event) => event.type === type && !taken.has(event) && fits(event.payload));
                if (!event) return;
                taken.add(event);
                waiting.delete(look);
                clearTimeout(timer);
                resolve(event.payload);
            };
            const timer = setTimeout(() => {
                waiting.delete(look);
                reject(new Error(`no ${type} in ${PATIENCE} ms, but ${JSON.stringify(events)}`));
            }, PATIENCE);
            waiting.add(look);
            look();
        });

    return { client, events, next };
};
