import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

interface Manifest {
	readonly name: string;
	readonly version: string;
}

const root: string = join(import.meta.dirname, "..", "..");
/** Where this repository has installed something, by its lock file. That is what can be had beside the given folders, so no other registry is asked. */
const installed = Object.keys((JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: object }).packages);

/** A registry on this machine that has the packages in these folders, and what they depend on. Gives its address. */
export async function startRegistry(t: TestContext, folders: readonly string[]): Promise<string> {
	const given = new Map(folders.map((folder) => [manifestOf(folder).name, folder]));
	const tarballs = new Map<string, Buffer>();
	const server = createServer((request, response) => {
		const path = decodeURIComponent(request.url ?? "/").slice(1);
		const tarball = tarballs.get(path);
		if (tarball !== undefined) {
			response.end(tarball);
			return;
		}
		void describe(path).then((packument) => {
			response.statusCode = packument === undefined ? 404 : 200;
			response.setHeader("content-type", "application/json");
			response.end(JSON.stringify(packument ?? { error: "not found" }));
		});
	});

	async function describe(name: string): Promise<object | undefined> {
		const own = given.get(name);
		const copies = own === undefined ? copiesOf(name) : [own];
		// A package of ours that was not given has not been published.
		if (copies.length === 0 || (own === undefined && name.startsWith("@conec/"))) return undefined;
		const versions: Record<string, object> = {};
		for (const folder of copies) {
			const manifest = manifestOf(folder);
			const path = `${name}/-/${manifest.version}.tgz`;
			const bytes = tarballs.get(path) ?? (await pack(folder));
			tarballs.set(path, bytes);
			const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
			versions[manifest.version] = { ...manifest, dist: { tarball: `${address}/${path}`, integrity } };
		}
		return { name, "dist-tags": { latest: Object.keys(versions)[0] }, versions };
	}

	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return address;
}

/** Each version of it that is installed. */
function copiesOf(name: string): string[] {
	const folders = installed.filter((path) => path.endsWith(`node_modules/${name}`)).map((path) => join(root, path));
	return folders.filter((folder) => existsSync(join(folder, "package.json")));
}

/** npm takes away the first folder of each path, whatever its name. */
async function pack(folder: string): Promise<Buffer> {
	const args = ["-czf", "-", "-C", dirname(folder), basename(folder)];
	return (await promisify(execFile)("tar", args, { encoding: "buffer", maxBuffer: 256 * 1_024 * 1_024 })).stdout;
}

function manifestOf(folder: string): Manifest {
	return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
