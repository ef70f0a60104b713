// `run(code)` runs Python where ?thread says, and resolves with its result: "worker", a plain one; "pyscript", a worker
// of PyScript; "main", this page.
const query = new URLSearchParams(location.search);
const threads = { worker, pyscript, main };

function worker() {
  const answers = [];
  const plain = new Worker(`worker.mjs${location.search}`, { type: "module" });
  plain.onmessage = ({ data }) => {
    const { resolve, reject } = answers.shift();
    "error" in data ? reject(new Error(data.error)) : resolve(data.result);
  };
  return (code) =>
    new Promise((resolve, reject) => {
      answers.push({ resolve, reject });
      plain.postMessage(code);
    });
}

async function pyscript() {
  const script = Object.assign(document.createElement("script"), { type: "py", src: "pyscript.py" });
  const config = {
    interpreter: `${query.get("runtime")}/pyodide.mjs`,
    packages: query.getAll("package"),
    packages_cache: "passthrough",
  };
  script.setAttribute("config", JSON.stringify(config));
  script.setAttribute("worker", "");
  document.body.append(script);
  const { whenDefined } = await import(query.get("pyscript"));
  await whenDefined("py");
  const { sync } = await script.xworker.ready; // "py:done" is told by isolated workers only
  return (code) => sync.run(code);
}

async function main() {
  const { start } = await import("./python.mjs");
  const python = await start(location.search);
  return async (code) => {
    const answer = await python(code);
    if ("error" in answer) throw new Error(answer.error);
    return answer.result;
  };
}

const ready = threads[query.get("thread") ?? "worker"]();
window.run = async (code) => (await ready)(code);
