// What each program of tests costs, for `npm test -- --times`: each notes it when it ends, and all are shown at the end.

import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";

/** Names the file of the notes in the environment of the programs. */
const NOTES = "CONEC_TEST_TIMES";
/** Ticks in which Linux counts the time of processes, each second. */
const TICKS = 100;

/** Has this process note what it has cost, if it is asked to. */
export function noteTimes() {
	const path = process.env[NOTES];
	if (path === undefined) return;
	process.on("exit", () => {
		const { user, system } = process.cpuUsage();
		const note = { program: process.argv[1], own: (user + system) / 1e6, children: childrenSeconds(), wall: process.uptime() };
		appendFileSync(path, `${JSON.stringify(note)}\n`);
	});
}

/** Processor time of the processes that this one has started and that have ended; 0 where the system does not say. */
function childrenSeconds() {
	if (process.platform !== "linux") return 0;
	// After the name, which may have anything in it, `cutime` and `cstime` are the 14th and the 15th (proc(5)).
	const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ");
	return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** An environment in which programs note what they cost, in that file. */
export function notingTimes(path, environment) {
	mkdirSync(dirname(path), { recursive: true });
	rmSync(path, { force: true });
	return { ...environment, [NOTES]: path };
}

/** What the programs have noted, those that cost most first. */
export function timesTable(path) {
	const notes = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(JSON.parse) : [];
	const total = (note) => note.own + note.children;
	const seconds = (value) => value.toFixed(1).padStart(9);
	const rows = notes
		.sort((a, b) => total(b) - total(a))
		.map((note) => `${seconds(total(note))}${seconds(note.children)}${seconds(note.wall)}  ${basename(dirname(note.program))}/${basename(note.program)}`);
	const sum = notes.reduce((all, note) => all + total(note), 0);
	return ["\n      CPU  of that   wall s  program", "          children", ...rows, `${seconds(sum)} s of ${notes.length} programs`].join("\n");
}
