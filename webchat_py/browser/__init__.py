"""The only room that imports `js` and `pyodide`. No JavaScript object leaves it."""
