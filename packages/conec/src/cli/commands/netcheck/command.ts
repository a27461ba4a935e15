/**
 * `conec netcheck`: what kind of network this is, and with whom direct channels work from here.
 *
 * @module
 */

import { type ConecError, isConecError } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { connect, connectClient, isWithoutWay, type PreparedClient, prepareClient } from "../../connecting/index.ts";
import { type Family, ownAddresses } from "../../machine/index.ts";
import { EXIT_CODES } from "../../outcome/index.ts";
import { natKind, rounded } from "../../words/index.ts";
import { coordinatorAddresses, type FamilyLook, lookThrough } from "./network-look.ts";
import { netcheckSpec } from "./spec.ts";
import { type Netcheck, netcheckLines, outlookOf } from "./words.ts";

/** How long the other IP version may take, when one has reached the Coordinator. */
const OTHER_FAMILY_MS = 3_000;

/** See `conec netcheck --help`. */
export const netcheckCommand: Command = {
	spec: netcheckSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run(context) {
		const prepared = await prepareClient(context);
		const { coordinator } = prepared.options;
		const interfaces = context.surroundings.machine.interfaces();
		const own = { 4: ownAddresses(4, interfaces), 6: ownAddresses(6, interfaces) };
		try {
			const first = await lookAtFirst(prepared, context);
			const looks = [first, await lookAtOther(first.family === 4 ? 6 : 4, own, prepared, context)];
			tell({ coordinator, own, looks }, context);
			return EXIT_CODES.ok;
		} catch (error) {
			if (isConecError(error) && error.code === "COORDINATOR_UNREACHABLE") {
				const looks = ([4, 6] as const).map((family) => notReached(family, own, coordinator, context, error));
				tell({ coordinator, own, looks: await Promise.all(looks) }, context);
			}
			throw error;
		} finally {
			prepared.release();
		}
	},
};

/** The way that every Client here takes. */
async function lookAtFirst(prepared: PreparedClient, context: CommandContext): Promise<FamilyLook & { readonly reached: true }> {
	const connection = await connect(context, {}, { ...prepared, release: () => undefined });
	try {
		return await connection.orEnd(lookThrough(connection.client, context.surroundings.clock));
	} finally {
		await connection.close();
	}
}

async function lookAtOther(family: Family, own: Netcheck["own"], { options }: PreparedClient, context: CommandContext): Promise<FamilyLook> {
	const [address] = await coordinatorAddresses(options.coordinator, family, context.surroundings.machine);
	if (address === undefined || own[family].length === 0) return await notReached(family, own, options.coordinator, context);
	try {
		const client = await connectClient(
			{ ...options, address, limits: { requestTimeoutMs: Math.min(OTHER_FAMILY_MS, options.limits?.requestTimeoutMs ?? OTHER_FAMILY_MS) } },
			context.surroundings,
		);
		try {
			return await lookThrough(client, context.surroundings.clock);
		} finally {
			await client.close();
		}
	} catch (error) {
		options.signal?.throwIfAborted();
		if (!isConecError(error)) throw error;
		if (error.code === "COORDINATOR_UNREACHABLE") return await notReached(family, own, options.coordinator, context, error);
		return { family, reached: false, reason: error.message, tried: true };
	}
}

/** Why an IP version does not lead to the Coordinator. `error`: what came of trying, if it has been tried. */
async function notReached(
	family: Family,
	own: Netcheck["own"],
	coordinator: string,
	{ surroundings }: CommandContext,
	error?: ConecError,
): Promise<FamilyLook> {
	const [address] = await coordinatorAddresses(coordinator, family, surroundings.machine);
	const because = (reason: string, tried: boolean): FamilyLook => ({ family, reached: false, reason, tried });
	if (address === undefined) return because(`no IPv${family} address of the Coordinator is known`, false);
	if (own[family].length === 0) return because(`this machine has no IPv${family} address of its own`, false);
	return isWithoutWay(error) ? because(`this machine has no way to ${address}`, false) : because(`no packet came back from ${address}`, true);
}

function tell(check: Netcheck, { args, output }: CommandContext): void {
	const participation = { listen: !args.flag("no-listen"), holePunching: !args.flag("no-hole-punching"), birthday: args.flag("birthday") };
	output.event("netcheck", {
		coordinator: check.coordinator,
		udp: check.looks.some((look) => look.reached),
		addresses: { ipv4: [...check.own[4]], ipv6: [...check.own[6]] },
		families: check.looks.map((look) =>
			look.reached
				? {
						family: look.family,
						reached: true,
						observed: { address: look.observed.address, port: look.observed.port },
						roundTripMs: rounded(look.roundTripMs),
						nat: {
							kind: natKind(look.nat),
							mapping: look.nat.mapping,
							filtering: look.nat.filtering,
							secondPort: look.nat.secondPort,
							...(look.nat.portStep === undefined ? {} : { portStep: look.nat.portStep }),
						},
					}
				: { family: look.family, reached: false, reason: look.reason },
		),
		direct: outlookOf(check, participation),
	});
	for (const line of netcheckLines(check, participation)) output.line(line);
}
