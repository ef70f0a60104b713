import { start } from "./python.mjs";

const waiting = [];
onmessage = ({ data }) => waiting.push(data);
const run = await start(location.search);
onmessage = async ({ data }) => postMessage(await run(data));
for (const code of waiting) postMessage(await run(code));
