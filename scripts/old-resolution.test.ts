import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
// TypeScript 7 has given this resolution up. The compiler that attw brings along still has it, and so have many projects.
const attw = createRequire(createRequire(join(root, "package.json")).resolve("@arethetypeswrong/cli/package.json"));
const ts = createRequire(attw.resolve("@arethetypeswrong/core"))("typescript") as TypeScript;

interface TypeScript {
	readonly version: string;
	createProgram(files: string[], options: object): unknown;
	getPreEmitDiagnostics(program: unknown): readonly { readonly messageText: string | { readonly messageText: string } }[];
	readonly ModuleResolutionKind: { readonly Node10: number; readonly Bundler: number; readonly NodeNext: number };
	readonly ModuleKind: { readonly CommonJS: number; readonly ESNext: number; readonly NodeNext: number };
}

const SOURCE = `
import { Client, Coordinator, isConecError, type MessageStream } from "conec";
import { createTestNetwork } from "conec/testing";
import { Endpoint, isQuicError } from "@conec/quic";

export async function use(stream: MessageStream): Promise<string> {
	const coordinator: Coordinator = await Coordinator.listen({ port: 0 });
	const client: Client = await Client.connect({ id: "a", coordinator: "localhost", pin: coordinator.fingerprint });
	const network = createTestNetwork({ seed: 1 });
	const other: Client = await network.connect({ id: "b" });
	const endpoint: Endpoint = Endpoint.bind({ host: "::", port: 0 });
	endpoint.unref();
	try {
		await stream.send("x");
	} catch (error) {
		if (isConecError(error)) { const again: boolean = error.retryable; return error.code + String(again); }
		if (isQuicError(error)) return error.code;
	}
	return client.id + other.id;
}

// They are types, and not "any".
// @ts-expect-error
export const a: number = Client.connect({ id: "a", coordinator: "b" });
// @ts-expect-error
export const b: number = createTestNetwork({ seed: 1 });
// @ts-expect-error
export const c: number = Endpoint.bind({ host: "::", port: 0 });
`;

for (const [name, module, resolution] of [
	["node10", "CommonJS", "Node10"],
	["bundler", "ESNext", "Bundler"],
	["nodenext", "NodeNext", "NodeNext"],
] as const) {
	test(`types: all that the packages export is found with moduleResolution ${name}`, (t) => {
		const directory = mkdtempSync(join(tmpdir(), "conec-types-"));
		t.after(() => rmSync(directory, { recursive: true, force: true }));
		mkdirSync(join(directory, "node_modules", "@conec"), { recursive: true });
		symlinkSync(join(root, "packages", "conec"), join(directory, "node_modules", "conec"), "junction");
		symlinkSync(join(root, "packages", "quic"), join(directory, "node_modules", "@conec", "quic"), "junction");
		const file = join(directory, "use.mts");
		writeFileSync(file, SOURCE);
		const options = { module: ts.ModuleKind[module], moduleResolution: ts.ModuleResolutionKind[resolution], target: 9, strict: true, noEmit: true };
		const libraries = {
			lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
			types: ["node"],
			typeRoots: [join(root, "node_modules", "@types")],
			skipLibCheck: true,
		};
		const problems = ts.getPreEmitDiagnostics(ts.createProgram([file], { ...options, ...libraries }));
		assert.deepEqual(
			problems.map(({ messageText }) => (typeof messageText === "string" ? messageText : messageText.messageText)),
			[],
		);
	});
}
