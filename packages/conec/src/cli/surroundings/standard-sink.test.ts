import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ManualClock } from "../../../testing/cli-surroundings.ts";
import { NODE_FLAGS, programOf } from "../../../testing/node-flags.ts";
import { type FileWriter, StandardSink, type StandardStream } from "./standard-sink.ts";

const clock = new ManualClock();

const errorOf = (code: string): Error => Object.assign(new Error(code), { code });

/** A standard stream that fails as it is told. */
class Stream implements StandardStream {
	readonly isTTY = false;
	text = "";
	/** `undefined`: writing works. */
	errno: string | undefined;
	/** Nobody reads. */
	stalled = false;
	#listeners: ((error: Error) => void)[] = [];
	#waiting: (() => void)[] = [];

	on(_event: "error", listener: (error: Error) => void): void {
		this.#listeners.push(listener);
	}

	write(text: string, done: () => void): void {
		const { errno } = this;
		if (errno !== undefined) {
			setImmediate(() => {
				for (const listener of this.#listeners) listener(errorOf(errno));
			});
			return;
		}
		const take = (): void => {
			this.text += text;
			done();
		};
		if (this.stalled) this.#waiting.push(take);
		else setImmediate(take);
	}

	read(): void {
		this.stalled = false;
		for (const take of this.#waiting.splice(0)) take();
	}
}

/** What goes wrong with writing, and whether that means that nobody will ever read again. */
const ERRORS: readonly (readonly [errno: string, gone: boolean])[] = [
	["EPIPE", true],
	["ECONNRESET", true],
	["ENOTCONN", true],
	["EOF", true],
	["ENOSPC", false],
	["EDQUOT", false],
	["EIO", false],
	["EAGAIN", false],
	["EFBIG", false],
	["EROFS", false],
	["EBADF", false],
	["EINVAL", false],
	["ENXIO", false],
	["ENOBUFS", false],
	["ERR_STREAM_DESTROYED", false],
	["", false],
];

for (const [errno, gone] of ERRORS) {
	test(`standard sink: ${errno || "an error without a code"} on a stream is remembered, ${gone ? "and nobody reads any more" : "and what comes later is written"}`, async () => {
		const stream = new Stream();
		const sink = new StandardSink(stream, { clock, writeFile: undefined });
		let told = 0;
		sink.onGone(() => told++);
		sink.write("one\n");
		await sink.flushed();
		assert.equal(sink.failure, undefined);
		stream.errno = errno;
		sink.write("lost\n");
		sink.write("lost too\n");
		await sink.flushed();
		assert.equal(sink.failure, errno);
		stream.errno = undefined;
		sink.write("two\n");
		await sink.flushed();
		assert.equal(stream.text, gone ? "one\n" : "one\ntwo\n");
		assert.deepEqual([sink.isGone, told, sink.isBehind], [gone, gone ? 1 : 0, false]);
	});

	test(`standard sink: ${errno || "an error without a code"} of a file is remembered, ${gone ? "and nobody reads any more" : "and a line that was torn is ended before the next"}`, () => {
		let room = Number.POSITIVE_INFINITY;
		let text = "";
		const writeFile: FileWriter = (bytes, from) => {
			const written = Math.min(room, bytes.length - from, 4);
			if (written === 0) throw errorOf(errno);
			room -= written;
			text += Buffer.from(bytes.subarray(from, from + written)).toString();
			return written;
		};
		const sink = new StandardSink(new Stream(), { clock, writeFile });
		sink.write("first line\n");
		room = 3;
		sink.write("second line\n");
		sink.write("third line\n");
		room = Number.POSITIVE_INFINITY;
		sink.write("fourth line\n");
		assert.equal(sink.failure, errno);
		assert.equal(text, gone ? "first line\nsec" : "first line\nsec\nfourth line\n");
	});
}

test("standard sink: a stream that throws is one that fails", async () => {
	const sink = new StandardSink(Object.assign(new Stream(), { write: () => assert.fail(errorOf("EPIPE")) }), { clock, writeFile: undefined });
	sink.write("x");
	await sink.flushed();
	assert.deepEqual([sink.failure, sink.isGone], ["EPIPE", true]);
});

test("standard sink: a file that takes nothing and says nothing does not hold anything up", () => {
	const sink = new StandardSink(new Stream(), { clock, writeFile: () => 0 });
	sink.write("x");
	assert.equal(sink.failure, "EAGAIN");
});

test("standard sink: a reader that is slow loses what exceeds a mebibyte, and nothing waits for it", async () => {
	const stream = new Stream();
	stream.stalled = true;
	const sink = new StandardSink(stream, { clock, writeFile: undefined });
	const line = `${"x".repeat(1_023)}\n`;
	for (let count = 0; count < 3_000; count++) sink.write(line);
	assert.equal(sink.isBehind, true);
	const flushed = sink.flushed(20);
	clock.pass(20);
	await flushed;
	stream.read();
	await sink.flushed();
	assert.equal(stream.text.length, 1_048_576);
	assert.deepEqual([sink.failure, sink.isGone, sink.isBehind], ["EAGAIN", false, false]);
	sink.write("more\n");
	await sink.flushed();
	assert.ok(stream.text.endsWith("more\n"));
});

test("standard sink: where the output is the purpose nothing is left out, and who can wait does", async () => {
	const stream = new Stream();
	stream.stalled = true;
	const sink = new StandardSink(stream, { clock, writeFile: undefined });
	sink.keepAll();
	await sink.drained();
	for (let count = 0; count < 3_000; count++) sink.write("x".repeat(1_024));
	let waited = false;
	const drained = sink.drained().then(() => {
		waited = true;
	});
	await turn();
	assert.equal(waited, false);
	stream.read();
	await drained;
	assert.equal(stream.text.length, 3_000 * 1_024);
	assert.equal(sink.failure, undefined);
});

test("standard sink: whoever waits for a reader that goes away is let go", async () => {
	const stream = new Stream();
	stream.stalled = true;
	const sink = new StandardSink(stream, { clock, writeFile: undefined });
	sink.write("x".repeat(100_000));
	const waiting = Promise.all([sink.drained(), sink.flushed()]);
	stream.errno = "EPIPE";
	sink.write("y");
	await waiting;
	assert.equal(sink.isGone, true);
	let told = 0;
	sink.onGone(() => told++);
	assert.equal(told, 1, "who asks later is told at once");
});

test("standard sink: a terminal that has been stopped does not hold the process up", async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "conec-terminal-"));
	t.after(() => rm(directory, { recursive: true, force: true }));
	const said = join(directory, "said");
	const child = programOf(fileURLToPath(new URL("../../../../../test/children/terminal-writer.ts", import.meta.url)));
	const command = [process.execPath, ...NODE_FLAGS, child, said].map((word) => `'${word}'`).join(" ");
	// `script` (util-linux) gives it a terminal and stops reading that when nobody reads its own output.
	if (process.platform !== "linux" || spawnSync("script", ["-qec", "true", "/dev/null"]).status !== 0) return t.skip("needs script of util-linux");
	const terminal = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["ignore", "pipe", "inherit"] });
	const over = once(terminal, "exit");
	t.after(async () => {
		terminal.kill("SIGKILL");
		await over;
	});
	for (const end = performance.now() + 60_000; !existsSync(said); ) {
		assert.ok(performance.now() < end, "it stands still");
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	await new Promise((resolve) => setTimeout(resolve, 20));
	assert.equal(await readFile(said, "utf8"), "terminal: true, behind: true");
});

for (const [code, failure] of [
	...["EDQUOT", "ENOSPC", "EIO", "ESTALE"].map((lost) => [lost, lost] as const),
	...["EINVAL", "ENOTSUP", "EROFS"].map((cannot) => [cannot, undefined] as const),
] as const) {
	test(`standard sink: a file whose flush says ${code} at the end ${failure === undefined ? "cannot flush, and nothing is lost" : "has lost something"}`, () => {
		const sink = new StandardSink(new Stream(), {
			clock,
			writeFile: (text, from) => text.length - from,
			syncFile() {
				throw errorOf(code);
			},
		});
		sink.write("a line\n");
		assert.equal(sink.failure, undefined);
		sink.settleFile();
		assert.equal(sink.failure, failure);
	});
}
