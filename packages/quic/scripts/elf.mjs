// Reads from a shared library of Linux what it asks of a machine: the processor, and the oldest C library that has everything it uses.

import { readFileSync } from "node:fs";

const MACHINES = { 62: "x64", 183: "arm64" };
const NEEDED = 1;
const SECTION_DYNAMIC = 6;
const SECTION_VERSIONS_NEEDED = 0x6ffffffe;

/**
 * @param {string} file
 * @returns {{ cpu: string, glibc: string | undefined, libraries: string[] }} `glibc` is undefined for a library that asks for no version of it, such as one for musl
 */
export function readElf(file) {
	const bytes = readFileSync(file);
	if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
		throw new TypeError(`${file} is no 64-bit library of Linux`);
	const sections = sectionsOf(bytes);
	const versions = sections.filter(({ type }) => type === SECTION_VERSIONS_NEEDED).flatMap((section) => versionsNeeded(bytes, section, sections));
	const glibc = versions
		.map((name) => /^GLIBC_([\d.]+)$/.exec(name)?.[1])
		.filter((version) => version !== undefined)
		.sort(compareVersions)
		.at(-1);
	const libraries = sections.filter(({ type }) => type === SECTION_DYNAMIC).flatMap((section) => librariesNeeded(bytes, section, sections));
	const machine = bytes.readUInt16LE(18);
	return { cpu: MACHINES[machine] ?? `machine ${machine}`, glibc, libraries };
}

/** Less than 0 when `a` is the older one. */
export function compareVersions(a, b) {
	const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
	for (let index = 0; index < Math.max(left.length, right.length); index++) {
		const difference = (left[index] ?? 0) - (right[index] ?? 0);
		if (difference !== 0) return difference;
	}
	return 0;
}

function sectionsOf(bytes) {
	const [at, size, count] = [Number(bytes.readBigUInt64LE(40)), bytes.readUInt16LE(58), bytes.readUInt16LE(60)];
	return Array.from({ length: count }, (_, index) => {
		const start = at + index * size;
		return {
			type: bytes.readUInt32LE(start + 4),
			offset: Number(bytes.readBigUInt64LE(start + 24)),
			size: Number(bytes.readBigUInt64LE(start + 32)),
			link: bytes.readUInt32LE(start + 40),
			info: bytes.readUInt32LE(start + 44),
		};
	});
}

/** `Elf64_Verneed` for each library, each with a chain of `Elf64_Vernaux`. */
function versionsNeeded(bytes, section, sections) {
	const names = [];
	const text = sections[section.link];
	let at = section.offset;
	for (let entry = 0; entry < section.info; entry++) {
		let inner = at + bytes.readUInt32LE(at + 8);
		for (let index = 0; index < bytes.readUInt16LE(at + 2); index++) {
			names.push(textAt(bytes, text.offset + bytes.readUInt32LE(inner + 8)));
			inner += bytes.readUInt32LE(inner + 12);
		}
		at += bytes.readUInt32LE(at + 12);
	}
	return names;
}

function librariesNeeded(bytes, section, sections) {
	const libraries = [];
	const text = sections[section.link];
	for (let at = section.offset; at < section.offset + section.size; at += 16) {
		if (Number(bytes.readBigInt64LE(at)) === NEEDED) libraries.push(textAt(bytes, text.offset + Number(bytes.readBigUInt64LE(at + 8))));
	}
	return libraries;
}

function textAt(bytes, offset) {
	return bytes.toString("latin1", offset, bytes.indexOf(0, offset));
}
