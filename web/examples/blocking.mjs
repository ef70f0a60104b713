const worker = new Worker(new URL("./blocking-worker.mjs", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => {
  const line = document.createElement("li");
  line.textContent = data;
  document.getElementById("log").append(line);
};
