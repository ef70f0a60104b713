"""Files: stored first, then sent; with progress, really stopped when cancelled, never a message with a dead link."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

pytestmark = pytest.mark.every_browser


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("photo.png", "image"),
        ("Grüße & more.mp3", "audio"),
        ("clip.mp4", "video"),
        ("notes.txt", "file"),
        ("x", "file"),
    ],
)
@run_in_pyodide
async def test_bytes_with_a_name(selenium_client, helper_url, name, kind):
    from in_browser import Events
    from pyodide.http import pyfetch

    from webchat_py import Audio, File, Image, Video, get_client

    content = bytes(range(256)) * 10
    async with get_client("local", helper_url) as client:
        events = Events(client)
        await client.connect()
        sent = await client.send_file(content, name)
        assert (sent.name, sent.type) == (name, kind)
        url = sent.file_url
        payloads = {"image": Image(url), "audio": Audio(url), "video": Video(url), "file": File(url, title=name)}
        assert sent.message.payload == payloads[kind]
        assert await events.next("message_sent") == sent.message
        assert sent.message.id in [message.id for message in await client.list_messages()]
        assert await (await pyfetch(url)).bytes() == content
        assert (await client.send_file(content, name, metadata={"a": 1})).message.metadata["a"] == 1


@run_in_pyodide
async def test_files_of_every_kind_of_source(selenium_either_client, helper_url):
    import pathlib

    from js import Blob, File, Object
    from pyodide.ffi import to_js
    from pyodide.http import pyfetch

    from webchat_py import get_client

    def options(**values):
        return to_js(values, dict_converter=Object.fromEntries)

    pathlib.Path("report.csv").write_bytes(b"a,b")  # noqa: ASYNC240 - Pyodide's file system is memory
    parts = to_js(["picture"])
    async with get_client("local", helper_url) as client:
        await client.connect()
        for file, name, content, expected in [
            ("report.csv", None, b"a,b", ("report.csv", "file")),
            (pathlib.Path("report.csv"), "renamed.csv", b"a,b", ("renamed.csv", "file")),
            (bytearray(b"abc"), "a.txt", b"abc", ("a.txt", "file")),
            (memoryview(b"abc"), "a.txt", b"abc", ("a.txt", "file")),
            (b"", "empty.txt", b"", ("empty.txt", "file")),
            (File.new(parts, "photo", options(type="image/png")), None, b"picture", ("photo", "image")),
            (File.new(parts, "photo.png"), None, b"picture", ("photo.png", "image")),
            (Blob.new(parts, options(type="video/mp4")), "film", b"picture", ("film", "video")),
        ]:
            sent = await client.send_file(file, name)
            assert (sent.name, sent.type) == expected
            assert await (await pyfetch(sent.file_url)).bytes() == content


@run_in_pyodide
async def test_what_is_no_file_is_refused_before_anything_is_uploaded(selenium_client, proxy_url):
    import pytest
    from in_browser import tell
    from js import Blob, Object

    from webchat_py import get_client

    async with get_client("local", proxy_url) as client:
        await client.connect()
        for file, name, error, words in [
            (b"abc", None, ValueError, "no name"),
            (Blob.new(), None, ValueError, "no name"),
            (None, "a.txt", TypeError, "not NoneType"),
            (7, "a.txt", TypeError, "not int"),
            (Object.new(), "a.txt", TypeError, "not JsProxy"),
            ("no/such/file.txt", None, FileNotFoundError, "no/such/file.txt"),
        ]:
            with pytest.raises(error, match=words):
                await client.send_file(file, name)
        assert not any("/files" in request for request in await tell(proxy_url, "requests"))


@run_in_pyodide
async def test_progress_is_told_and_harms_nobody(selenium_either_client, helper_url):
    from in_browser import Events

    from webchat_py import get_client

    size = 3_000_000
    async with get_client("local", helper_url) as client:
        events = Events(client)
        await client.connect()
        told = []
        await client.send_file(bytes(size), "large.bin", on_progress=lambda sent, total: told.append((sent, total)))
        assert told
        assert told == sorted(told)
        assert told[-1] == (size, size)

        def fail(sent, total):
            raise ZeroDivisionError("progress")

        assert (await client.send_file(b"abc", "a.txt", on_progress=fail)).message.id
        assert isinstance(await events.next("error"), ZeroDivisionError)


@run_in_pyodide
async def test_an_upload_that_is_refused_sends_no_message(selenium_client, proxy_url):
    import json

    from in_browser import error_of, tell

    from webchat_py import TooLarge, UploadError, get_client

    async with get_client("local", proxy_url) as client:
        await client.connect()
        conversation = await client.new_conversation()
        too_large = '{"id": "err_1", "code": 413, "type": "PayloadTooLarge", "message": "Too large"}'
        await tell(proxy_url, "rule", route="POST /files", status=413, body=too_large, times=1)
        assert isinstance(await error_of(client.send_file(b"abc", "a.txt")), TooLarge)

        file = {
            "id": "file_1",
            "uploadUrl": f"{proxy_url}/upload-here",
            "url": "http://x/",
            "contentType": "text/plain",
        }
        for act, status in [({"status": 403}, 403), ({"status": 500}, 500), ({"act": "cut"}, None)]:
            await tell(proxy_url, "rule", route="POST /files", body=json.dumps({"file": file}), times=1)
            await tell(proxy_url, "rule", route="PUT /upload-here", times=1, **act)
            error = await error_of(client.send_file(b"abc", "a.txt"))
            assert isinstance(error, UploadError), error
            assert error.status == status
        for url in ["javascript:alert(1)", "upload-here", "file:///etc/passwd", "http://"]:
            odd = json.dumps({"file": {**file, "uploadUrl": url}})
            await tell(proxy_url, "rule", route="POST /files", body=odd, times=1)
            assert isinstance(await error_of(client.send_file(b"abc", "a.txt")), UploadError)
        texts = [message.text for message in await client.list_messages()]
        assert texts == ["welcome"]
        assert client.conversation_id == conversation


@run_in_pyodide
async def test_cancelling_stops_the_transfer(selenium_either_client, proxy_url):
    import asyncio
    import json

    from in_browser import tell

    from webchat_py import get_client

    async with get_client("local", proxy_url) as client:
        await client.connect()
        await client.new_conversation()
        file = {
            "id": "file_1",
            "uploadUrl": f"{proxy_url}/upload-here",
            "url": "http://x/",
            "contentType": "text/plain",
        }
        await tell(proxy_url, "rule", route="POST /files", body=json.dumps({"file": file}), times=1)
        await tell(proxy_url, "rule", route="PUT /upload-here", act="hold", times=1)
        sending = asyncio.ensure_future(client.send_file(b"abc", "a.txt"))
        while "PUT /upload-here" not in await tell(proxy_url, "requests"):
            pass
        assert await tell(proxy_url, "held") == 1
        sending.cancel()
        while await tell(proxy_url, "held"):
            pass
        assert sending.cancelled()
        assert [message.text for message in await client.list_messages()] == ["welcome"]


@run_in_pyodide
async def test_an_upload_is_one_line_in_the_log_without_its_signature(selenium_either_client, proxy_url):
    import json
    import logging

    from in_browser import error_of, tell

    from webchat_py import UploadError, get_client

    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log = logging.getLogger("webchat_py")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    place = f"{proxy_url}/upload-here"
    file = {
        "id": "file_1",
        "uploadUrl": f"{place}?signature=s3cr3t",
        "url": "http://x/",
        "contentType": "text/plain",
    }
    async with get_client("local", proxy_url) as client:
        await client.connect()
        await tell(proxy_url, "rule", route="POST /files", body=json.dumps({"file": file}))
        for act, ends in [({"status": 200}, "200"), ({"status": 403}, "403"), ({"act": "cut"}, "no answer")]:
            await tell(proxy_url, "rule", route="PUT /upload-here", times=1, **act)
            if ends == "200":
                await client.send_file(b"abc", "a.txt")
            else:
                assert isinstance(await error_of(client.send_file(b"abc", "a.txt")), UploadError)
            assert [line for line in lines if line.startswith("PUT")] == [f"PUT {place}: {ends}"]
            assert not any("s3cr3t" in line for line in lines)
            lines.clear()
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)
