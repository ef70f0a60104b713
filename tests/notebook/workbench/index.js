// `run(code)` runs Python in the worker, or with ?thread=main in this page, and resolves with its result.
const answers = [];
let send;

function settle({ data }) {
  const { resolve, reject } = answers.shift();
  "error" in data ? reject(new Error(data.error)) : resolve(data.result);
}

window.run = (code) =>
  new Promise((resolve, reject) => {
    answers.push({ resolve, reject });
    send(code);
  });

if (new URLSearchParams(location.search).get("thread") === "main") {
  const python = import("./python.mjs").then(({ start }) => start(location.search));
  send = async (code) => settle({ data: await (await python)(code) });
} else {
  const worker = new Worker(`worker.mjs${location.search}`, { type: "module" });
  worker.onmessage = settle;
  send = (code) => worker.postMessage(code);
}
