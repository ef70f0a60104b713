"""The browser's own `EventSource` is the judge: what it makes of a stream, the decoder must make of it.

Not compared is `retry`: a browser shows it by nothing but the time it waits.

In one thing Chromium (156) is wrong: a line end right after the byte order mark ends no line there, because its
parser steps over that byte. Such streams are left to the comparison with the standard's wording in test_sse.py.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Browser

from tests.wire.sse_corpus import BOM, EDGE_CASES, generated, interpret
from webchat_py.wire.sse import SSEDecoder

# Reads every stream to its end, six at a time (a browser opens no more connections to one host), and
# resolves with a list of events for each; null means that the stream did not open.
READ_ALL = """
async ({count, names, reconnect}) => {
  const read = (index) => new Promise((resolve) => {
    const source = new EventSource(`/stream/${index}`);
    let events = null;
    source.addEventListener('open', (event) => {
      if (!(event instanceof MessageEvent)) events ??= [];
    });
    for (const name of names) {
      source.addEventListener(name, (event) => {
        if (event instanceof MessageEvent) events.push([event.type, event.data, event.lastEventId]);
      });
    }
    source.addEventListener('error', (event) => {
      if (event instanceof MessageEvent) return;
      if (reconnect && source.readyState === EventSource.CONNECTING) return;
      source.close();
      resolve(events);
    });
  });
  const results = [];
  let next = 0;
  const reader = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await read(index);
    }
  };
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('not read in 60 s')), 60000));
  await Promise.race([late, Promise.all(Array.from({length: 6}, reader))]);
  return results;
}
"""

CHROMIUM_ERRS = re.compile(BOM + rb"[\r\n]")

Events = list[tuple[str, str, str]]


class StreamServer(ThreadingHTTPServer):
    """Serves an empty page and each stream once, chunk by chunk; a reconnection is noted and told to stop."""

    def __init__(self, streams: list[list[bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), StreamHandler)
        self.streams = streams
        self.served: set[int] = set()
        self.last_event_ids: dict[int, str] = {}


class StreamHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StreamServer

    def do_GET(self) -> None:
        if not self.path.startswith("/stream/"):
            self._begin(200, "text/html")
            self._chunk(b"<!doctype html><title>EventSource</title>")
            self._chunk(b"")
            return
        index = int(self.path.removeprefix("/stream/"))
        if index in self.server.served:
            header = self.headers.get("Last-Event-ID", "")
            self.server.last_event_ids[index] = header.encode("latin-1").decode()
            self.send_response(204)
            self.end_headers()
            return
        self.server.served.add(index)
        self._begin(200, "text/event-stream")
        for chunk in filter(None, self.server.streams[index]):
            self._chunk(chunk)
        self._chunk(b"")

    def _begin(self, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()

    def _chunk(self, chunk: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def log_message(self, *args: object) -> None:
        """Say nothing: there are hundreds of requests."""


@contextmanager
def serve(streams: list[list[bytes]]) -> Iterator[StreamServer]:
    with StreamServer(streams) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def read_in_browser(browser: Browser, server: StreamServer, *, reconnect: bool = False) -> list[Events | None]:
    # An EventSource must be told every name to listen for. All streams' names are listened for on each, so
    # an event that shows up in the wrong place is seen.
    names = {"message"}
    for chunks in server.streams:
        names.update(event[0] for event in interpret(b"".join(chunks)).events)
    page = browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        argument = {"count": len(server.streams), "names": sorted(names), "reconnect": reconnect}
        results = page.evaluate(READ_ALL, argument)
    finally:
        page.close()
    return [events and [tuple(event) for event in events] for events in results]


def decode(chunks: list[bytes]) -> tuple[Events, str]:
    decoder = SSEDecoder()
    events = [astuple(event) for chunk in chunks for event in decoder.feed(chunk)]
    return events, decoder.last_event_id


def test_edge_cases_mean_to_the_decoder_what_they_mean_to_the_browser(chromium: Browser) -> None:
    cases = {name: chunks for name, chunks in EDGE_CASES.items() if not CHROMIUM_ERRS.match(b"".join(chunks))}
    with serve(list(cases.values())) as server:
        in_browser = read_in_browser(chromium, server)
    decoded = {name: decode(chunks)[0] for name, chunks in cases.items()}
    assert decoded == dict(zip(cases, in_browser, strict=True))


def test_generated_streams_mean_to_the_decoder_what_they_mean_to_the_browser(chromium: Browser) -> None:
    streams = [chunks for chunks in generated(400, seed=2026) if not CHROMIUM_ERRS.match(b"".join(chunks))]
    with serve(streams) as server:
        in_browser = read_in_browser(chromium, server)
    decoded = [decode(chunks)[0] for chunks in streams]
    assert sum(map(len, decoded)) > 500, "too few events to judge by"
    assert decoded == in_browser


def test_last_event_id_is_what_the_browser_sends_when_it_reconnects(chromium: Browser) -> None:
    # A short reconnection time at the start changes nothing else, except where a BOM ought to be first.
    cases = {
        name: [b"retry: 1\n", *chunks]
        for name, chunks in EDGE_CASES.items()
        if not name.startswith("retry") and not b"".join(chunks).startswith(BOM[:1])
    }
    with serve(list(cases.values())) as server:
        read_in_browser(chromium, server, reconnect=True)
        sent = {name: server.last_event_ids.get(index) for index, name in enumerate(cases)}
    assert sent == {name: decode(chunks)[1] for name, chunks in cases.items()}
