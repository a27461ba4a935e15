/**
 * What surrounds a run, as one value, and standard streams to which writing never fails.
 *
 * @module
 */

export { type Clock, delay, type Timer } from "./clock.ts";
export { isForegroundIn } from "./foreground.ts";
export type { Sink } from "./sink.ts";
export { type FileWriter, fileWriter, StandardSink, type StandardStream } from "./standard-sink.ts";
export type { Interfaces, Machine, OtherRun, SignalName, Signals, StandardInput, Surroundings, Terminal } from "./surroundings.ts";
