import assert from "node:assert/strict";
import { test } from "node:test";
import { Lifetime } from "./lifetime.ts";

test("lifetime: ends its parts once, the youngest first, all with the same word", () => {
	const life = new Lifetime<string>();
	const ended: string[] = [];
	for (const part of ["socket", "link", "streams"]) life.own((how) => ended.push(`${part} ${how}`));
	assert.equal(life.over, false);
	assert.equal(life.end("closed"), true);
	assert.equal(life.end("lost"), false);
	assert.deepEqual([ended, life.over], [["streams closed", "link closed", "socket closed"], true]);
});

test("lifetime: what comes after the end, or while it ends, is ended at once with the same word", () => {
	const life = new Lifetime<string>();
	const ended: string[] = [];
	life.own(() => ended.push("first"));
	life.own((how) => life.own((same) => ended.push(`made meanwhile ${how} ${same}`)));
	life.end("closed");
	life.own((how) => ended.push(`late ${how}`));
	assert.deepEqual(ended, ["made meanwhile closed closed", "first", "late closed"]);
});

test("lifetime: a part that fails to end keeps no other from being ended", () => {
	const life = new Lifetime<string>();
	const ended: string[] = [];
	life.own(() => ended.push("first"));
	for (const words of ["one", "two"])
		life.own(() => {
			throw new RangeError(words);
		});
	life.own(() => ended.push("last"));
	assert.throws(() => life.end("closed"), { name: "RangeError", message: "two" });
	assert.deepEqual([ended, life.over, life.end("again")], [["last", "first"], true, false]);
});

test("lifetime: a part may end the whole again without being ended twice", () => {
	const life = new Lifetime<string>();
	let ended = 0;
	life.own(() => {
		ended++;
		life.end("again");
	});
	life.end("closed");
	assert.equal(ended, 1);
});
