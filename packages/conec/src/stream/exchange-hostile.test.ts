import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, recordedExchange } from "../../testing/exchange/recorded.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { ConecError } from "../errors.ts";
import { APPLICATION_CODE_BASE, RESET_CODES } from "../wire/codes.ts";
import { FRAME, SKIPPED_KIND_MIN } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import type { Exchange } from "./exchange.ts";

const SEEDS = 6_000;

type Act = (exchange: Exchange, random: Random) => void;

/** What a peer can do, in any order and as often as it likes. A transport would let only some of it through. */
const BY_PEER: readonly Act[] = [
	(exchange, random) => exchange.frame(below(random, 256), random.bytes(below(random, 40))),
	(exchange, random) => exchange.frame(below(random, 9), random.bytes(below(random, 40))),
	(exchange, random) => exchange.frame(FRAME.DATA, random.bytes(below(random, 40))),
	(exchange) => exchange.frame(FRAME.ACCEPT, new Uint8Array(0)),
	(exchange) => exchange.frame(FRAME.END, new Uint8Array(0)),
	(exchange) => exchange.frame(FRAME.END_ACK, new Uint8Array(0)),
	(exchange, random) => exchange.frame(FRAME.REJECT, damaged(encodeReject({ code: "PEER_BUSY", message: "no" }), random)),
	(exchange) => exchange.end(),
	(exchange, random) => exchange.reset(codeFrom(random)),
	(exchange, random) => exchange.stopped(codeFrom(random)),
	(exchange) => exchange.finished(),
	(exchange) => exchange.drained(),
	(exchange, random) => exchange.lost(new ConecError(random.fraction() < 0.5 ? "CONNECTION_LOST" : "MESSAGE_TOO_LONG", "gone")),
];

/** What happens here meanwhile. */
const HERE: readonly Act[] = [
	(exchange) => exchange.close(0),
	(exchange) => exchange.close(1),
	(exchange) => exchange.emptied(),
	(exchange) => void exchange.write(new Uint8Array(3)),
	(exchange, random) => exchange.resetLocally(below(random, 9)),
	(exchange, random) => exchange.stopLocally(below(random, 9), below(random, 2)),
	(exchange) => exchange.destroy(new ConecError("CLIENT_CLOSED", "closed"), RESET_CODES.CLIENT_CLOSED),
	(exchange, random) => exchange.expired(below(random, 2 * ANSWER_MS)),
];

function below(random: Random, bound: number): number {
	return Math.floor(random.fraction() * bound);
}

function codeFrom(random: Random): number {
	const dice = random.fraction();
	return dice < 0.5 ? below(random, 0x10) : dice < 0.8 ? APPLICATION_CODE_BASE + below(random, 2 ** 30) : below(random, 2 ** 32) * 2 ** 20;
}

function damaged(bytes: Uint8Array, random: Random): Uint8Array {
	const copy = bytes.slice(0, random.fraction() < 0.3 ? below(random, bytes.length) : bytes.length);
	if (random.fraction() < 0.5 && copy.length > 0) copy[below(random, copy.length)] = below(random, 256);
	return copy;
}

test("stream exchange: whatever a peer does, nothing is thrown, each end is told once, and nothing follows it", () => {
	let ended = 0;
	for (let seed = 1; seed <= SEEDS; seed++) {
		const random = seededRandom(seed);
		const role = random.fraction() < 0.5 ? "opener" : "acceptor";
		const { exchange, log } = recordedExchange(role);
		for (let act = below(random, 40); act > 0; act--) {
			const acts = random.fraction() < 0.7 ? BY_PEER : HERE;
			acts[below(random, acts.length)]?.(exchange, random);
		}
		if (exchange.over) ended++;
		exchange.lost(new ConecError("CONNECTION_LOST", "gone"));
		check(role, exchange, log, `seed ${seed}: ${log.join(", ")}`);
	}
	assert.ok(ended > SEEDS / 2, `${ended} of ${SEEDS} ended before they were lost`);
});

function check(role: string, exchange: Exchange, log: readonly string[], message: string): void {
	const count = (start: string): number => log.filter((words) => words === start || words.startsWith(`${start} `)).length;
	assert.equal(exchange.over, true, message);
	assert.equal(exchange.answer.type, "settled", message);
	for (const once of ["opened", "refused", "acknowledged", "unacknowledged", "take no more", "write END", "write END_ACK", "write FIN", "fail sends", "read"]) {
		assert.ok(count(once) <= 1, `${once} is said ${count(once)} times: ${message}`);
	}
	assert.equal(count("over"), 1, message);
	assert.equal(count("opened") + count("refused"), role === "opener" ? 1 : 0, message);
	assert.equal(count("forget time"), role === "opener" ? 1 : 0, message);
	assert.ok(count("acknowledged") + count("unacknowledged") === 1, `sending ends well or not: ${message}`);
	const after = log.slice(log.indexOf("over") + 1);
	assert.ok(
		after.every((words) => ["credit", "room", "drop for STREAM_CLOSED"].includes(words)),
		`after the end: ${after.join(", ")}: ${message}`,
	);
	const order = ["write DATA", "write END", "write FIN"].flatMap((words) => log.flatMap((entry, index) => (entry === words ? [index] : [])));
	assert.deepEqual(
		order,
		order.toSorted((a, b) => a - b),
		`messages, END, FIN: ${message}`,
	);
	assert.equal(count("write FIN") > 0 && count("write END") === 0, false, `no FIN without END: ${message}`);
}

test("stream exchange: a frame that is not allowed ends both directions with FRAME_INVALID, and its credit goes back", () => {
	const accept = (exchange: Exchange): void => exchange.frame(FRAME.ACCEPT, new Uint8Array(0));
	for (const role of ["opener", "acceptor"] as const) {
		for (let kind = 0; kind < 256; kind++) {
			if (kind === FRAME.DATA || kind === FRAME.END) continue;
			const { exchange, log } = recordedExchange(role);
			if (role === "opener") accept(exchange);
			log.length = 0;
			exchange.frame(kind, new Uint8Array(5));
			if (kind >= SKIPPED_KIND_MIN) assert.deepEqual(log, ["credit"]);
			else {
				const expected = [
					"credit",
					"reset FRAME_INVALID",
					"stop FRAME_INVALID",
					"read FRAME_INVALID",
					"fail sends FRAME_INVALID",
					"unacknowledged FRAME_INVALID",
				];
				assert.deepEqual(log, [...expected, "over"], `kind ${kind}`);
			}
		}
	}
});

test("stream exchange: a rejection is read with care, whatever is in it", () => {
	for (let seed = 1; seed <= 2_000; seed++) {
		const random = seededRandom(seed);
		const { exchange, log } = recordedExchange("opener");
		exchange.frame(
			FRAME.REJECT,
			random.fraction() < 0.5 ? random.bytes(below(random, 200)) : damaged(encodeReject({ code: "PEER_BUSY", message: "no" }), random),
		);
		assert.deepEqual(log.slice(0, 3), ["credit", "reset REJECTED", "stop REJECTED"]);
		const refused = log.filter((words) => words.startsWith("refused "));
		assert.ok(refused[0] === "refused PROTOCOL_ERROR" || refused[0] === "refused PEER_BUSY", `seed ${seed}: ${refused}`);
	}
});
