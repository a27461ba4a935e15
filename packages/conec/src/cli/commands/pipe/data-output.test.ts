import assert from "node:assert/strict";
import { test } from "node:test";
import { CliError } from "../../outcome/cli-error.ts";
import { DataOutput, type DataStream } from "./data-output.ts";

const errorOf = (code: string): Error => Object.assign(new Error(code), { code });

const stream: DataStream = { fd: 1, write: () => assert.fail("the stream is not used for a file") };

const DATA = Buffer.from("a piece of data that is written");

for (const most of [1, 2, 7, DATA.length - 1, DATA.length, DATA.length + 1]) {
	test(`data output: all is written to a file that takes ${most} bytes at a time`, async () => {
		const taken: Buffer[] = [];
		const output = new DataOutput(stream, {
			writeFile(data, from) {
				const part = Buffer.from(data.subarray(from, from + most));
				taken.push(part);
				return part.length;
			},
		});
		await output.write(DATA);
		await output.write(new Uint8Array(0));
		assert.equal(Buffer.concat(taken).toString(), DATA.toString());
	});
}

for (const code of ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "ESTALE"]) {
	test(`data output: a file that takes half and then says ${code} is a failure`, async () => {
		const output = new DataOutput(stream, {
			writeFile(data, from) {
				if (from > 0) throw errorOf(code);
				return data.length >> 1;
			},
		});
		await assert.rejects(output.write(DATA), (error) => error instanceof CliError && error.message.includes(code));
	});

	test(`data output: a file that says ${code} when it is closed is a failure`, () => {
		const output = new DataOutput(
			{ ...stream, fd: -1 },
			{
				writeFile: (data) => data.length,
				close() {
					throw errorOf(code);
				},
			},
		);
		assert.throws(
			() => output.end(),
			(error) => error instanceof CliError && error.message.includes(code),
		);
	});
}

test("data output: a file that takes nothing and says nothing is a failure, not a wait for ever", async () => {
	await assert.rejects(new DataOutput(stream, { writeFile: () => 0 }).write(DATA), CliError);
});

test("data output: what was closed before is no failure, and a terminal is not closed", () => {
	const closed = new DataOutput(stream, {
		writeFile: undefined,
		close() {
			throw errorOf("EBADF");
		},
	});
	closed.end();
	new DataOutput({ ...stream, isTTY: true }, { writeFile: undefined, close: () => assert.fail("it was closed") }).end();
});

test("data output: what the stream says of a pipe is a failure", async () => {
	const pipe: DataStream = { write: (_data, done) => done(errorOf("EPIPE")) };
	await assert.rejects(new DataOutput(pipe, { writeFile: undefined }).write(DATA), CliError);
});
