/**
 * What surrounds a run of `conec`, as one value: the command line touches nothing of its process but through this.
 *
 * File names are not resolved here: the system takes them as they are, relative to the working directory of the process.
 *
 * @module
 */

import type { ChildProcessByStdio } from "node:child_process";
import type { Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Client, ClientOptions, Coordinator, CoordinatorOptions } from "../../index.ts";
import type { Clock } from "./clock.ts";
import type { StandardStream } from "./standard-sink.ts";

/** What surrounds a run. */
export interface Surroundings {
	readonly stdin: StandardInput;
	readonly stdout: StandardStream;
	readonly stderr: StandardStream;
	readonly env: Readonly<Record<string, string | undefined>>;
	/** As `process.platform` says it. */
	readonly platform: string;
	readonly machine: Machine;
	readonly clock: Clock;
	/** So many random bytes. */
	readonly random: (bytes: number) => Uint8Array;
	readonly signals: Signals;
	readonly terminal: Terminal;
	/** Permission bits that new files do not get. */
	umask(): number;
	/** Who owns the files that this process makes. `undefined` on systems without such numbers. */
	userId(): number | undefined;
	/** Ends the run at once, without cleaning up: the second Ctrl-C. */
	exit(status: number): void;
	/** Starts another `conec` with these arguments, and with no options of the environment. Throws and emits errors as `spawn` does. */
	start(args: readonly string[]): OtherRun;
	/** How a command becomes a Client. @default `Client.connect` */
	readonly connect?: ((options: ClientOptions) => Promise<Client>) | undefined;
	/** How a command becomes a Coordinator. @default `Coordinator.listen` */
	readonly listen?: ((options: CoordinatorOptions) => Promise<Coordinator>) | undefined;
}

/** Standard input. */
export type StandardInput = Readable & { readonly isTTY?: boolean | undefined };

/** A process of another `conec`. */
export type OtherRun = ChildProcessByStdio<Writable, Readable, Readable>;

/** The signals that a command knows. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Where signals come from. */
export interface Signals {
	/** Calls the listener for each signal, until the returned function is called. */
	subscribe(listener: (name: SignalName) => void): () => void;
	/** As if the signal had come: in raw mode Ctrl-C is a key. */
	raise(name: SignalName): void;
}

/** What only a terminal can do. */
export interface Terminal {
	/** An editor of lines on standard input and output; `undefined` unless both are a terminal. */
	editor(prompt: string): Interface | undefined;
	/** Whether the terminal is ours now: reading from it would stop a process in the background. */
	isForeground(): boolean;
}

/** The machine on which the command runs, and its user there. */
export interface Machine {
	/** Empty where the machine has no name or does not say. */
	hostName(): string;
	/** `undefined` where neither the environment nor the system names one. */
	homeDirectory(): string | undefined;
	/** Where temporary files may be. */
	temporaryDirectory(): string;
	/** Addresses of this machine; none where the system does not let them be seen. */
	interfaces(): Interfaces;
	/** Addresses that the system knows of a host name. Rejects where there are none. */
	lookup(host: string): Promise<readonly { readonly address: string; readonly family: number }[]>;
}

/** The part of `os.networkInterfaces()` that is used. */
export type Interfaces = Readonly<Record<string, readonly { readonly address: string; readonly internal: boolean }[] | undefined>>;
