import assert from "node:assert/strict";
import { test } from "node:test";
import { ConecError } from "../errors.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { closeInfoOf } from "./close-info-of.ts";

test("close info: says who, why, and nothing that is not known", () => {
	const lost = new ConecError("CONNECTION_LOST", "silence");
	const refused = new ConecError("CERTIFICATE_EXPIRED", "too old");
	assert.deepEqual(closeInfoOf({ by: "error", reason: "", error: lost }, "PEER_LOST"), { by: "error", code: "PEER_LOST", reason: "silence" });
	assert.deepEqual(closeInfoOf({ by: "error", reason: "", error: refused }, "PEER_LOST"), { by: "error", code: "CERTIFICATE_EXPIRED", reason: "too old" });
	assert.deepEqual(closeInfoOf({ by: "peer", closeCode: CLOSE_CODES.SUPERSEDED, reason: "newer" }, "PEER_LOST"), {
		by: "peer",
		code: "SUPERSEDED",
		reason: "newer",
	});
	assert.deepEqual(closeInfoOf({ by: "peer", closeCode: CLOSE_CODES.NORMAL, reason: "" }, "PEER_LOST"), { by: "peer" });
	assert.deepEqual(closeInfoOf({ by: "local", closeCode: CLOSE_CODES.REFUSED, reason: "" }, "PEER_LOST"), { by: "local" });
	for (const lostCode of ["PEER_LOST", "COORDINATOR_LOST"] as const) {
		const ended = closeInfoOf({ by: "peer", closeCode: CLOSE_CODES.PROCESS_ENDED, reason: "the process ended" }, lostCode);
		assert.deepEqual(ended, { by: "peer", code: lostCode, reason: "the process ended" });
	}
	assert.deepEqual(closeInfoOf({ by: "peer", closeCode: 0x1234, reason: "?" }, "PEER_LOST"), { by: "peer", code: "PEER_LOST", reason: "?" });
});
