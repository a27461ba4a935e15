// What the library uses of Node's globals. build-dist.mjs lets dist import it: the globals of a realm may be others (jsdom has timers of its own, and no
// TextEncoder), and go when the realm ends (Jest has one for each file of tests), while a connection still has something to do.

export { Buffer } from "node:buffer";
export { default as process } from "node:process";
export { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "node:timers";
export { TextDecoder, TextEncoder } from "node:util";
