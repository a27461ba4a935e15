/**
 * How fast what the other side sends is dealt with: messages of a control stream, and what else waits for its turn.
 *
 * @module
 */

export { BURST_SECONDS, Pace, type Paced } from "./pace.ts";
export { Turnstile, type TurnstileParts } from "./turnstile.ts";
export { WorkShare } from "./work-share.ts";
