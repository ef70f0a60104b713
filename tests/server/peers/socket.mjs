import process from "node:process";
import messaging from "@botpress/messaging-socket";

const PATIENCE = 10_000; // milliseconds

/**
 * A client of the real package. `next(fits)` resolves with the next message that was pushed to it and fits; it waits
 * for one. `push(type)`: the same for what is
 * pushed of another type.
 */
const open = (url, clientId) => {
    const socket = new messaging.MessagingSocket({ url, clientId });
    const messages = [];
    const pushes = [];
    let wake = () => {};
    socket.on("message", (message) => {
        messages.push(message);
        wake();
    });
    socket.com.events.on("message", (push) => {
        pushes.push(push);
        wake();
    });
    const taken = async (from, fits) => {
        const deadline = Date.now() + PATIENCE;
        for (;;) {
            const index = from.findIndex(fits);
            if (index >= 0) return from.splice(index, 1)[0];
            await new Promise((resolve, reject) => {
                const late = () => reject(new Error(`nothing came that fits, but ${JSON.stringify(from)}`));
                const timer = setTimeout(late, deadline - Date.now());
                wake = () => {
                    clearTimeout(timer);
                    resolve();
                };
            });
        }
    };
    return {
        socket,
        next: (fits = () => true) => taken(messages, fits),
        push: (type) => taken(pushes, (push) => push.type === type),
    };
};

const refusal = (promise) =>
    promise.then(
        (value) => Promise.reject(new Error(`not refused, but ${JSON.stringify(value)}`)),
        (error) => (error instanceof Error ? error.message : error),
    );

const [url, clientId, body] = process.argv.slice(2);
const AsyncFunction = (async () => {}).constructor;
const told = await new AsyncFunction("open", "refusal", body)((id = clientId) => open(url, id), refusal);
process.stdout.write(JSON.stringify(told ?? null), () => process.exit(0));
