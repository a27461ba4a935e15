/**
 * What `conec send` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";
import { CONNECTION_OPTIONS, PATH_OPTIONS, RETURN_OPTION } from "../../command-line/index.ts";

/** See `conec send --help`. */
export const sendSpec: CommandSpec = {
	name: "send",
	usage: "FILE... --to PEER | --text TEXT --to PEER",
	summary: "Send files, directories with what is below them, standard input (-) or a text to a peer that runs `conec receive`",
	operands: { least: 0, most: Number.POSITIVE_INFINITY, what: "FILE" },
	options: {
		to: { value: "PEER", text: "the peer that receives" },
		text: { value: "TEXT", text: "send this text instead of files; `conec receive` shows it" },
		name: { value: "NAME", text: "what standard input (FILE is -) is called there; default: stdin" },
		links: {
			value: "POLICY",
			text: "symbolic links below a directory: skip (default), follow or fail; a link that is named on the command line is followed",
			choices: ["skip", "follow", "fail"],
		},
		"skip-identical": { text: "do not send again what the peer has under the same name with the same content; large files are read twice" },
		resume: {
			text: "go on with files that the peer has in part, and skip what it has; when the receiver is started again, go on by itself: within 10 minutes (--give-up-after), at most 100 times",
		},
		...PATH_OPTIONS,
		...RETURN_OPTION,
		...CONNECTION_OPTIONS,
	},
	examples: [
		"conec send film.mkv notes/ --to bob --wait",
		"conec send disk.img --to bob --resume",
		"pg_dump shop | conec send - --name shop.sql --to bob",
		"conec send --text 'the door code is 4711' --to bob",
	],
};
