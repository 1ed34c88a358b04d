#!/usr/bin/env -S node --max-semi-space-size=8 --no-memory-protection-keys
// The first option makes V8 collect short-lived buffers of sockets and files often and cheaply. With its default of 16 MB and more, their
// memory outside the heap sets off a full collection every 35 MB received, which took a third of the CPU time of a C-STORE.
// With memory protection keys, V8's book-keeping of code pages is known to end processes that have worker threads, once in a while:
// "Check failed: jit_page.has_value()". Tests run without them for the same reason.
import '../dist/main.js';
