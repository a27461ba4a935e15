import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
// @ts-expect-error a script without types
import { globFiles } from "./files.mjs";
import { complaints, uses } from "./rust-rooms.ts";

const root: string = join(import.meta.dirname, "..");

/** Sources below a folder of the repository, by their paths below it. */
function sourcesIn(folder: string): Map<string, string> {
	const files = globFiles([folder], /\.rs$/) as string[];
	return new Map(files.map((file) => [file.slice(folder.length + 1), readFileSync(join(root, file), "utf8")]));
}

test("rust rooms: the crate keeps the rules", () => {
	const sources = sourcesIn("packages/quic/native/src");
	assert.ok(sources.size > 30);
	assert.deepEqual(complaints(sources), []);
});

test("rust rooms: the benchmark's reference keeps the rules", () => {
	const sources = sourcesIn("packages/quic/native/bench/raw_quinn");
	assert.ok(sources.size > 3);
	assert.deepEqual(complaints(sources), []);
});

test("rust rooms: the paths of the crate are understood", () => {
	const sources = sourcesIn("packages/quic/native/src");
	const from = (file: string): string[] => uses(file, sources.get(file) ?? "", sources);
	assert.deepEqual(from("connection/head.rs"), ["stream/mod.rs"]);
	assert.deepEqual(from("io/gate.rs"), ["lock.rs"]);
	assert.ok(from("io/driver.rs").includes("io/gate.rs"));
	assert.ok(from("io/driver.rs").includes("tls/tests.rs"));
	assert.ok(from("stream/mod.rs").includes("stream/pipe.rs"));
	assert.ok(from("system/socket.rs").includes("system/room.rs"));
});

test("rust rooms: a circle that is planted in the crate is found", () => {
	const sources = sourcesIn("packages/quic/native/src");
	const plant = (file: string, line: string): string[] => complaints(new Map([...sources, [file, `${line}\n${sources.get(file)}`]]));
	assert.match(plant("io/line.rs", "use crate::connection::Connection;")[0] ?? "", /^circle of rooms: .*\bio -> connection\b/);
	assert.match(plant("stream/writer.rs", "use super::stream::Stream;")[0] ?? "", /^circle of modules: .*stream\/writer\.rs -> stream\/stream\.rs/);
	assert.deepEqual(plant("io/line.rs", "// use crate::connection::Connection;"), []);
});

const circles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	"two rooms": { "a/mod.rs": "use crate::b::B;\n", "b/mod.rs": "use crate::a::A;\n" },
	"three rooms": { "a/x.rs": "use crate::b::B;\n", "b/mod.rs": "use crate::c;\n", "c.rs": "fn f() { crate::a::x::g(); }\n", "a/mod.rs": "" },
	"two modules of a room": { "a/x.rs": "use super::y::Y;\n", "a/y.rs": "use super::x::X;\n" },
	"a group": { "a.rs": "use crate::{lock::lock, b::{self, inner::X}};\n", "b.rs": "use crate::{a};\n" },
	"a path in the code": { "a.rs": "fn f() -> crate::b::B { todo() }\n", "b.rs": "type T = Vec<crate::a::A>;\n" },
	"a module in a file": { "a.rs": "mod inner {\n\tuse super::super::b::B;\n}\n", "b.rs": "#[cfg(test)]\nmod tests {\n\tuse crate::a::A;\n}\n" },
	"a module and its own mod.rs": { "a/mod.rs": "mod x;\npub use x::X;\n", "a/x.rs": "use super::Y;\n" },
};

for (const [name, files] of Object.entries(circles)) {
	test(`rust rooms: a circle through ${name} is found`, () => {
		assert.match(complaints(new Map(Object.entries(files))).join("; "), /circle of (rooms|modules): /);
	});
}

test("rust rooms: what is no circle is not taken for one", () => {
	const files = {
		"a/mod.rs": "mod x;\nmod y;\npub use x::X;\n",
		"a/x.rs": 'use super::y::Y;\nuse crate::b::B;\nconst NAME: &str = "crate::c::C";\nconst QUOTE: char = \'"\';\n',
		"a/y.rs": "/* crate::c::C */\nmod tests {\n\tuse super::*;\n}\n",
		"b.rs": "use std::sync::Arc; // crate::a\n",
		"c.rs": "use crate::a::X;\n",
	};
	assert.deepEqual(complaints(new Map(Object.entries(files))), []);
});

test("rust rooms: a folder too full, a file too long and a name that repeats its folder are found", () => {
	const many = new Map(Array.from({ length: 21 }, (_, index) => [`a/m${index}.rs`, ""]));
	assert.deepEqual(complaints(many), ["a has 21 files"]);
	many.delete("a/m0.rs");
	many.set("a/tests.rs", "");
	assert.deepEqual(complaints(many), []);
	assert.deepEqual(complaints(new Map([["a.rs", "\n".repeat(451)]])), ["a.rs has 451 lines"]);
	assert.deepEqual(complaints(new Map([["a.rs", "\n".repeat(450)]])), []);
	assert.deepEqual(complaints(new Map(["a/a_state.rs", "a/a.rs", "a/mod.rs"].map((file) => [file, ""]))), ["a/a_state.rs repeats the name of its folder"]);
});
