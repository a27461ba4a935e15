/**
 * The keys of peers from which files were accepted, in the state directory: one line each, with the id that the peer had.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../../files/file-errors.ts";
import { makeDirectory } from "../../../files/make-directory.ts";
import { writeAtomically } from "../../../files/write-atomically.ts";

/** File in the state directory. */
export const KNOWN_KEYS_FILE = "known-peers.txt";

/** Keys that are kept; the oldest go first. */
const MOST_KEPT = 4_096;

/** A key and the id that its peer had when it was accepted. */
export interface KnownKey {
	readonly fingerprint: string;
	readonly id: string;
}

/** What the state directory remembers. Several processes may use the same file. */
export class KnownKeys {
	readonly #directory: string | undefined;
	/** Of this run; what could not be written stays known here. */
	#own: readonly KnownKey[] = [];
	#writing: Promise<unknown> = Promise.resolve();

	/** `undefined`: there is no place to keep anything. */
	constructor(directory: string | undefined) {
		this.#directory = directory;
	}

	/** Whether files from this key were accepted before. Rejects with a system error other than that there is no such file. */
	async has(fingerprint: string): Promise<boolean> {
		return [...this.#own, ...(await this.#read())].some((known) => known.fingerprint === fingerprint);
	}

	/** Another key with which the id was accepted. Rejects as {@link has} does. */
	async otherKeyOf(id: string, fingerprint: string): Promise<string | undefined> {
		const known = [...(await this.#read()), ...this.#own].filter((one) => one.id === id && one.fingerprint !== fingerprint);
		return known.at(-1)?.fingerprint;
	}

	/** Remembers a key. Rejects with a system error if it is only remembered until this process ends. */
	async add(known: KnownKey): Promise<void> {
		this.#own = [...this.#own.filter(({ fingerprint }) => fingerprint !== known.fingerprint), known].slice(-MOST_KEPT);
		const directory = this.#directory;
		if (directory === undefined) return;
		const writing = this.#writing.then(async () => {
			const kept = (await this.#read()).filter(({ fingerprint }) => fingerprint !== known.fingerprint);
			await makeDirectory(directory, 0o700);
			await writeAtomically(join(directory, KNOWN_KEYS_FILE), formatKnownKeys([...kept, known].slice(-MOST_KEPT)), "replace");
		});
		this.#writing = writing.catch(() => undefined);
		await writing;
	}

	async #read(): Promise<KnownKey[]> {
		if (this.#directory === undefined) return [];
		try {
			return parseKnownKeys(await readFile(join(this.#directory, KNOWN_KEYS_FILE), "utf8"));
		} catch (error) {
			if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
			throw error;
		}
	}
}

/** Reads the file. Lines that are something else are left out: a stranger is asked about, which is the safe side. Pure. */
export function parseKnownKeys(content: string): KnownKey[] {
	return content.split(/\r?\n/).flatMap((line) => {
		const match = /^(sha256:[0-9a-f]{64})[ \t]+([a-z0-9.-]{1,63})[ \t]*$/.exec(line);
		return match === null ? [] : [{ fingerprint: match[1] as string, id: match[2] as string }];
	});
}

/** Writes the file. Pure. */
export function formatKnownKeys(known: readonly KnownKey[]): string {
	const lines = known.map(({ fingerprint, id }) => `${fingerprint} ${id}\n`);
	return `# Peers from which \`conec receive\` takes files without asking. Remove a line to be asked again.\n${lines.join("")}`;
}
