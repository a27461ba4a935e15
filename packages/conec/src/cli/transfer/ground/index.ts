/**
 * What both ends of a transfer stand on: its messages, the file system, and why one file fails.
 *
 * @module
 */

export { errnoOf, FileProblemError, orReadProblem, orWriteProblem, readProblem, writeProblem } from "./file-problem.ts";
export { type FileFacts, type FileSystem, nodeFileSystem, type OpenFile } from "./file-system.ts";
export {
	CONTENT_BYTES,
	type DirectoryMessage,
	decodeTransfer,
	encodeTransfer,
	type FileMessage,
	type FileProblem,
	type FromMessage,
	type KeptMessage,
	KINDS,
	possibleTime,
	type TransferMessage,
} from "./protocol.ts";
export { type Claims, PseudoFileSystems } from "./pseudo-file-systems.ts";
