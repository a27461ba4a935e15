/**
 * The machine of a stream: numbers, counts, limits, and legs that are interchangeable.
 *
 * @module
 */

export type { Offered } from "./acceptor.ts";
export { Bulk, type SharedCount } from "./bulk.ts";
export { Exchange } from "./exchange.ts";
export { cannotGoOn, cannotOpen, lostWith, type Subject } from "./failures.ts";
export type { ResumeOptions } from "./opener.ts";
export type { SendingState } from "./outcome.ts";
export type { ReceivingState } from "./receiving.ts";
export { isFatal } from "./rules.ts";
export type { Attach, ExchangeInit, ExchangeSink, FurtherLeg, LegLink, LegPath, LegWire, Passage } from "./seams.ts";
export { LOST_WORDS, WORDS } from "./words.ts";
