import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

// Python's handler is a coroutine, and begins too late for this; before Python is there, Enter must not leave the page
document.getElementById("composer").addEventListener("submit", (event) => event.preventDefault());

const wheel = new URL("../vendor/webchat_py-0.1.0-py3-none-any.whl", import.meta.url).href;
const pyodide = await loadPyodide({ packages: [wheel] });
const script = await fetch(new URL("./pyodide.py", import.meta.url));
await pyodide.runPythonAsync(await script.text());
