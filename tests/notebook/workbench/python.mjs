// Starts Pyodide as ?runtime and ?package say. With ?switching=off the browser is one without JSPI, such as Safari.
export async function start(search) {
  const query = new URLSearchParams(search);
  if (query.get("switching") === "off") {
    delete WebAssembly.Suspending;
    delete WebAssembly.promising;
  }
  const { loadPyodide } = await import(`${query.get("runtime")}/pyodide.mjs`);
  const pyodide = await loadPyodide({ packages: query.getAll("package") });
  globalThis.pyodide = pyodide;
  return async (code) => {
    try {
      return { result: await pyodide.runPythonAsync(code) };
    } catch (error) {
      return { error: error.message };
    }
  };
}
