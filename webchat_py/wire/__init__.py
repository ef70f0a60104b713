"""What is on the wire, without any I/O: no clock, no event loop, no `js`. See README.md beside this file."""
