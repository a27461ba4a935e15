// Where code may live and what it may touch, as a list of rules over a tree of sources. `scripts/layers.test.ts` holds the library to it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** From the top down. A file imports its own floor and lower ones. Rooms of one floor that stand beside each other do not know each other. */
export const FLOORS = [
	["cli"],
	["index"],
	["client", "coordinator"],
	["session"],
	["stream"],
	["transport"],
	["tls"],
	["files"],
	["wire"],
	["base"],
	["limits"],
	["errors"],
];

/** Rooms that see less than their floor would let them. */
const NARROW = {
	cli: { rooms: ["index", "files"], why: "the command line uses the public API and files only" },
	files: { rooms: ["errors", "limits"], why: "files is shared by tls, coordinator and cli, and knows none of them" },
	wire: { rooms: ["base", "limits", "errors"], why: "wire is pure" },
};

/** Packages from npm and the only rooms that may use them. */
const PACKAGES = { "@conec/quic": ["transport/quic"], "@peculiar/x509": ["tls"], "reflect-metadata": ["tls"], "string-width": ["cli"] };

/** Modules of Node and the only rooms or files that may use them: what is not here runs anywhere. The command line and files are of Node alone. */
const NODE = {
	"node:crypto": [
		"base/random.ts",
		"tls",
		"session/nat-test-keys.ts",
		"client/channel/acceptance.ts",
		"client/punch/datagrams.ts",
		"coordinator/admission/lease-file.ts",
		"coordinator/begin.ts",
	],
	"node:dgram": ["session/route-sources.ts", "client/uplink/route.ts", "client/punch/probe-sockets.ts", "client/port-mapping"],
	"node:dns/promises": ["session/runtime.ts"],
	"node:fs/promises": ["client/port-mapping/gateways.ts", "tls/kept-identity.ts", "coordinator/admission/lease-file.ts"],
	"node:http": ["client/port-mapping/upnp.ts"],
	"node:net": ["tls", "client", "coordinator/options.ts"],
	"node:os": ["session/runtime.ts", "client/network", "client/uplink/route.ts", "coordinator/addresses/own-sockets.ts"],
	"node:path": ["tls/kept-identity.ts", "coordinator/admission"],
	"node:process": ["session/runtime.ts"],
	"node:stream": ["stream/adapters/duplex.ts"],
	"node:tls": ["tls/trust.ts"],
	"node:url": ["tls/host-name.ts"],
	"node:util": ["tls/certificate-authority.ts"],
};
const OF_NODE = ["cli", "files"];

export const MAX_FILES = 20;
export const MAX_LINES = 450;
/** What tests share, and the tests of the whole, by their places in the repository. Their files are as long as those of the library at most. */
const TEST_FOLDERS = ["packages/conec/testing", "packages/quic/test", "test"];
/** Files there that may be longer, and why. There is none at present. */
export const LONG_TEST_FILES = {};
/** The faces: what they lend and in which order, not how. */
const MAX_FACE_LINES = 250;
const FACES = ["client/client.ts", "coordinator/coordinator.ts"];

/**
 * What is wrong with a tree. Paths are relative to `src`.
 *
 * @param {Readonly<Record<string, string>>} sources by path, with `/`
 * @returns {string[]} one line each: `file: words`
 */
export function offences(sources) {
	const files = Object.keys(sources);
	const found = [];
	for (const file of files) {
		for (const target of importsOf(sources[file])) {
			const problem = importProblem(file, target);
			if (problem !== undefined) found.push(`${file}: imports ${target}: ${problem}`);
		}
		found.push(...sizeProblems(file, sources[file]).map((problem) => `${file}: ${problem}`));
	}
	for (const [folder, count] of foldersOf(files)) if (count > MAX_FILES) found.push(`${folder}: ${count} source files, more than ${MAX_FILES}`);
	const circle = circleOf(folderGraph(sources));
	if (circle !== undefined) found.push(`circle of folders: ${circle.join(" -> ")}`);
	return found;
}

/** Why `file` may not import `target` as it is written there, if it may not. */
export function importProblem(file, target) {
	const room = roomOf(file);
	const test = isTest(file);
	if (!target.startsWith(".")) return outsideProblem(file, room, target, test);
	const to = resolve(file, target);
	if (to.startsWith("../testing/")) return test ? undefined : "only tests use what is made for tests";
	if (to.startsWith("../")) return "it is outside of src";
	const other = roomOf(to);
	if (other === undefined) return "no floor is known for it";
	if (room !== other) {
		const narrow = NARROW[room];
		if (narrow !== undefined && !narrow.rooms.includes(other)) return narrow.why;
		const [own, its] = [floorOf(room), floorOf(other)];
		if (its < own) return `${other} is above ${room}`;
		if (its === own) return `${other} and ${room} do not know each other`;
	}
	if (test) return undefined;
	const [folder, door] = [folderOf(to), `${folderOf(to)}/index.ts`];
	if (folder.includes("/") && folder !== folderOf(file) && to !== door) return `${folder} is entered through ${door}`;
	return undefined;
}

