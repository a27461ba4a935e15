/**
 * What `conec send` sends: the named files and, of named directories, everything below: directories, regular files and,
 * as `--links` says, what symbolic links lead to.
 *
 * @module
 */

import { basename, dirname, join, resolve, sep } from "node:path";
import type { FileFacts, FileSystem } from "../ground/index.ts";
import { FileProblemError, orReadProblem, PseudoFileSystems, readProblem } from "../ground/index.ts";
import { parseSafePath } from "../names/index.ts";
import { kindProblem, namedProblem, type OpenOptions, type SourceFacts, sourceFacts } from "./opened-source.ts";
import { PRIVATE_REACH, reachOf } from "./source-reach.ts";

/** What is done with symbolic links below a named directory. */
export type LinkPolicy = "skip" | "follow" | "fail";

/** A file to send. */
export interface FileSource extends OpenOptions {
	readonly type: "file";
	/** What the receiver is told. */
	readonly name: string;
}

/** A directory to make. What is in it follows, then {@link Source} `leave`. */
export interface DirectorySource {
	readonly type: "directory";
	readonly name: string;
	readonly facts: SourceFacts;
	/** Set by the consumer when the receiver does not take the directory: the rest of it is left out. */
	refused: boolean;
}

/** A link below a directory that is left out, or followed to a place outside of that directory. */
export interface LinkSource {
	readonly type: "link";
	readonly name: string;
	readonly action: "skipped" | "followed-outside";
	/** Where it leads, when followed. */
	readonly target?: string | undefined;
}

/** A step of the walk. */
export type Source =
	| FileSource
	| DirectorySource
	| { readonly type: "leave" }
	| LinkSource
	| { readonly type: "problem"; readonly name: string; readonly error: FileProblemError };

/**
 * Walks in a stable order (sorted within a directory). A link that the user named is followed; for those below a
 * directory `links` decides. Devices, pipes and sockets are problems. Never rejects for a file.
 */
export async function* walkSources(paths: readonly string[], links: LinkPolicy, files: FileSystem): AsyncGenerator<Source, void, void> {
	const walk = new Walk(links, files);
	for (const path of paths) yield* walk.named(path);
}

/** What {@link walkSources} would give, counted; holds nothing in memory. `bytes` is `undefined` where a size is not known. Rejects when aborted. */
export async function countSources(
	paths: readonly string[],
	links: LinkPolicy,
	files: FileSystem,
	signal: AbortSignal,
): Promise<{ files: number; bytes: number | undefined }> {
	let count = 0;
	let bytes: number | undefined = 0;
	for await (const source of walkSources(paths, links, files)) {
		signal.throwIfAborted();
		if (source.type !== "file") continue;
		count += 1;
		const { size } = source.claims;
		bytes = bytes === undefined || size === undefined ? undefined : bytes + size;
	}
	return { files: count, bytes };
}

/** How the walk came to where it is. Real paths are only kept where links are followed. */
interface Trail {
	/** The permission bits that what is here may be sent with, for the directories above the last of `tops`. */
	readonly reach: number;
	/** The directory that was named, and those to which links led. */
	readonly tops: readonly string[];
	/** The directories that hold the links that were followed. */
	readonly links: readonly string[];
}

class Walk {
	readonly #links: LinkPolicy;
	readonly #files: FileSystem;
	readonly #pseudo: PseudoFileSystems;
	/** Names of what the user named; they are the memory of the command line. */
	readonly #named = new Set<string>();

	constructor(links: LinkPolicy, files: FileSystem) {
		this.#links = links;
		this.#files = files;
		this.#pseudo = new PseudoFileSystems(files);
	}

