"""Runs in PyScript's worker what the page asks for."""

from pyodide.code import eval_code_async
from pyscript import sync


async def run(code):
    return await eval_code_async(code, globals())


sync.run = run
