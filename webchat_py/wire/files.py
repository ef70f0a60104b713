"""What a file becomes on its way into a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .models import Message
from .payloads import Audio, File, Image, Payload, Video

FileType = Literal["image", "audio", "video", "file"]


@dataclass(slots=True)
class Attachment:
    """A file that is ready to be uploaded. `size` is in bytes, `body` for the transport alone."""

    name: str
    size: int
    content_type: str
    body: Any = field(repr=False)


@dataclass(slots=True)
class SentFile:
    """A file that was sent: its public address, its name, what it was taken for, and the message."""

    file_url: str
    name: str
    type: FileType
    message: Message


def payload_for(content_type: str, url: str, name: str) -> tuple[FileType, Payload]:
    """The message that shows a file of this MIME type."""
    match content_type.partition("/")[0].lower():
        case "image":
            return "image", Image(url)
        case "audio":
            return "audio", Audio(url)
        case "video":
            return "video", Video(url)
    return "file", File(url, title=name)
