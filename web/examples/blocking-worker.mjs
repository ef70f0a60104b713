import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

const wheel = new URL("../vendor/webchat_py-0.1.0-py3-none-any.whl", import.meta.url).href;
const pyodide = await loadPyodide({ packages: [wheel] });
const script = await fetch(new URL("./blocking.py", import.meta.url));
await pyodide.runPythonAsync(await script.text());
