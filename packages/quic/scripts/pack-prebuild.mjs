// Makes the directory of one platform package: `node pack-prebuild.mjs --target linux-x64-musl --binary path/to/libconec_quic.so [--out folder]`.

import { copyFileSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { PREBUILT, packageName } = createRequire(import.meta.url)("../native/target.cjs");

const PACKAGE = join(import.meta.dirname, "..");

/**
 * @param {{ target: string, binary: string, out?: string, repository?: string | undefined }} options
 *   `repository`: "owner/name" on GitHub; npm compares it with the provenance of the build
 * @returns {string} the directory to `npm publish`
 */
export function packPrebuild(options) {
	const platform = PREBUILT[options.target];
	if (platform === undefined) throw new RangeError(`Unknown target "${options.target}", expected one of ${Object.keys(PREBUILT).join(", ")}`);
	const parent = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
	const directory = join(options.out ?? join(PACKAGE, "npm"), options.target);
	rmSync(directory, { recursive: true, force: true });
	mkdirSync(directory, { recursive: true });
	const manifest = {
		name: packageName(options.target),
		version: parent.version,
		description: `The native addon of @conec/quic for ${options.target}`,
		license: parent.license,
		os: [platform.os],
		cpu: [platform.cpu],
		...(platform.libc === undefined ? {} : { libc: [platform.libc] }),
		engines: parent.engines,
		main: "conec-quic.node",
		files: ["conec-quic.node"],
		...(options.repository === undefined ? {} : { repository: { type: "git", url: `git+https://github.com/${options.repository}.git` } }),
		publishConfig: parent.publishConfig,
	};
	writeFileSync(join(directory, "package.json"), `${JSON.stringify(manifest, null, "\t")}\n`);
	writeFileSync(
		join(directory, "README.md"),
		`# ${manifest.name}\n\nThe prebuilt native addon of [@conec/quic](https://www.npmjs.com/package/@conec/quic) for ${options.target}. Do not install it directly.\n`,
	);
	copyFileSync(join(PACKAGE, "LICENSE"), join(directory, "LICENSE"));
	copyFileSync(options.binary, join(directory, "conec-quic.node"));
	return directory;
}

/**
 * Prepares a package manifest for publishing: names the platform packages at its own exact version (they cannot be in the repository, since
 * `npm ci` would have to find them in the registry before they exist) and the repository that npm checks provenance against.
 *
 * @param {Record<string, unknown>} manifest @param {{ prebuilt: boolean, repository?: string | undefined }} options
 */
export function releaseManifest(manifest, options) {
	const names = Object.keys(PREBUILT).map((target) => [packageName(target), manifest.version]);
	return {
		...manifest,
		...(options.repository === undefined ? {} : { repository: { type: "git", url: `git+https://github.com/${options.repository}.git` } }),
		...(options.prebuilt ? { optionalDependencies: Object.fromEntries(names) } : {}),
	};
}

function run() {
	const { values } = parseArgs({ options: { target: { type: "string" }, binary: { type: "string" }, out: { type: "string" }, release: { type: "string" } } });
	const repository = process.env.GITHUB_REPOSITORY;
	if (values.release !== undefined) {
		const file = join(values.release, "package.json");
		const manifest = JSON.parse(readFileSync(file, "utf8"));
		writeFileSync(file, `${JSON.stringify(releaseManifest(manifest, { prebuilt: manifest.name === "@conec/quic", repository }), null, "\t")}\n`);
		return;
	}
	if (values.target === undefined || values.binary === undefined) throw new TypeError("--target and --binary are needed (or --release FOLDER)");
	console.log(packPrebuild({ target: values.target, binary: values.binary, repository, ...(values.out === undefined ? {} : { out: values.out }) }));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) run();
