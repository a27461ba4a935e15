/**
 * Which Coordinator a command goes to: by a link, by `--coordinator`, or the one that last ran with this state directory.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ClientOptions, formatLink, parseLink } from "../../index.ts";
import type { CommandContext } from "../command-line/index.ts";
import { stateDirectory } from "../machine/index.ts";
import { usageError } from "../outcome/index.ts";
import { orInterrupted } from "../terminal/index.ts";
import { printable } from "../text/index.ts";
import { firstLine } from "./first-line.ts";
import { readCertificatesNamed, readNamed } from "./named-file.ts";

/** File in the state directory by which a Coordinator's own user finds it. */
export const LOCAL_COORDINATOR_FILE: string = "coordinator.json";

/** Where the Coordinator may be, and how it is trusted. */
export interface CoordinatorChoice {
	/** "host", "host:port" or "[::1]:1719", in the order in which they are tried. At least one. */
	readonly places: readonly string[];
	/** Fingerprints, of which one must be that of its key. */
	readonly pins: readonly string[];
	/** Authorities (PEM). */
	readonly ca: Uint8Array | undefined;
}

/** How Clients find a Coordinator, as options of the library. */
export type CoordinatorOptionsOfClient = Pick<ClientOptions, "coordinator" | "link" | "pin" | "ca">;

/**
 * What the options, the environment and the state directory say, in this order. Reads the files that are named, and with `--link -` the
 * first line of standard input; what follows it is left for the command. Rejects with a usage error, or the interruption.
 */
export async function chosenCoordinator(context: CommandContext): Promise<CoordinatorChoice> {
	const { args } = context;
	const typed = WAYS.filter((name) => args.typed(name));
	const [way, other] = typed.length > 0 ? typed : WAYS.filter((name) => args.text(name) !== undefined).slice(0, 1);
	if (other !== undefined) throw usageError(`--${way} and --${other} exclude each other`);
	const pin = args.text("pin");
	const caPath = args.text("ca");
	const ca = async (): Promise<Uint8Array | undefined> => (caPath === undefined ? undefined : await readCertificatesNamed(caPath, args.named("ca")));
	const pinsBeside = pin === undefined ? [] : [pin];
	switch (way) {
		case undefined: {
			const local = await localCoordinator(stateDirectory(context));
			if (local !== undefined) return { places: [local.coordinator], pins: [pin ?? local.pin], ca: undefined };
			throw usageError("--link LINK or --coordinator HOST[:PORT] is missing", "Start a Coordinator with `conec coordinator`: it prints the whole command.");
		}
		case "coordinator":
			return { places: [args.text("coordinator") ?? ""], pins: pinsBeside, ca: await ca() };
		default: {
			const { coordinators, pins } = readLink(way === "link" ? await linkOf(context) : await linkFromFile(context), args.named(way));
			if (pins.length > 0 && args.typed("pin")) throw usageError("--pin cannot be given with a link that has a pin");
			return { places: coordinators, pins: pins.length > 0 ? pins : pinsBeside, ca: await ca() };
		}
	}
}

/** As options of the library. `place`: only this one. */
export function coordinatorOptions({ places, pins, ca }: CoordinatorChoice, place?: string): CoordinatorOptionsOfClient {
	const [first, ...others] = place === undefined ? places : [place];
	const trust = ca === undefined ? {} : { ca };
	if (others.length > 0) return { link: formatLink({ coordinators: places, pins }), ...trust };
	const [pin, ...more] = pins;
	return { coordinator: first ?? "", ...(pin === undefined ? {} : { pin: more.length === 0 ? pin : pins }), ...trust };
}

/** The first that is given counts, where all come from the environment. */
const WAYS = ["link", "link-file", "coordinator"] as const;

async function linkOf(context: CommandContext): Promise<string> {
	const { args, output, signal, surroundings } = context;
	const link = args.text("link") ?? "";
	if (link !== "-") return link;
	const { stdin } = surroundings;
	if (stdin.isTTY === true) output.ask("paste the link and press Enter");
	const line = await orInterrupted(firstLine(stdin, LONGEST_LINE), signal);
	if (line === undefined) throw usageError("Cannot read a link from standard input: its first line is no link", LINK_HINT);
	return line.trim();
}

async function linkFromFile({ args }: CommandContext): Promise<string> {
	const path = args.text("link-file") ?? "";
	const lines = Buffer.from(await readNamed(path, args.named("link-file")))
		.toString()
		.replace(/^\ufeff/, "")
		.split(/[\r\n]+/)
		.map((line) => line.trim())
		.filter((line) => line !== "" && !line.startsWith("#"));
	const [link] = lines;
	if (link === undefined || lines.length > 1)
		throw usageError(
			`Cannot read a link from ${JSON.stringify(printable(path, 200))}: there must be one line with a link in it, not ${lines.length}`,
			LINK_HINT,
		);
	return link;
}

function readLink(link: string, named: string): ReturnType<typeof parseLink> {
	try {
		return parseLink(link);
	} catch (error) {
		throw usageError(printable(error instanceof Error ? error.message : String(error)), `Check ${named}. ${LINK_HINT}`);
	}
}

const LINK_HINT = "A link is what `conec coordinator` prints: conec://HOST[:PORT]#pin=sha256:HEX";

/** Bytes of the first line of standard input. */
const LONGEST_LINE = 8_192;

async function localCoordinator(directory: string): Promise<{ coordinator: string; pin: string } | undefined> {
	try {
		const value: unknown = JSON.parse(await readFile(join(directory, LOCAL_COORDINATOR_FILE), "utf8"));
		const { coordinator, pin } = value as Readonly<Record<string, unknown>>;
		return typeof coordinator === "string" && typeof pin === "string" ? { coordinator, pin } : undefined;
	} catch {
		return undefined;
	}
}
