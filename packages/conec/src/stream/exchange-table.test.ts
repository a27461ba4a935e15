import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, type RecordedExchange, recordedExchange } from "../../testing/exchange/recorded.ts";
import { ConecError } from "../errors.ts";
import { APPLICATION_CODE_BASE, errorCodeOfReset, RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import type { CloseInfo } from "./close-info.ts";
import type { Exchange } from "./exchange.ts";

const ONE = new Uint8Array(1);
const APPLICATION = APPLICATION_CODE_BASE + 9;

/** Everything that a machine can be told. */
const EVENTS: Readonly<Record<string, (exchange: Exchange) => void>> = {
	// Frames.
	DATA: (exchange) => exchange.frame(FRAME.DATA, ONE),
	OPEN: (exchange) => exchange.frame(FRAME.OPEN, ONE),
	ACCEPT: (exchange) => exchange.frame(FRAME.ACCEPT, ONE),
	REJECT: (exchange) => exchange.frame(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" })),
	"REJECT garbage": (exchange) => exchange.frame(FRAME.REJECT, ONE),
	CONTROL: (exchange) => exchange.frame(FRAME.CONTROL, ONE),
	TAGGED: (exchange) => exchange.frame(FRAME.TAGGED, ONE),
	END: (exchange) => exchange.frame(FRAME.END, ONE),
	END_ACK: (exchange) => exchange.frame(FRAME.END_ACK, ONE),
	"kind 0x7f": (exchange) => exchange.frame(0x7f, ONE),
	"kind 0x80": (exchange) => exchange.frame(0x80, ONE),
	// What the transport tells otherwise.
	FIN: (exchange) => exchange.end(),
	"reset APPLICATION": (exchange) => exchange.reset(APPLICATION),
	"reset CANCELLED": (exchange) => exchange.reset(RESET_CODES.CANCELLED),
	"reset PEER_LOST": (exchange) => exchange.reset(RESET_CODES.PEER_LOST),
	"stopped APPLICATION": (exchange) => exchange.stopped(APPLICATION),
	"stopped PEER_LOST": (exchange) => exchange.stopped(RESET_CODES.PEER_LOST),
	"FIN acknowledged": (exchange) => exchange.finished(),
	drained: (exchange) => exchange.drained(),
	lost: (exchange) => exchange.lost(new ConecError("CONNECTION_LOST", "gone")),
	// What the application does.
	send: (exchange) => void exchange.write(ONE),
	consume: (exchange) => exchange.consumed(ONE),
	close: (exchange) => exchange.close(0),
	"close while one waits": (exchange) => exchange.close(1),
	emptied: (exchange) => exchange.emptied(),
	resetLocally: (exchange) => exchange.resetLocally(9),
	stopLocally: (exchange) => exchange.stopLocally(9, 0),
	"stopLocally while one waits": (exchange) => exchange.stopLocally(9, 1),
	destroy: (exchange) => exchange.destroy(new ConecError("CLIENT_CLOSED", "closed"), RESET_CODES.CLIENT_CLOSED),
	// Time.
	"woken early": (exchange) => exchange.expired(ANSWER_MS - 1),
	"woken in time": (exchange) => exchange.expired(ANSWER_MS),
};

/** `answer receiving sending`, or `over`. An answer that was overtaken by a stop that ends the whole stream is `doomed`. */
function stateOf({ answer, receiving, sending, over }: Exchange): string {
	if (over) return "over";
	const doomed = answer.type === "overtaken" && errorCodeOfReset(answer.stopCode) !== undefined;
	return `${doomed ? "doomed" : answer.type} ${receiving} ${sending}`;
}

/**
 * A line of the table. `states` are `over`, `* * *` for all that are not, or `*` for both; parts may be lists with `|`.
 * `next` is the state after it, with `=` for what stays. These words in `does` stand for several actions:
 *
 * - `fail CODE`: sends fail, and `close` does.
 * - `end CODE`: whatever is not over ends with the error: the opening, reading, sends and `close`.
 * - `break CODE WIRE`: the same, and the peer is told by reset and stop with the code WIRE.
 * - `done`: FIN goes if it may go now, and the stream is over if this was the last of it.
 */
interface Line {
	readonly states: string;
	readonly on: string;
	readonly does: string;
	readonly next?: string;
}

const UNANSWERED = "awaited|overtaken|doomed";
const ODD = "OPEN|ACCEPT|REJECT|REJECT garbage|CONTROL|TAGGED|kind 0x7f";
const INVALID = "credit, break FRAME_INVALID FRAME_INVALID";

const TABLE: readonly Line[] = [
	// In every state.
	{ states: "*", on: "consume", does: "credit" },
	{ states: "*", on: "drained", does: "room" },
	{ states: "*", on: "kind 0x80", does: "credit" },

	// Once it is over. Credit still goes back, and the application may still drop what waits.
	{ states: "over", on: `DATA|END|END_ACK|${ODD}`, does: "credit" },
	{ states: "over", on: "FIN|reset APPLICATION|reset CANCELLED|reset PEER_LOST|stopped APPLICATION|stopped PEER_LOST|FIN acknowledged|lost", does: "" },
	{ states: "over", on: "send|close|close while one waits|emptied|resetLocally|stopLocally|destroy|woken early|woken in time", does: "" },
	{ states: "over", on: "stopLocally while one waits", does: "drop for STREAM_CLOSED" },

	// What ends the whole stream.
	{ states: "* * *", on: "lost", does: "end PEER_LOST" },
	{ states: "* * *", on: "destroy", does: "break CLIENT_CLOSED CLIENT_CLOSED" },
	{ states: "* * *", on: "reset PEER_LOST", does: "break PEER_LOST CANCELLED" },
	{ states: "settled * *", on: "stopped PEER_LOST", does: "break PEER_LOST CANCELLED" },

	// The answer, at the opener.
	{ states: "awaited * *", on: "ACCEPT", does: "credit, forget time, opened", next: "settled = =" },
	{ states: "overtaken * open|ending", on: "ACCEPT", does: "credit, forget time, opened, fail STREAM_STOPPED, done", next: "settled = failed" },
	{ states: "overtaken * ended|finished", on: "ACCEPT", does: "credit, forget time, opened, fail STREAM_STOPPED, done", next: "settled = abandoned" },
	{ states: "overtaken * failed|abandoned", on: "ACCEPT", does: "credit, forget time, opened", next: "settled = =" },
	{ states: "doomed * *", on: "ACCEPT", does: "credit, forget time, opened, break PEER_LOST CANCELLED" },
	{ states: `${UNANSWERED} * *`, on: "REJECT", does: "credit, break PEER_BUSY REJECTED" },
	{ states: `${UNANSWERED} * *`, on: "REJECT garbage", does: "credit, break PROTOCOL_ERROR REJECTED" },
	{ states: `${UNANSWERED} * *`, on: "DATA|OPEN|CONTROL|TAGGED|END|END_ACK|kind 0x7f", does: INVALID },
	{ states: `${UNANSWERED} * *`, on: "reset APPLICATION|reset CANCELLED", does: "break STREAM_RESET CANCELLED" },
	{ states: `${UNANSWERED} * *`, on: "stopped APPLICATION", does: "", next: "overtaken = =" },
	{ states: `${UNANSWERED} * *`, on: "stopped PEER_LOST", does: "", next: "doomed = =" },
	{ states: `${UNANSWERED} * *`, on: "woken early", does: "wake at 1000" },
	{ states: `${UNANSWERED} * *`, on: "woken in time", does: "break PEER_TIMEOUT CANCELLED" },
	{ states: "settled * *", on: "woken early|woken in time", does: "" },

	// Receiving.
	{ states: "settled open *", on: "DATA", does: "deliver" },
	{ states: "settled open *", on: "END", does: "credit, write END_ACK, read end, done", next: "= ended =" },
	{ states: "settled open|ended|finished|cut *", on: ODD, does: INVALID },
	{ states: "settled ended|finished|cut *", on: "DATA|END", does: INVALID },
	{ states: "settled failed|stopped *", on: `DATA|END|${ODD}`, does: "credit" },
	{ states: "* open *", on: "FIN", does: "break STREAM_TRUNCATED STREAM_TRUNCATED" },
	{ states: "* ended open|ending|finished", on: "FIN", does: "", next: "= finished =" },
	{ states: "* ended delivered", on: "FIN", does: "fail STREAM_TRUNCATED, done", next: "= finished abandoned" },
	{ states: "* finished|cut|failed|stopped *", on: "FIN", does: "" },
	{ states: "settled open *", on: "reset APPLICATION|reset CANCELLED", does: "read STREAM_RESET, done", next: "= failed =" },
	{ states: "settled ended|finished open|ending|finished", on: "reset APPLICATION|reset CANCELLED", does: "", next: "= cut =" },
	{ states: "settled ended delivered", on: "reset APPLICATION|reset CANCELLED", does: "acknowledged, done", next: "= cut done" },
	{ states: "settled cut|failed|stopped *", on: "reset APPLICATION|reset CANCELLED", does: "" },
	{ states: "* open *", on: "stopLocally|stopLocally while one waits", does: "stop APPLICATION, drop for STREAM_CLOSED, done", next: "= stopped =" },
	{ states: "* ended|finished|cut|failed|stopped *", on: "stopLocally", does: "" },
	{ states: "* ended|finished|cut|failed|stopped *", on: "stopLocally while one waits", does: "drop for STREAM_CLOSED" },

	// Sending.
	{ states: "* * open|ending", on: "send", does: "write DATA" },
	{ states: "* * ended|finished|delivered|acknowledged|failed|abandoned", on: "send", does: "" },
	{ states: "* * open", on: "close", does: "take no more, write END, done", next: "= = ended" },
	{ states: "* * open", on: "close while one waits", does: "take no more", next: "= = ending" },
	{ states: "* * ending|ended|finished|delivered|acknowledged|failed|abandoned", on: "close|close while one waits", does: "" },
	{ states: "* * ending", on: "emptied", does: "write END, done", next: "= = ended" },
	{ states: "* * open|ended|finished|delivered|acknowledged|failed|abandoned", on: "emptied", does: "" },
	{ states: "* * open|ending", on: "resetLocally", does: "reset APPLICATION, fail STREAM_CLOSED, done", next: "= = failed" },
	{ states: "* * ended|finished|delivered", on: "resetLocally", does: "reset APPLICATION, fail STREAM_CLOSED, done", next: "= = abandoned" },
	{ states: "* * acknowledged|failed|abandoned", on: "resetLocally", does: "" },
	{ states: "settled * open|ending", on: "stopped APPLICATION", does: "fail STREAM_STOPPED, done", next: "= = failed" },
	{ states: "settled * ended|finished|delivered", on: "stopped APPLICATION", does: "fail STREAM_STOPPED, done", next: "= = abandoned" },
	{ states: "settled * acknowledged|failed|abandoned", on: "stopped APPLICATION", does: "" },
	{ states: "settled open ended", on: "END_ACK", does: "credit, acknowledged", next: "= = acknowledged" },
	{ states: "settled open abandoned", on: "END_ACK", does: "credit", next: "= = failed" },
	{ states: "settled * finished|delivered", on: "END_ACK", does: "credit, acknowledged, done", next: "= = done" },
	{ states: "settled open|ended|finished|cut open|ending|acknowledged|failed", on: "END_ACK", does: INVALID },
	{ states: "settled failed|stopped open|ending", on: "END_ACK", does: "credit" },
	{ states: "* ended finished", on: "FIN acknowledged", does: "", next: "= = delivered" },
	{ states: "* finished finished", on: "FIN acknowledged", does: "fail STREAM_TRUNCATED, done", next: "= = abandoned" },
	{ states: "* cut|failed|stopped finished", on: "FIN acknowledged", does: "acknowledged, done", next: "= = done" },
	{ states: "* * open|ending|ended|delivered|acknowledged|failed|abandoned", on: "FIN acknowledged", does: "" },
];

interface Way {
	readonly role: "opener" | "acceptor";
	readonly path: readonly string[];
}

/** Every state that can be reached, with a shortest way to it. */
const REACHED: ReadonlyMap<string, Way> = (() => {
	const found = new Map<string, Way>();
	const queue: Way[] = [
		{ role: "opener", path: [] },
		{ role: "acceptor", path: [] },
	];
	for (let way = queue.shift(); way !== undefined; way = queue.shift()) {
		const { role, path } = way;
		const state = stateOf(after(way).exchange);
		if (found.has(state)) continue;
		found.set(state, way);
		for (const event of Object.keys(EVENTS)) queue.push({ role, path: [...path, event] });
	}
	return found;
})();

function after({ role, path }: Way): RecordedExchange {
	const recorded = recordedExchange(role);
	for (const event of path) EVENTS[event]?.(recorded.exchange);
	recorded.log.length = 0;
	return recorded;
}

function linesFor(state: string, event: string): readonly Line[] {
	const parts = state.split(" ");
	return TABLE.filter(({ states, on }) => {
		if (!on.split("|").includes(event)) return false;
		if (states === "*") return true;
		const wanted = states.split(" ");
		return wanted.length === parts.length && wanted.every((list, index) => list === "*" || list.split("|").includes(parts[index] ?? ""));
	});
}

/** The actions of a line, one by one, and the state after them. */
function expectedOf(line: Line, before: string): { readonly log: readonly string[]; readonly state: string } {
	const log: string[] = [];
	let [answer = "", receiving = "", sending = ""] = before.split(" ");
	const moved = (was: string, now: string | undefined): string => (now === undefined || now === "=" ? was : now);
	for (const action of line.does.split(", ").filter((word) => word !== "")) {
		const [verb, code, wire] = action.split(" ");
		if (verb === "opened") answer = "settled";
		if (verb === "break") log.push(`reset ${wire}`, `stop ${wire}`);
		if (verb === "break" || verb === "end") {
			if (answer !== "settled") log.push("forget time", `refused ${code}`);
			if (receiving === "open") log.push(`read ${code}`);
			if (!["acknowledged", "failed", "abandoned"].includes(sending)) log.push(`fail sends ${code}`, `unacknowledged ${code}`);
			log.push("over");
			return { log, state: "over" };
		}
		if (verb === "fail") log.push(`fail sends ${code}`, `unacknowledged ${code}`);
		else if (verb !== "done") log.push(action);
	}
	const next = line.next?.split(" ") ?? [];
	[answer, receiving, sending] = [moved(answer, next[0]), moved(receiving, next[1]), moved(sending, next[2])];
	if (before === "over" || !line.does.endsWith("done") || receiving === "open")
		return { log, state: before === "over" ? before : `${answer} ${receiving} ${sending}` };
	if (sending === "ended" || sending === "acknowledged") {
		log.push("write FIN");
		sending = sending === "ended" ? "finished" : "done";
	}
	if (!["done", "failed", "abandoned"].includes(sending)) return { log, state: `${answer} ${receiving} ${sending}` };
	if (answer !== "settled") log.push("forget time", "refused STREAM_CLOSED");
	return { log: [...log, "over"], state: "over" };
}

test("stream exchange: the table has exactly one line for every state and event, and no line without", () => {
	const used = new Set<Line>();
	for (const state of REACHED.keys()) {
		for (const event of Object.keys(EVENTS)) {
			const lines = linesFor(state, event);
			assert.equal(lines.length, 1, `${lines.length} lines for "${event}" in "${state}"`);
			for (const line of lines) used.add(line);
		}
	}
	assert.deepEqual(
		TABLE.filter((line) => !used.has(line)),
		[],
	);
	const events = new Set(TABLE.flatMap(({ on }) => on.split("|")));
	assert.deepEqual([...events].sort(), Object.keys(EVENTS).sort());
});

test("stream exchange: every event does in every state what the table says", () => {
	for (const [state, way] of REACHED) {
		for (const [event, tell] of Object.entries(EVENTS)) {
			const [line] = linesFor(state, event);
			if (line === undefined) continue; // the test above says so
			const { exchange, log } = after(way);
			tell(exchange);
			assert.deepEqual({ log, state: stateOf(exchange) }, expectedOf(line, state), `"${event}" in "${state}" (${way.role}: ${way.path.join(", ")})`);
		}
	}
});

test("stream exchange: of what ended a stream otherwise than by END on both sides the first is told, else who sent END first", () => {
	const cases: readonly (readonly ["opener" | "acceptor", string, CloseInfo])[] = [
		["acceptor", "close, END_ACK, END", { by: "local" }],
		["acceptor", "close, END, END_ACK", { by: "local" }],
		["acceptor", "END, close, END_ACK", { by: "peer" }],
		["opener", "close, ACCEPT, END, END_ACK", { by: "local" }],
		["acceptor", "reset APPLICATION, resetLocally", { by: "peer", code: "STREAM_RESET", closeCode: 9 }],
		["acceptor", "resetLocally, reset APPLICATION", { by: "local", closeCode: 9 }],
		["acceptor", "stopped APPLICATION, stopLocally", { by: "peer", code: "STREAM_STOPPED", closeCode: 9 }],
		["acceptor", "stopLocally, stopped APPLICATION", { by: "local", closeCode: 9 }],
		["acceptor", "reset CANCELLED, close, FIN acknowledged", { by: "peer", code: "STREAM_RESET" }],
		["acceptor", "reset APPLICATION, lost", { by: "peer", code: "STREAM_RESET", closeCode: 9 }],
		["acceptor", "resetLocally, CONTROL", { by: "local", closeCode: 9 }],
		["acceptor", "reset PEER_LOST", { by: "peer", code: "PEER_LOST" }],
		["acceptor", "stopped PEER_LOST", { by: "peer", code: "PEER_LOST" }],
		["acceptor", "lost", { by: "error", code: "PEER_LOST" }],
		["acceptor", "FIN", { by: "error", code: "STREAM_TRUNCATED" }],
		["acceptor", "END, FIN, close, FIN acknowledged", { by: "error", code: "STREAM_TRUNCATED" }],
		["acceptor", "CONTROL", { by: "error", code: "FRAME_INVALID" }],
		["acceptor", "destroy", { by: "local", code: "CLIENT_CLOSED" }],
		["opener", "REJECT", { by: "peer", code: "PEER_BUSY" }],
		["opener", "woken in time", { by: "local", code: "PEER_TIMEOUT" }],
	];
	for (const [role, path, info] of cases) {
		const { ends } = after({ role, path: path.split(", ") });
		assert.deepEqual(ends, [info], `${role}: ${path}`);
	}
});

test("stream exchange: states that can be reached are those of the protocol", () => {
	const answers = new Map<string, Set<string>>();
	for (const state of REACHED.keys()) {
		const [answer = "", ...rest] = state.split(" ");
		const found = answers.get(answer) ?? new Set();
		answers.set(answer, found.add(rest.join(" ")));
	}
	const unanswered = ["open open", "open ending", "open ended", "open failed", "open abandoned", "stopped open", "stopped ending", "stopped finished"];
	for (const answer of ["awaited", "overtaken", "doomed"]) assert.deepEqual([...(answers.get(answer) ?? [])].sort(), [...unanswered].sort(), answer);
	const settled = [
		...["open", "ending", "ended", "acknowledged", "failed", "abandoned"].map((sending) => `open ${sending}`),
		...["ended", "finished", "cut", "failed", "stopped"].flatMap((receiving) => ["open", "ending", "finished"].map((sending) => `${receiving} ${sending}`)),
		"ended delivered",
	];
	assert.deepEqual([...(answers.get("settled") ?? [])].sort(), settled.sort());
	assert.equal(answers.size, 5, "and over");
});
