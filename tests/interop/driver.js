/**
 * Plays a scenario on the original client, and tells what was seen in the neutral form that driver.py uses too.
 *
 * A step is `{do, …}`, see `ACTIONS`. A text "$name.member" in it stands for what an earlier step saved with `as`.
 */

const PATIENCE = 10_000; // milliseconds
const NEVER = 2_000; // milliseconds
const EVENTS = {
    conversation: "conversation",
    message: "message",
    messageSent: "message_sent",
    error: "error",
    webchatVisibility: "webchat_visibility",
    webchatConfig: "webchat_config",
    customEvent: "custom_event",
    isTyping: "is_typing",
};
const ORIGINAL_NAMES = Object.fromEntries(Object.entries(EVENTS).map(([theirs, ours]) => [ours, theirs]));

const OTHERS = ["proxy", "delete_conversation"];

/** The scenario cannot go on. */
class Stuck extends Error {}

export async function run(getClient, scenario, apiUrl) {
    const player = new Player(getClient, apiUrl, scenario.options ?? {});
    for (const step of scenario.steps) await player.perform(step);
    const { results, events, unordered } = player;
    const told = JSON.stringify({ results, events, unordered });
    // In this mode it would connect again when the proxy has gone, maybe to that of another scenario
    if (player.options.mode === "messaging") await Promise.all(player.clients.map((client) => client.disconnect()));
    return told;
}

class Player {
    results = [];
    events = [];
    unordered = [];
    saved = {};
    taken = new Set();
    wake = () => {};
    removers = {};
    keys = [];
    clients = [];

    constructor(getClient, apiUrl, options) {
        this.getClient = getClient;
        this.apiUrl = apiUrl;
        this.options = { clientId: "interop", apiUrl, ...options };
        this.openClient();
    }

    openClient() {
        this.client = this.getClient(this.options);
        this.clients.push(this.client);
        this.client.on("*", ({ type, payload }) => this.note(type, payload));
    }

    note(type, payload, handler) {
        const name = EVENTS[type] ?? type;
        const event = { event: name, value: this.valueOf(name, payload) };
        if (name === "conversation") event.current = this.client.conversationId ?? null;
        if (handler) event.handler = handler;
        this.events.push(event);
        this.wake();
    }

    valueOf(name, payload) {
        if (name === "message") return messageOf(payload);
        if (name === "error") return this.errorOf(payload);
        return payload;
    }

    async perform(step) {
        const outcome = await this.outcomeOf(step);
        const { userId = null, conversationId = null } = this.client;
        // What is done to others reaches the client later, at no certain time
        this.results.push(OTHERS.includes(step.do) ? outcome : { ...outcome, userId, conversationId });
    }

    async outcomeOf(step) {
        const { do: name, as, ...given } = this.filledIn(step);
        try {
            const done = ACTIONS[name](this, given);
            const value = (await (name === "send" ? orNever(done) : done)) ?? null;
            if (as) this.saved[as] = value;
            return { do: name, value };
        } catch (error) {
            if (error instanceof Stuck) throw error;
            return { do: name, error: this.errorOf(error) };
        }
    }

    filledIn(value) {
        if (typeof value === "string" && value.startsWith("$")) {
            return value.slice(1).split(".").reduce((saved, name) => saved[name], this.saved);
        }
        if (Array.isArray(value)) return value.map((item) => this.filledIn(item));
        if (value === null || typeof value !== "object") return value;
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.filledIn(item)]));
    }

    errorOf(error) {
        const neutral = neutralError(error);
        const shown = JSON.stringify({ ...error });
        if (this.keys.some((key) => shown.includes(key))) neutral.holdsTheKey = true;
        return neutral;
    }

    async next(wanted, fits) {
        const deadline = Date.now() + PATIENCE;
        for (;;) {
            const event = this.events.find(
                (event) => event.event === wanted && !this.taken.has(event) && contains(event.value, fits ?? null),
            );
            if (event) {
                this.taken.add(event);
                return;
            }
            await new Promise((resolve, reject) => {
                const late = () => reject(new Stuck(`no ${wanted} came, but ${JSON.stringify(this.events)}`));
                const timer = setTimeout(late, deadline - Date.now());
                this.wake = () => {
                    clearTimeout(timer);
                    resolve();
                };
            });
        }
    }

    async askServer(method, path, body) {
        const headers = { "content-type": "application/json", "x-user-key": this.keys.at(-1) };
        const asked = { method, headers, body: body && JSON.stringify(body) };
        await fetch(`${this.apiUrl}/${this.options.clientId}${path}`, asked);
    }

    async tellProxy(command, argument) {
        const told = { method: "POST", body: JSON.stringify(argument) };
        const answer = await fetch(`${this.apiUrl}/-/${command}`, told).catch((error) => {
            throw new Stuck(`the proxy did not take ${command}: ${error}`);
        });
        return await answer.json();
    }
}