function outsideProblem(file, room, target, test) {
	if (test) return target === "@conec/quic" && room !== "transport" ? "only transport/quic may use it" : undefined;
	if (target.startsWith("node:")) {
		if (OF_NODE.includes(room)) return undefined;
		const places = NODE[target] ?? [];
		return places.some((place) => within(file, place)) ? undefined : "its place is not on the list of those that may use it";
	}
	const name = target
		.split("/")
		.slice(0, target.startsWith("@") ? 2 : 1)
		.join("/");
	const places = PACKAGES[name];
	if (places === undefined) return "it is not on the list of packages";
	return places.some((place) => within(file, place)) ? undefined : `only ${places.join(" and ")} may use it`;
}

function sizeProblems(file, source) {
	if (isTest(file)) return [];
	const [name, folder] = [file.slice(file.lastIndexOf("/") + 1), folderOf(file)];
	const own = folder.slice(folder.lastIndexOf("/") + 1);
	const lines = source.split("\n").length - 1;
	const most = FACES.includes(file) ? MAX_FACE_LINES : MAX_LINES;
	return [
		...(own !== "" && name.startsWith(`${own}-`) ? [`repeats the name of its folder`] : []),
		...(lines > most ? [`${lines} lines, more than ${most}`] : []),
	];
}

/**
 * Files of {@link TEST_FOLDERS} that are too long, and exceptions that are none. Tests beside their sources are not meant: they are as long as
 * what they test makes them.
 *
 * @param {Readonly<Record<string, string>>} sources by path in the repository, with `/`
 * @param {Readonly<Record<string, string>>} exceptions why a file may be longer, by path
 * @returns {string[]} one line each: `file: words`
 */
export function longTestFiles(sources, exceptions = LONG_TEST_FILES) {
	const linesOf = (file) => sources[file].split("\n").length - 1;
	const long = Object.keys(sources).filter((file) => linesOf(file) > MAX_LINES);
	return [
		...long.filter((file) => (exceptions[file] ?? "") === "").map((file) => `${file}: ${linesOf(file)} lines, more than ${MAX_LINES}`),
		...Object.keys(exceptions).flatMap((file) => (long.includes(file) ? [] : [`${file}: it is no longer longer than ${MAX_LINES} lines`])),
	];
}

/** Every specifier: static and dynamic imports, types, and re-exports. */
export function importsOf(source) {
	const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
	return [...code.matchAll(/\bfrom\s+"([^"\n]+)"|\bimport\s*\(?\s*"([^"\n]+)"/g)].map((match) => match[1] ?? match[2]);
}

/** Folder by folder, which others its sources import. The files directly in `src` stand for themselves. */
function folderGraph(sources) {
	const graph = new Map();
	for (const [file, source] of Object.entries(sources)) {
		if (isTest(file)) continue;
		const from = folderOf(file) || file;
		for (const target of importsOf(source)) {
			if (!target.startsWith(".")) continue;
			const to = resolve(file, target);
			const other = folderOf(to) || to;
			if (other !== from) graph.set(from, (graph.get(from) ?? new Set()).add(other));
		}
	}
	return graph;
}

/** Some circle of the graph, its first once more at the end. */
export function circleOf(graph) {
	const done = new Set();
	const visit = (at, path) => {
		if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
		if (done.has(at)) return undefined;
		for (const next of graph.get(at) ?? []) {
			const circle = visit(next, [...path, at]);
			if (circle !== undefined) return circle;
		}
		done.add(at);
		return undefined;
	};
	for (const at of graph.keys()) {
		const circle = visit(at, []);
		if (circle !== undefined) return circle;
	}
	return undefined;
}

function foldersOf(files) {
	const counts = new Map();
	for (const file of files) if (!isTest(file)) counts.set(folderOf(file), (counts.get(folderOf(file)) ?? 0) + 1);
	return counts;
}

function isTest(file) {
	return file.endsWith(".test.ts");
}

function within(file, place) {
	return file === place || file.startsWith(`${place}/`);
}

function folderOf(file) {
	return file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : "";
}

/** The first folder, or for a file in `src` its name, that of its test too. */
function roomOf(file) {
	const [first] = file.split("/");
	const room = first.endsWith(".ts") ? first.replace(/(\.test)?\.ts$/, "") : first;
	return floorOf(room) === -1 ? undefined : room;
}

function floorOf(room) {
	return FLOORS.findIndex((floor) => floor.includes(room));
}

function resolve(file, target) {
	const path = folderOf(file) === "" ? [] : folderOf(file).split("/");
	let up = 0;
	for (const part of target.split("/")) {
		if (part === "..") path.length > 0 ? path.pop() : up++;
		else if (part !== ".") path.push(part);
	}
	return [...Array(up).fill(".."), ...path].join("/");
}

/** The files that {@link longTestFiles} looks at, as they are. */
export function testSources(root) {
	const files = TEST_FOLDERS.flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)));
	return Object.fromEntries(files.filter((file) => file.endsWith(".ts")).map((file) => [file.replaceAll("\\", "/"), readFileSync(join(root, file), "utf8")]));
}

/** The library as it is. */
export function librarySources(root) {
	const src = join(root, "packages/conec/src");
	const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
	return Object.fromEntries(files.map((file) => [file.replaceAll("\\", "/"), readFileSync(join(src, file), "utf8")]));
}
