/**
 * What transfers need of a file system, so that tests can give one that lies, refuses or fails.
 *
 * @module
 */

import type { BigIntStats } from "node:fs";
import { chmod, type FileHandle, link, lstat, mkdir, open, readdir, readFile, realpath, rename, stat, statfs, unlink } from "node:fs/promises";
import type { Clock, Surroundings } from "../../surroundings/index.ts";

/** What `stat` says. The size is a claim: some file systems say 0, too little or too much. */
export type FileFacts = Pick<
	BigIntStats,
	| "dev"
	| "ino"
	| "size"
	| "mode"
	| "mtimeNs"
	| "ctimeNs"
	| "uid"
	| "nlink"
	| "isFile"
	| "isDirectory"
	| "isSymbolicLink"
	| "isFIFO"
	| "isSocket"
	| "isCharacterDevice"
	| "isBlockDevice"
>;

/** An open file or directory. */
export interface OpenFile {
	/** Continues where the last call ended. 0 is the end. */
	read(buffer: Uint8Array, offset: number, length: number): Promise<number>;
	/** Resolves with the bytes that were written, perhaps fewer than asked for. */
	write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
	stat(): Promise<FileFacts>;
	chmod(mode: number): Promise<void>;
	/** When it was last changed, in milliseconds since 1970. It counts as read now. */
	utimes(modificationMs: number): Promise<void>;
	sync(): Promise<void>;
	/** Cuts it off, or makes it longer with zeros. */
	truncate(length: number): Promise<void>;
	close(): Promise<void>;
}

/** Kind and room of the file system that a path is on. */
export interface FileSystemRoom {
	/** Magic number of Linux; elsewhere any number. */
	readonly type: number;
	/** In all; 0 where the file system does not say. */
	readonly blocks: number;
	readonly freeBytes: number;
}

/** The calls that transfers make. All reject with system errors that have a `code`. */
export interface FileSystem {
	/** Whether the system has permission bits. Windows has not. */
	readonly hasModes: boolean;
	/** Who owns what this process makes; `undefined` where the system has no such number. */
	readonly userId: number | undefined;
	open(path: string, flags: number, mode?: number): Promise<OpenFile>;
	stat(path: string): Promise<FileFacts>;
	lstat(path: string): Promise<FileFacts>;
	/** Names as bytes, in any order: they may be no UTF-8. */
	list(path: string): Promise<readonly Buffer[]>;
	realpath(path: string): Promise<string>;
	mkdir(path: string, mode: number): Promise<void>;
	chmod(path: string, mode: number): Promise<void>;
	link(from: string, to: string): Promise<void>;
	rename(from: string, to: string): Promise<void>;
	unlink(path: string): Promise<void>;
	room(path: string): Promise<FileSystemRoom>;
	/** Eight hexadecimal digits that tell one part file from another. */
	uniqueDigits(): string;
	/** Type of the mount with that device number, such as `fuse.sshfs`; `undefined` where the system does not say. */
	mountType(dev: bigint): Promise<string | undefined>;
}

/** The real one. */
export function nodeFileSystem({ platform, clock, random, userId }: Pick<Surroundings, "platform" | "clock" | "random" | "userId">): FileSystem {
	return {
		hasModes: platform !== "win32",
		userId: userId(),
		open: async (path, flags, mode) => openFile(await open(path, flags, mode), clock),
		uniqueDigits: () => Buffer.from(random(4)).toString("hex"),
		stat: (path) => stat(path, { bigint: true }),
		lstat: (path) => lstat(path, { bigint: true }),
		list: (path) => readdir(path, { encoding: "buffer" }),
		realpath: (path) => realpath(path),
		mkdir: (path, mode) => mkdir(path, mode),
		chmod: (path, mode) => chmod(path, mode),
		link: (from, to) => link(from, to),
		rename: (from, to) => rename(from, to),
		unlink: (path) => unlink(path),
		async room(path) {
			const { type, blocks, bfree, bsize } = await statfs(path);
			return { type, blocks, freeBytes: bfree * bsize };
		},
		async mountType(dev) {
			const mounts = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
			return mountTypeIn(mounts, dev);
		},
	};
}

/** Type of the mount with that device number in the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function mountTypeIn(mountinfo: string, dev: bigint): string | undefined {
	const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
	const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
	for (const line of mountinfo.split("\n")) {
		const [fields = "", source = ""] = line.split(" - ");
		if (fields.split(" ")[2] === `${major}:${minor}`) return source.split(" ")[0];
	}
	return undefined;
}

function openFile(handle: FileHandle, clock: Clock): OpenFile {
	return {
		read: async (buffer, offset, length) => (await handle.read(buffer, offset, length, null)).bytesRead,
		write: async (buffer, offset, length, position) => (await handle.write(buffer, offset, length, position)).bytesWritten,
		stat: () => handle.stat({ bigint: true }),
		chmod: (mode) => handle.chmod(mode),
		utimes: (modificationMs) => handle.utimes(clock.date(), seconds(modificationMs)),
		sync: () => handle.sync(),
		truncate: (length) => handle.truncate(length),
		close: () => handle.close(),
	};
}

/**
 * Seconds for `utimes`, as text: Node reads a negative number as "now". Node cuts off what is finer than it counts,
 * so a little more is given where a whole millisecond would otherwise become the one before.
 */
function seconds(ms: number): string {
	return String((ms % 1_000 === 0 ? ms : ms + Math.abs(ms) * 2 ** -51) / 1_000);
}
