/**
 * Names of Unix sockets in directories of any length: the address of a socket has room for 107 bytes on Linux, 103 elsewhere.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { mkdtemp, open, rmdir, symlink, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Calls `use` with a path that names the socket and fits into an address. The path is valid only until `use` has settled. */
export async function withSocketPath<Value>(directory: string, name: string, use: (path: string) => Promise<Value>): Promise<Value> {
	const path = join(directory, name);
	if (Buffer.byteLength(path) <= (process.platform === "linux" ? 107 : 103)) return await use(path);
	return existsSync("/proc/self/fd") ? await throughDescriptor(directory, name, use) : await throughLink(directory, name, use);
}

async function throughDescriptor<Value>(directory: string, name: string, use: (path: string) => Promise<Value>): Promise<Value> {
	const handle = await open(directory, "r");
	try {
		return await use(`/proc/self/fd/${handle.fd}/${name}`);
	} finally {
		await handle.close();
	}
}

async function throughLink<Value>(directory: string, name: string, use: (path: string) => Promise<Value>): Promise<Value> {
	const made = await mkdtemp(join(tmpdir(), "conec-"));
	const link = join(made, "d");
	try {
		await symlink(directory, link);
		return await use(join(link, name));
	} finally {
		await unlink(link).catch(() => undefined);
		await rmdir(made).catch(() => undefined);
	}
}
