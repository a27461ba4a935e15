/**
 * What is sent: the files and directories that the command line names, and reading them safely.
 *
 * @module
 */

export { OpenedSource, type SourceFacts, TIME_LEFT_OUT } from "./opened-source.ts";
export { countSources, type FileSource, type LinkPolicy, type LinkSource, type Source, walkSources } from "./source-files.ts";