	async *named(path: string): AsyncGenerator<Source, void, void> {
		let name = path;
		try {
			// Rejects where the working directory was removed.
			name = basename(resolve(path));
			const found = await this.#files.stat(path);
			if (this.#named.has(name) && (found.isDirectory() || found.isFile()))
				throw new FileProblemError("EXISTS", "something else that is sent has that name already; send it in a transfer of its own");
			this.#named.add(name);
			// Real paths show where a link leads back to, and where it leads out.
			if (found.isDirectory()) yield* this.#directory(path, name, found, await this.#trail(path));
			else if (found.isFile()) yield await this.#file(path, name, found, true, (await this.#trail(path)).reach);
			else yield problem(name, kindProblem(found));
		} catch (error) {
			yield problem(path === "" || name === "" ? path : name, namedProblem(path, error));
		}
	}

	async #trail(path: string): Promise<Trail> {
		const top = await this.#files.realpath(path).catch((error: unknown) => {
			if (this.#links === "follow") throw error;
			return undefined;
		});
		const reach = top === undefined ? PRIVATE_REACH : await reachOf(this.#files, top);
		return { reach, tops: top === undefined || this.#links !== "follow" ? [] : [top], links: [] };
	}

	async *#directory(path: string, name: string, found: FileFacts, trail: Trail): AsyncGenerator<Source, void, void> {
		const parsed = parseSafePath(name);
		if (!parsed.safe) {
			yield problem(name, new FileProblemError("NAME_UNSAFE", `${parsed.reason}; nothing below it is sent`));
			return;
		}
		let entries: readonly Buffer[];
		try {
			entries = [...(await orReadProblem("list", this.#files.list(path)))].sort(Buffer.compare);
		} catch (error) {
			yield problem(name, readProblem("list", error));
			return;
		}
		const directory: DirectorySource = { type: "directory", name, facts: sourceFacts(this.#files, found, trail.reach), refused: false };
		yield directory;
		for (const entry of entries) {
			if (directory.refused) break;
			const text = utf8(entry);
			if (text === undefined) yield problem(`${name}/${escaped(entry)}`, new FileProblemError("NAME_UNSAFE", "it is not UTF-8"));
			else yield* this.#entry(join(path, text), `${name}/${text}`, trail);
		}
		yield { type: "leave" };
	}

	async *#entry(path: string, name: string, trail: Trail): AsyncGenerator<Source, void, void> {
		try {
			const found = await orReadProblem("stat", this.#files.lstat(path));
			if (found.isDirectory()) yield* this.#directory(path, name, found, trail);
			else if (found.isFile()) yield await this.#file(path, name, found, false, trail.reach);
			else if (found.isSymbolicLink()) yield* this.#link(path, name, trail);
			else yield problem(name, kindProblem(found));
		} catch (error) {
			yield problem(name, readProblem("stat", error));
		}
	}

	async *#link(path: string, name: string, trail: Trail): AsyncGenerator<Source, void, void> {
		if (this.#links === "skip") {
			yield { type: "link", name, action: "skipped" };
			return;
		}
		if (this.#links === "fail") throw new FileProblemError("UNREADABLE", "it is a symbolic link");
		let target: string;
		let found: FileFacts;
		try {
			target = await this.#files.realpath(path);
			found = await this.#files.stat(path);
		} catch (error) {
			throw new FileProblemError("UNREADABLE", `it is a link that cannot be followed: ${readProblem("stat", error).message}`, error);
		}
		const links = [...trail.links, await orReadProblem("stat", this.#files.realpath(dirname(path)))];
		if (found.isDirectory() && links.some((place) => isWithin(place, target)))
			throw new FileProblemError("UNREADABLE", "it is a link that leads back to a directory that it is in");
		if (!trail.tops.some((top) => isWithin(target, top))) yield { type: "link", name, action: "followed-outside", target };
		const reach = await reachOf(this.#files, target);
		if (found.isDirectory()) yield* this.#directory(path, name, found, { reach, tops: [...trail.tops, target], links });
		else if (found.isFile()) yield await this.#file(path, name, found, true, reach);
		else yield problem(name, kindProblem(found));
	}

	async #file(path: string, name: string, found: FileFacts, follow: boolean, reach: number): Promise<Source> {
		const parsed = parseSafePath(name);
		if (!parsed.safe) return problem(name, new FileProblemError("NAME_UNSAFE", parsed.reason));
		return { type: "file", path, name, claims: await this.#pseudo.claims(path, found), follow, reach };
	}
}

function problem(name: string, error: FileProblemError): Source {
	return { type: "problem", name, error };
}

/** Whether the path is the directory or below it; both are real paths. */
function isWithin(path: string, directory: string): boolean {
	return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

function utf8(bytes: Buffer): string | undefined {
	try {
		return UTF8.decode(bytes);
	} catch {
		return undefined;
	}
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `caf\xe9`: what is ASCII stays. */
function escaped(bytes: Buffer): string {
	return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`)).join("");
}