const ACTIONS = {
    async connect({ client, keys }, { credentials, data }) {
        const answer = await client.connect(credentials, data);
        if (answer) keys.push(answer.userToken);
        return answer;
    },
    disconnect: ({ client }) => client.disconnect(),
    get_user: ({ client }) => client.getUser(),
    update_user: ({ client }, { data }) => client.updateUser({ data }),
    send: ({ client }, { text }) => client.sendMessage(text),
    send_file: ({ client }, { name, content, type }) => client.sendFile(new File([content], name, { type })),
    send_event: ({ client }, { data }) => client.sendEvent(data),
    new_conversation: ({ client }) => client.newConversation(),
    switch: ({ client }, { conversation }) => client.switchConversation(conversation),
    exists: ({ client }, { conversation }) => client.conversationExists(conversation),
    list: async ({ client }) => (await client.listMessages()).map(messageOf),
    properties({ client }) {
        const { mode, clientId, apiUrl, userId = null, conversationId = null } = client;
        return { mode, clientId, apiUrl, userId, conversationId };
    },
    /** Another client of the same bot; the one before it goes on. */
    new_client: (player) => player.openClient(),
    /** Wait for the next event of this name whose value has at least the members of `fits`. */
    wait: (player, { event, fits }) => player.next(event, fits),
    /** End the stream, and wait until the client has noticed, of which it tells nothing in mode "messaging". */
    async lose_stream(player, { hard = false }) {
        await player.tellProxy("end-streams", { hard });
        if (player.options.mode !== "messaging") await player.next("error");
    },
    /** Nothing to wait for: the client never opens it again by itself, except once in mode "messaging". */
    async regain_stream({ client, options }) {
        if (options.mode !== "messaging") return;
        const isConnected = () => client.conversationExists("conv_1").then(() => true, () => false);
        while (!(await isConnected())) await new Promise(requestAnimationFrame);
    },
    /** Make the bot speak, whatever the client is doing. */
    async bot_says(player, { text, conversation }) {
        const payload = { type: "custom", data: { bot: "say", text } };
        await player.askServer("POST", "/events", { conversationId: conversation, payload });
    },
    /** Delete it as another device of the user would. */
    async delete_conversation(player, { conversation }) {
        await player.askServer("DELETE", `/conversations/${conversation}`);
    },
    /** Register a handler, which notes what it hears under its name, and raises if it is told to. */
    on(player, { event, handler, raises }) {
        const hear = (payload) => {
            player.note(ORIGINAL_NAMES[event], payload, handler);
            if (raises) throw new RangeError("a handler failed");
        };
        const first = player.client.on(ORIGINAL_NAMES[event], hear);
        player.client.on(ORIGINAL_NAMES[event], hear);
        player.removers[handler] = first;
    },
    /** Remove it, twice. */
    off(player, { handler }) {
        player.removers[handler]();
        player.removers[handler]();
    },
    async proxy(player, { command, ...argument }) {
        await player.tellProxy(command, argument);
    },
    /** Start several steps at once. The order of their requests and events among each other is left open. */
    async together(player, { steps }) {
        const requests = [(await player.tellProxy("requests", {})).length];
        const events = [player.events.length];
        const outcomes = await Promise.all(steps.map((step) => player.outcomeOf(step)));
        events.push(player.events.length);
        requests.push((await player.tellProxy("requests", {})).length);
        player.unordered.push({ requests, events });
        return outcomes;
    },
};

function messageOf({ id, conversationId, authorId, sentOn, payload, disableInput = null }) {
    return { id, conversationId, authorId, sentOn: timeOf(sentOn), block: payload, disableInput };
}

/** What a call comes to. In mode "messaging" there are some that never end. */
function orNever(call) {
    const never = (_, reject) => setTimeout(() => reject(new Error("it never ends")), NEVER);
    return Promise.race([call, new Promise(never)]);
}

/** A text in mode "messaging". */
function timeOf(date) {
    return typeof date === "string" ? date : date.toISOString();
}

function neutralError(error) {
    if (typeof error === "string") return { kind: "text", message: error };
    if (error?.isApiError) {
        const { type, code, message } = error;
        return { kind: "api", type, code, message };
    }
    if (!(error instanceof Error)) return { kind: "no error", status: error?.status ?? null };
    if (/^Unexpected state|^Client is (already connected|disconnected)/.test(error.message)) return { kind: "state" };
    return { kind: error.name, message: error.message };
}

function contains(value, part) {
    if (part === null || typeof part !== "object") return part === null || value === part;
    return Object.entries(part).every(([name, wanted]) => contains(value?.[name], wanted));
}
