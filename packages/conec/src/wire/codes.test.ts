import assert from "node:assert/strict";
import { test } from "node:test";
import { CONEC_ERROR_CODES } from "../errors.ts";
import {
	APPLICATION_CODE_MAX,
	applicationCodeFromWire,
	applicationCodeToWire,
	CLOSE_CODES,
	errorCodeOfClose,
	errorCodeOfReset,
	isApplicationCode,
	REFUSED_CODES,
	REJECT_CODES,
	RESET_CODES,
	refusedCodeFromWire,
	rejectCodeFromWire,
} from "./codes.ts";

test("codes: application codes travel above ours and come back", () => {
	for (const code of [0, 1, 255, APPLICATION_CODE_MAX]) {
		assert.equal(isApplicationCode(code), true);
		assert.equal(applicationCodeFromWire(applicationCodeToWire(code)), code);
		assert.equal(errorCodeOfReset(applicationCodeToWire(code)), undefined);
	}
	assert.equal(applicationCodeToWire(0), 0x4000_0000);
	assert.equal(applicationCodeToWire(APPLICATION_CODE_MAX), 0x7fff_ffff);
	for (const code of [-1, APPLICATION_CODE_MAX + 1, 0.5, Number.NaN, "0", undefined]) {
		assert.equal(isApplicationCode(code), false);
	}
	for (const wire of [0, 0x3fff_ffff, 0x8000_0000, 2 ** 62 - 1]) {
		assert.equal(applicationCodeFromWire(wire), undefined);
	}
});

test("codes: numbers of ours are distinct, below the application's, and mean codes that exist", () => {
	for (const codes of [RESET_CODES, CLOSE_CODES]) {
		const numbers: number[] = Object.values(codes);
		assert.equal(new Set(numbers).size, numbers.length);
		assert.ok(numbers.every((number) => number >= 0 && number < 0x4000_0000));
	}
	for (const code of [
		...Object.values(RESET_CODES).map(errorCodeOfReset),
		...Object.values(CLOSE_CODES).map(errorCodeOfClose),
		...REJECT_CODES,
		...REFUSED_CODES,
	]) {
		assert.ok(code === undefined || CONEC_ERROR_CODES.includes(code));
	}
	assert.equal(errorCodeOfReset(0x3fff_ffff), undefined);
	assert.equal(errorCodeOfClose(0x3fff_ffff), undefined);
	assert.equal(errorCodeOfClose(CLOSE_CODES.NORMAL), undefined);
});

test("codes: words that are not known read as PROTOCOL_ERROR", () => {
	assert.equal(rejectCodeFromWire("PEER_BUSY"), "PEER_BUSY");
	assert.equal(rejectCodeFromWire("FROM_THE_FUTURE"), "PROTOCOL_ERROR");
	assert.equal(refusedCodeFromWire("ID_TAKEN"), "ID_TAKEN");
	assert.equal(refusedCodeFromWire("constructor"), "PROTOCOL_ERROR");
});
