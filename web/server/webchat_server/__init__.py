"""A local server for the Botpress Webchat API: REST, event stream, uploads, and bots that are Python functions."""

__version__ = "0.1.0"
