/**
 * How a command speaks and listens: lines, JSON, a progress line, questions, typed lines, and Ctrl-C.
 *
 * @module
 */

export { Interrupted, isOutputGone, orInterrupted, watchInterruption } from "./interruption.ts";
export { type InputLine, linesOf, tooLongText } from "./lines.ts";
export { type LeftOut, NoticePace, noticePace } from "./notice-pace.ts";
export { type EventFields, Output, type Progress } from "./output.ts";
export { outputError } from "./output-error.ts";
export { formatBytes } from "./progress.ts";
export { type Answer, type Choices, type TerminalQuestions, terminalQuestions } from "./questions.ts";
export { typedLines } from "./typed-lines.ts";
export { padToWidth } from "./width.ts";
