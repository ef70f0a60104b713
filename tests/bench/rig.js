// What is measured, each in the same form: webchat_py (rig.py) with either stream, the original client, and the living
// low-level client. Times are in milliseconds. A JavaScript client lives in a frame, with which everything ends that
// it does not end by itself.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const PATIENCE = 300_000;
const LAST = "last";

const now = () => performance.now();
const clock = () => performance.timeOrigin + performance.now();

class Ear {
    texts = [];
    delays = [];

    constructor(number) {
        this.left = number;
        this.ended = new Promise((resolve) => (this.end = resolve));
    }

    hear(text) {
        if (!this.texts.length) this.first = now();
        if (text[0] === "@") this.delays.push(clock() - Number(text.slice(1)));
        this.texts.push(text);
        this.left -= 1;
        if (!this.left || text === LAST) this.end(now());
    }
}

class JavaScriptRig {
    constructor(module) {
        this.module = module;
    }

    async load() {
        this.frame = document.body.appendChild(document.createElement("iframe"));
        return this.frame.contentWindow.eval("(url) => import(url)")(new URL(this.module, location.href).href);
    }

    async close() {
        await this.disconnect();
        this.frame.remove();
    }

    async firstAnswer(_way, clientId, apiUrl) {
        const api = await this.load();
        this.ear = new Ear(1);
        const began = now();
        await this.begin(api, clientId, apiUrl);
        await this.send("hello");
        await this.ear.ended;
        const took = now() - began;
        await this.close();
        return took;
    }

    async open(clientId, apiUrl, known = null) {
        return this.begin(await this.load(), clientId, apiUrl, known);
    }

    hear(number) {
        this.ear = new Ear(number);
    }

    async heard() {
        const ended = await this.ear.ended;
        return { took: ended - this.ear.first, delays: this.ear.delays, texts: this.ear.texts.slice(-10) };
    }

    async keep() {
        this.kept = await this.all();
    }

    drop() {
        this.kept = null;
    }

    async list() {
        const began = now();
        const messages = await this.all();
        return { took: now() - began, count: messages.length, newest: messages[0].id };
    }
}

class Original extends JavaScriptRig {
    async begin({ getClient }, clientId, apiUrl, known) {
        this.client = getClient({ clientId, apiUrl });
        this.client.on("message", ({ payload }) => this.ear.hear((payload.block ?? payload).text));
        if (known) {
            await this.client.connect({ userId: known.userId, userToken: known.userToken });
            await this.client.switchConversation(known.conversationId);
        } else {
            await this.client.connect();
            await this.client.newConversation();
        }
        return this.client.conversationId;
    }

    send(text) {
        return this.client.sendMessage(text);
    }

    all() {
        return this.client.listMessages();
    }

    disconnect() {
        return this.client.disconnect();
    }
}

class LowLevel extends JavaScriptRig {
    async begin({ createUser, createClient }, clientId, apiUrl, known) {
        const user = known ? null : await createUser({ clientId, apiUrl });
        this.me = known?.userId ?? user.user.id;
        this.client = createClient({ clientId, apiUrl, userKey: known?.userToken ?? user.key });
        this.id = known?.conversationId ?? (await this.client.createConversation({})).conversation.id;
        this.stream = this.client.listenConversation({ conversationId: this.id });
        await new Promise((resolve) => this.stream.on("open", resolve));
        this.stream.on("message_created", ({ userId, payload }) => {
            if (userId !== this.me) this.ear.hear(payload.text);
        });
        return this.id;
    }

    send(text) {
        return this.client.createMessage({ conversationId: this.id, payload: { type: "text", text } });
    }

    async all() {
        const messages = [];
        let nextToken;
        do {
            const page = await this.client.listConversationMessages({ conversationId: this.id, nextToken });
            messages.push(...page.messages);
            nextToken = page.meta.nextToken;
        } while (nextToken);
        return messages;
    }

    disconnect() {
        return this.stream.disconnect();
    }
}

/** The same calls, made of a rig in Python. */
const fromPython = (rig) => {
    const call = (name) => async (...values) => JSON.parse(await rig[name](...values));
    const open = call("open");
    return {
        open: (clientId, apiUrl, known = null) => open(clientId, apiUrl, JSON.stringify(known)),
        close: call("close"),
        hear: call("hear"),
        heard: call("heard"),
        list: call("list"),
        firstAnswer: call("first_answer"),
        bytesHeld: call("bytes_held"),
        connectOften: call("connect_often"),
    };
};

const pyodide = await loadPyodide({ packages: [new URLSearchParams(location.search).get("wheel")] });
pyodide.FS.writeFile("rig.py", await (await fetch("./rig.py")).text());
const { Rig } = pyodide.pyimport("rig");

const rigs = {
    fetch: fromPython(Rig("fetch")),
    native: fromPython(Rig("native")),
    original: new Original("./webchat-2.2.2.mjs"),
    low: new LowLevel("./webchat-client-0.7.3.mjs"),
};

/** Called from outside of the browser. */
globalThis.measure = (rig, name, values) =>
    Promise.race([
        rigs[rig][name](...values),
        new Promise((_, reject) => setTimeout(() => reject(new Error(`${rig}.${name} takes too long`)), PATIENCE)),
    ]);
globalThis.versions = () => ({ pyodide: pyodide.version, python: pyodide.runPython("import sys; sys.version.split()[0]") });
globalThis.proxies = {
    count: () => pyodide._module.enable_pyproxy_allocation_tracing(),
    left: () => pyodide._module.pyproxy_alloc_map.size,
};
