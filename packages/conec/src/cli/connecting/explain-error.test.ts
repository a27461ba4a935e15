import assert from "node:assert/strict";
import { test } from "node:test";
import { CONEC_ERROR_CODES, ConecError } from "../../index.ts";
import { CliError, usageError } from "../outcome/cli-error.ts";
import { EXIT_CODES } from "../outcome/exit-codes.ts";
import { explainError } from "./explain-error.ts";
import { APPLICATION_CODES } from "./protocols.ts";

test("explain error: every code keeps its message and has an exit status that is not success", () => {
	for (const code of CONEC_ERROR_CODES) {
		const explained = explainError(new ConecError(code, `Cannot do it: ${code}`));
		assert.equal(explained.code, code);
		assert.equal(explained.message, `Cannot do it: ${code}`);
		assert.ok(
			([EXIT_CODES.failed, EXIT_CODES.usage, EXIT_CODES.coordinator, EXIT_CODES.peer, EXIT_CODES.incomplete] as number[]).includes(explained.exitCode),
			code,
		);
	}
});

test("explain error: families of codes have their status", () => {
	const status = (code: (typeof CONEC_ERROR_CODES)[number]): number => explainError(new ConecError(code, "x")).exitCode;
	for (const code of CONEC_ERROR_CODES) {
		if (code.startsWith("PEER_")) assert.equal(status(code), EXIT_CODES.peer, code);
		if (code.startsWith("CERTIFICATE_") && code !== "CERTIFICATE_KEY_MISMATCH") assert.equal(status(code), EXIT_CODES.coordinator, code);
		if (code.startsWith("COORDINATOR_") && code !== "COORDINATOR_CLOSED") assert.equal(status(code), EXIT_CODES.coordinator, code);
	}
});

test("explain error: a peer's application code is put in words, an unknown one is not", () => {
	const reset = (closeCode: number): string | undefined => explainError(new ConecError("STREAM_RESET", "x", { closeCode })).hint;
	assert.equal(reset(APPLICATION_CODES.busy), "The peer is busy with somebody else.");
	assert.equal(reset(12_345), undefined);
});

test("explain error: a peer that does not speak the command's protocol may run another command, or another version", () => {
	const unhandled = explainError(new ConecError("PROTOCOL_UNHANDLED", "x"));
	assert.equal(unhandled.exitCode, EXIT_CODES.peer);
	assert.match(unhandled.hint ?? "", /another conec command, another version of conec/);
	// What versions say that do not know protocols: of a stream that names none, and of one that they take for such.
	for (const closeCode of [APPLICATION_CODES.protocolError, APPLICATION_CODES.notWanted])
		assert.match(explainError(new ConecError("STREAM_RESET", "x", { closeCode })).hint ?? "", /version of conec/);
});

test("explain error: what comes from elsewhere is made printable", () => {
	assert.equal(explainError(new ConecError("PEER_LOST", "gone: \u001b[2J\nreally")).message, "gone: \\x1b[2J\\x0areally");
});

test("explain error: a command's own error keeps its status and takes hint and code from its cause", () => {
	const cause = new ConecError("PEER_LOST", "x", { closeCode: APPLICATION_CODES.cancelled });
	const explained = explainError(new CliError(EXIT_CODES.incomplete, "Cannot finish", undefined, cause));
	assert.deepEqual(explained, { exitCode: 5, message: "Cannot finish", hint: "The peer was interrupted.", code: "PEER_LOST" });
	assert.equal(explainError(usageError("wrong", "look")).exitCode, EXIT_CODES.usage);
});

test("explain error: an unexpected error is a failure and says how to see where", () => {
	assert.deepEqual(explainError(new TypeError("x is not a function")), {
		exitCode: 1,
		message: "x is not a function",
		hint: "Set CONEC_DEBUG=1 to see where.",
		code: undefined,
	});
	assert.equal(explainError("text").message, "text");
});

test("explain error: what goes wrong with broadcasts has its status and says what to change", () => {
	const refused = explainError(new ConecError("BROADCAST_REFUSED", "x"));
	assert.deepEqual([refused.exitCode, refused.hint?.includes("--block")], [EXIT_CODES.coordinator, true]);
	const lagged = explainError(new ConecError("LAGGED", "x"));
	assert.deepEqual([lagged.exitCode, lagged.hint?.includes("--buffer-bytes")], [EXIT_CODES.incomplete, true]);
	assert.equal(explainError(new ConecError("BROADCAST_UNKNOWN", "x")).exitCode, EXIT_CODES.peer);
	// The library throws it as a wrong argument.
	const invalid = explainError(Object.assign(new TypeError("x"), { code: "BROADCAST_NAME_INVALID" }));
	assert.deepEqual([invalid.exitCode, invalid.code], [EXIT_CODES.usage, "BROADCAST_NAME_INVALID"]);
	assert.equal(explainError(Object.assign(new TypeError("x"), { code: "ERR_INVALID_ARG_TYPE" })).code, undefined);
});

test("explain error: a loss is told by what is known, never by whose fault it was", () => {
	for (const code of ["PEER_LOST", "COORDINATOR_LOST", "CONNECTION_LOST", "PEER_TIMEOUT"] as const) {
		const { hint } = explainError(new ConecError(code, "x"));
		assert.match(hint ?? "", / or the network failed: there, here or between\.$/, code);
	}
});

test("explain error: where nothing could be sent to the Coordinator, no firewall is blamed", () => {
	const noWay = new ConecError("COORDINATOR_UNREACHABLE", "x", { cause: new ConecError("ADDRESS_UNAVAILABLE", "y") });
	assert.match(explainError(noWay).hint ?? "", /^Nothing was sent\./);
	assert.equal(explainError(noWay).exitCode, EXIT_CODES.coordinator);
	for (const cause of [undefined, new ConecError("COORDINATOR_UNREACHABLE", "silence"), new Error("?")]) {
		assert.match(explainError(new ConecError("COORDINATOR_UNREACHABLE", "x", { cause })).hint ?? "", /firewalls/);
	}
	assert.match(explainError(new ConecError("ADDRESS_UNAVAILABLE", "x")).hint ?? "", /--host/);
});
