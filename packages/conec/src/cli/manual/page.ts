/**
 * The manual page `conec(1)`, for `man`. Pure.
 *
 * @module
 */

import { ABOUT, type CommandSpec, type OptionSpecs, optionsOf, optionTitle, variableOf } from "../command-line/index.ts";
import { EXIT_CODES } from "../outcome/index.ts";

/** The whole page, in the macros of man(7). */
export function manualPage(specs: readonly CommandSpec[], version: string): string {
	const lines = [
		'.\\" Made by `npm run cli-pages` from what the commands take. Do not edit.',
		`.TH CONEC 1 "" "conec ${escaped(version)}" "User Commands"`,
		// No hyphens in names, no gaps between words.
		".nh",
		".ad l",
		".SH NAME",
		"conec \\- messages and files from peer to peer through one Coordinator, over QUIC",
		".SH SYNOPSIS",
		".B conec",
		".I COMMAND",
		"[\\fIOPTION\\fR...]",
		".SH DESCRIPTION",
		escaped(ABOUT),
		".PP",
		"The value of an option is written as \\fB\\-\\-name\\fR \\fIvalue\\fR or \\fB\\-\\-name=\\fR\\fIvalue\\fR; one that begins with a dash needs the second form.",
		"What follows \\fB\\-\\-\\fR is an operand.",
		"An option that is not given has the value of its environment variable, and then that of the configuration file, where the command has one.",
		".PP",
		"\\fBconec help\\fR \\fICOMMAND\\fR shows the options of a command, \\fBconec version\\fR the version.",
		...specs.flatMap(commandSection),
		'.SH "EXIT STATUS"',
		...Object.entries(STATUSES).flatMap(([name, text]) => [".TP", `.B ${EXIT_CODES[name as keyof typeof EXIT_CODES]}`, escaped(text)]),
		".SH ENVIRONMENT",
		"Each option has a variable, which stands behind it above.",
		"One that is set and empty counts as not set. A variable of an option without a value is 1 or 0.",
		".TP",
		".B NO_COLOR",
		"If it is set and not empty, there are no colours.",
		".TP",
		".B CONEC_DEBUG",
		"If it is set and not empty, an error is shown with its stack, too.",
		".SH FILES",
		".TP",
		".I ~/.local/state/conec",
		"The state directory, where keys are kept, if neither \\fB\\-\\-state\\fR nor \\fBXDG_STATE_HOME\\fR says otherwise.",
	];
	return `${lines.join("\n")}\n`;
}

function commandSection(spec: CommandSpec): string[] {
	return [
		`.SH "CONEC ${spec.name.toUpperCase()}"`,
		`\\fBconec ${escaped(spec.name)}\\fR ${escaped(spec.usage)}${spec.usage === "" ? "" : " "}[\\fIOPTION\\fR...]`,
		".PP",
		`${escaped(spec.summary)}.`,
		...optionLines(spec, optionsOf(spec)),
		...(spec.examples.length === 0 ? [] : [".PP", "Examples:", ".PP", ".nf", ".RS", ...spec.examples.map(escaped), ".RE", ".fi"]),
	];
}

function optionLines(spec: CommandSpec, options: OptionSpecs): string[] {
	return Object.entries(options).flatMap(([name, option]) => {
		const variable = variableOf(spec, name, option);
		const title = optionTitle(name, undefined);
		const value = option.value === undefined ? "" : ` \\fI${escaped(option.value)}\\fR`;
		return [".TP", `\\fB${escaped(title)}\\fR${value}`, `${escaped(option.text)}.${variable === undefined ? "" : ` [\\fB${variable}\\fR]`}`];
	});
}

/** What each status says; a test holds it to `EXIT_CODES`. */
const STATUSES: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
	ok: "Everything asked for was done.",
	failed: "Something else failed.",
	usage: "The command line, the environment or the configuration file is wrong.",
	coordinator: "The Coordinator could not be reached, was not trusted, refused this Client, or was lost.",
	peer: "The peer is unknown, is busy, is gone, or refused.",
	incomplete: "A transfer is incomplete, or a broadcast was read too slowly.",
	hangup: "Ended by SIGHUP.",
	interrupted: "Ended by Ctrl-C.",
	brokenPipe: "Nobody reads standard output any more, and it was the purpose of the command.",
	terminated: "Ended by SIGTERM.",
};

/** Text as it is: a backslash, a dash that is typed, and a line that would be taken for a request. */
function escaped(text: string): string {
	return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
