#!/usr/bin/env -S node --max-semi-space-size=8
// The option makes V8 collect short-lived buffers of sockets and files often and cheaply. With its default of 16 MB and more, their
// memory outside the heap sets off a full collection every 35 MB received, which took a third of the CPU time of a C-STORE.
import '../dist/main.js';
