/**
 * The surroundings that a process has: the only file beside `main.ts` that knows the process. Help needs this file too, so what
 * Node takes time to load is loaded when it is used.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { homedir, networkInterfaces, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { safeHostName } from "../files/process-identity.ts";
import { type Clock, isForegroundIn, type Machine, type SignalName, type Signals, type StandardStream, type Surroundings } from "./surroundings/index.ts";

/** Those of this process. Standard streams that are a terminal do not hold it up from now on, until it ends. */
export function processSurroundings(): Surroundings {
	const { stdin, stdout, stderr } = process;
	for (const stream of [stdout, stderr]) doNotBlock(stream);
	return {
		stdin,
		stdout,
		stderr,
		env: process.env,
		platform: process.platform,
		machine,
		clock: systemClock,
		random: (bytes) => process.getBuiltinModule("node:crypto").randomBytes(bytes),
		signals,
		terminal: {
			editor: (prompt) =>
				stdin.isTTY && stdout.isTTY ? process.getBuiltinModule("node:readline").createInterface({ input: stdin, output: stdout, prompt }) : undefined,
			isForeground: ownsTerminal,
		},
		umask: () => process.umask(),
		userId: () => process.geteuid?.(),
		exit: (status) => process.exit(status),
		start: (args) =>
			process
				.getBuiltinModule("node:child_process")
				.spawn(process.execPath, [...process.execArgv, MAIN, ...args], { stdio: ["pipe", "pipe", "pipe"], env: withoutOptions(process.env) }),
	};
}

/** The clock of the system. */
export const systemClock: Clock = {
	nowMs: () => performance.now(),
	date: () => new Date(),
	after(delayMs, callback, how) {
		const timer = setTimeout(callback, delayMs);
		if (how === "background") timer.unref();
		return { cancel: () => clearTimeout(timer) };
	},
};

/** This machine. */
export const machine: Machine = {
	hostName: safeHostName,
	homeDirectory() {
		try {
			return homedir() || undefined;
		} catch {
			return undefined;
		}
	},
	temporaryDirectory: tmpdir,
	interfaces() {
		try {
			return networkInterfaces();
		} catch {
			return {};
		}
	},
	async lookup(host) {
		const { lookup } = await import("node:dns/promises");
		return await lookup(host, { all: true });
	},
};

const SIGNALS: readonly SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP"];

const signals: Signals = {
	subscribe(listener) {
		for (const name of SIGNALS) process.on(name, listener as NodeJS.SignalsListener);
		return () => {
			for (const name of SIGNALS) process.off(name, listener as NodeJS.SignalsListener);
		};
	},
	raise: (name) => void process.emit(name, name),
};

/** Another run gets its options as arguments. Those that the user has put into the environment are for the first one. */
function withoutOptions(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
	return Object.fromEntries(Object.entries(env).filter(([name]) => !/^CONEC_(?!QUIC_NATIVE|DEBUG$)/i.test(name)));
}

const MAIN: string = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js", import.meta.url));

/** Reading from the terminal would stop a process in the background (`conec receive &`). Linux says who has the terminal; on other systems the process stops, as other programs do. */
function ownsTerminal(): boolean {
	try {
		return isForegroundIn(readFileSync("/proc/self/stat", "utf8"));
	} catch {
		return true;
	}
}

/**
 * Node writes to a terminal in a way that blocks: one that has been stopped (Ctrl-S, a dead SSH session) would hold up the whole process.
 * The shell may share the terminal with this process, so it is given back as it was.
 */
function doNotBlock(stream: StandardStream): void {
	if (stream.isTTY !== true || process.platform === "win32") return;
	const { _handle: handle } = stream as { _handle?: { setBlocking?: (blocking: boolean) => unknown } };
	if (handle?.setBlocking === undefined) return;
	handle.setBlocking(false);
	process.once("exit", () => handle.setBlocking?.(true));
}
