/**
 * What surrounds a run: standard streams to which writing never fails.
 *
 * @module
 */

export type { Sink } from "./sink.ts";
export { type FileWriter, fileWriter, StandardSink, type StandardStream } from "./standard-sink.ts";
