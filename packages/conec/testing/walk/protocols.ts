/**
 * Protocols of a walk: who handles which, and how.
 *
 * @module
 */

/** Handled by everybody from the beginning: the handler has the stream for as long as it lives. */
export const HANDLED = "walk/1";

/** Handled by everybody, and each handler fails after a while. */
export const FAILING = "walk/fails";

/** Comes and goes. */
export const CHANGING = "walk/changes";

/** Nobody handles it, ever. */
export const UNHANDLED = "walk/nobody";

/** After which a handler of {@link FAILING} fails. */
export const FAILS_AFTER_MS = 50;
