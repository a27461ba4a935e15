/**
 * What the measurements of one run share: identity, processes, and the way to raw quinn.
 *
 * @module
 */

import type { BenchIdentity } from "./identity.ts";
import { cpuSeconds, type Remote, startRole } from "./remote.ts";

/** Shared between all measurements of a run. */
export class Context {
	readonly identity: BenchIdentity;
	/** The raw quinn binary, if it could be built. */
	readonly rawQuinn: string | undefined;
	readonly quick: boolean;
	/** Work tree of what is measured: its CLI, for example. */
	readonly root: string;
	readonly #compiled: string;
	readonly #shared = new Map<string, Promise<unknown>>();
	readonly #started: Remote[] = [];
	readonly #closers: (() => Promise<void> | void)[] = [];

	constructor(options: { identity: BenchIdentity; rawQuinn: string | undefined; quick: boolean; root: string; compiled: string }) {
		this.identity = options.identity;
		this.rawQuinn = options.rawQuinn;
		this.quick = options.quick;
		this.root = options.root;
		this.#compiled = options.compiled;
	}

	/** Makes something once, for all that ask for it under the same name. */
	once<T>(name: string, make: () => Promise<T>): Promise<T> {
		let made = this.#shared.get(name) as Promise<T> | undefined;
		if (made === undefined) {
			made = make();
			this.#shared.set(name, made);
		}
		return made;
	}

	/** Starts a process that ends with the run at the latest. */
	start(role: string): Remote {
		const remote = startRole(this.#compiled, role);
		this.#started.push(remote);
		this.onClose(() => remote.stop());
		return remote;
	}

	/** CPU seconds, of user and system, that the processes of this run which still live have used; NaN where there is no /proc. */
	cpuSeconds(): number {
		return this.#started.map(({ pid }) => cpuSeconds(pid)).reduce((sum, seconds) => sum + seconds, 0);
	}

	/** Something to undo at the end, last in first out. */
	onClose(closer: () => Promise<void> | void): void {
		this.#closers.push(closer);
	}

	async close(): Promise<void> {
		for (const closer of this.#closers.splice(0).reverse()) {
			await closer();
		}
		this.identity.dispose();
	}
}
