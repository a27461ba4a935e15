import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
// @ts-expect-error a script without types
import { globFiles } from "../../scripts/files.mjs";
import { PAGES, ROOT, textOf } from "./pages.ts";

/** Everything that can print a message. */
const sources: string = (globFiles(["packages/conec/src", "packages/quic/src", "packages/quic/native/src"], /(?<!\.test)\.(ts|rs)$/) as string[])
	.map(textOf)
	.join("\n");

/** The fixed parts of a quoted message. */
function parts(message: string): string[] {
	return message
		.split("…")
		.map((part) => part.replace(/^["\s:;,]+|["\s:;,]+$/g, ""))
		.filter((part) => part.length > 2);
}

test("troubleshooting: each message that it quotes is one that the sources can print", () => {
	const quoted = [...textOf("docs/troubleshooting.md").matchAll(/^### `(.+)`$/gm)].map((match) => match[1] as string);
	assert.ok(quoted.length > 20);
	const missing = quoted.flatMap((message) => {
		const fixed = parts(message);
		if (!fixed.some((part) => part.length > 8)) return [`${message}: it says too little to be found`];
		return fixed.filter((part) => !pieces(part).every((piece) => sources.includes(piece))).map((part) => `${message}: no source has "${part}"`);
	});
	assert.deepEqual(missing, []);
});

/** A message may be put together: of what the library says, and what it says about it after a colon. */
function pieces(part: string): string[] {
	return sources.includes(part) ? [part] : part.split(": ");
}

test("troubleshooting: a message that nothing prints is found", () => {
	for (const message of ["peer is not there", "Cannot reach …: no reply over UDP"])
		assert.ok(!parts(message).every((part) => pieces(part).every((piece) => sources.includes(piece))));
});

test("troubleshooting: each option and command that it names exists", () => {
	const commands = textOf("docs/cli.md");
	for (const [, option] of textOf("docs/troubleshooting.md").matchAll(/`[^`\n]*?(--[a-z][a-z-]+)[^`\n]*`/g)) {
		if (option === "--ignore-scripts") continue; // of npm
		assert.ok(commands.includes(option as string), option);
	}
});

test("from the Rust crate: every name that it gives for here exists", () => {
	const reference = ["docs/api/conec.md", "docs/api/conec-testing.md", "docs/cli.md", "docs/security.md"].map(textOf).join("\n");
	const rows = [...textOf("docs/from-rust.md").matchAll(/^\| .* \|$/gm)].map(([row]) => row.slice(2, -2).split(" | "));
	let seen = 0;
	for (const [, here = ""] of rows)
		for (const [, code = ""] of here.matchAll(/`([^`]+)`/g))
			for (const name of code.match(/[A-Za-z_]\w{2,}/g) ?? []) {
				seen++;
				assert.match(reference, new RegExp(`\\b${name}\\b`), `${name} of: ${code}`);
			}
	assert.ok(seen > 80);
});

test("production: its figures are those of the limits and of the benchmark", () => {
	const [page, limits, results] = [textOf("docs/production.md"), textOf("docs/limits.md"), textOf("bench/results.md")];
	const limit = (name: string): number => Number(new RegExp(`^\\| \`${name}\` \\| (\\d+)`, "m").exec(limits)?.[1]);
	for (const [here, there] of [
		["connected and idle | about 60 KiB", "An idle Client** costs a Coordinator about 60 KiB"],
		["that is idle | about 8 KiB", "While it is idle, it costs about 8 KiB there"],
		["about 600 bytes", "cost a Coordinator about 600 bytes each"],
	] as const) {
		assert.ok(page.includes(here), here);
		assert.ok(limits.includes(there), there);
	}
	assert.ok(page.includes(`at most ${limit("broadcastHeldBytes") / 1_048_576} MiB (\`limits.broadcastHeldBytes\`)`));
	assert.ok(page.includes(`at most ${limit("quicStreamWindowBytes") / 1_024} KiB for each direction (\`limits.quicStreamWindowBytes\`)`));
	assert.ok(page.includes(`\`limits.clients\` (${limit("clients").toLocaleString("en")})`));
	const measured = (name: string): number => Number(new RegExp(`^\\| \`${name}\`:[^|]*\\| ([\\d.]+)`, "m").exec(results)?.[1]);
	assert.ok(Math.abs(measured("proxy-bulk-64k") / 290 - 1) < 0.15 && page.includes("about 290 MB/s"));
	assert.ok(Math.abs(measured("broadcast-1-100-100") - 1) < 0.2 && page.includes("about 1,000,000 deliveries"));
});

test("compared: what it says of the benchmark is what the benchmark says", () => {
	const ratio = Number(/`broadcast-1-100-100`.*nats-1-100-100 \| ([\d.]+)/.exec(textOf("bench/results.md"))?.[1]);
	assert.ok(Math.abs(ratio - 1.3) < 0.1);
	assert.ok(textOf("docs/compared.md").includes("about 1.3 times as many deliveries"));
});

test("readme: it leads to every page", () => {
	const readme = textOf("README.md");
	for (const page of PAGES) {
		if (page === "README.md" || /^docs\/api\/(?!README)|^packages\/conec\//.test(page)) continue;
		assert.ok(readme.includes(`(${page})`), page);
	}
});

test("readme: its excerpt is from an example, which is run", () => {
	const [, ...excerpts] = [...textOf("README.md").matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] as string);
	assert.ok(excerpts.length > 0);
	const examples = readdirSync(join(ROOT, "examples")).map((name) => textOf(`examples/${name}`));
	for (const excerpt of excerpts) {
		const paragraphs = excerpt.trim().split("\n\n");
		assert.ok(
			examples.some((example) => paragraphs.every((part) => example.includes(`\n${part}\n`))),
			`in no example as it stands: ${excerpt}`,
		);
	}
});

test("readme: its picture says in words what it shows, and has colours for dark pages", () => {
	const picture = textOf("docs/picture.svg");
	assert.match(textOf("README.md"), /!\[[^\]]{40,}\]\(docs\/picture\.svg\)/);
	assert.match(picture, /<title id="title">.+<\/title>\n\s*<desc id="description">.+<\/desc>/);
	assert.match(picture, /@media \(prefers-color-scheme: dark\)/);
	assert.ok(picture.length < 4_096);
	// Every kind of thing in it has a colour in both.
	const [light = "", dark = ""] = picture.split("@media");
	for (const [, name] of picture.matchAll(/class="(\w+)"/g)) for (const rules of [light, dark]) assert.ok(rules.includes(`.${name} {`), name);
});
