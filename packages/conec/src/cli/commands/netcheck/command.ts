/**
 * `conec netcheck`: what kind of network this is, and with whom direct channels work from here.
 *
 * @module
 */

import { type ConecError, isConecError } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { connect, connectClient, coordinatorOptions, isWithoutWay, type PreparedClient, prepareClient } from "../../connecting/index.ts";
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
		const { places } = prepared.coordinator;
		const coordinator = places.join(" or ");
		const interfaces = context.surroundings.machine.interfaces();
		const own = { 4: ownAddresses(4, interfaces), 6: ownAddresses(6, interfaces) };
		try {
			const { look, id } = await lookAtFirst(prepared, context);
			const looks = [look, await lookAtOther(look.family === 4 ? 6 : 4, own, prepared, id, context)];
			tell({ coordinator, own, looks }, context);
			return EXIT_CODES.ok;
		} catch (error) {
			if (isConecError(error) && error.code === "COORDINATOR_UNREACHABLE") {
				const looks = ([4, 6] as const).map((family) => notReached(family, own, places, context, error));
				tell({ coordinator, own, looks: await Promise.all(looks) }, context);
			}
			throw error;
		} finally {
			prepared.own.release();
		}
	},
};

/** The way that every Client here takes. */
async function lookAtFirst(
	prepared: PreparedClient,
	context: CommandContext,
): Promise<{ readonly look: FamilyLook & { readonly reached: true }; readonly id: string }> {
	// The id is given back at the end.
	const connection = await connect(context, {}, { ...prepared, own: { ...prepared.own, release: () => undefined } });
	try {
		return { look: await connection.orEnd(lookThrough(connection.client, context.surroundings.clock)), id: connection.client.id };
	} finally {
		await connection.close();
	}
}

async function lookAtOther(
	family: Family,
	own: Netcheck["own"],
	{ options, coordinator }: PreparedClient,
	id: string,
	context: CommandContext,
): Promise<FamilyLook> {
	const { places } = coordinator;
	const found = await addressAmong(places, family, context);
	if (found === undefined || own[family].length === 0) return await notReached(family, own, places, context);
	try {
		// One place of several.
		const { link: _link, ...rest } = options;
		const where = { ...coordinatorOptions(coordinator, found.place), address: found.address };
		const limits = { requestTimeoutMs: Math.min(OTHER_FAMILY_MS, options.limits?.requestTimeoutMs ?? OTHER_FAMILY_MS) };
		const client = await connectClient({ ...rest, ...where, id, limits }, context.surroundings);
		try {
			return await lookThrough(client, context.surroundings.clock);
		} finally {
			await client.close();
		}
	} catch (error) {
		options.signal?.throwIfAborted();
		if (!isConecError(error)) throw error;
		if (error.code === "COORDINATOR_UNREACHABLE") return await notReached(family, own, places, context, error);
		return { family, reached: false, reason: error.message, tried: true };
	}
}

/** Why an IP version does not lead to the Coordinator. `error`: what came of trying, if it has been tried. */
async function notReached(family: Family, own: Netcheck["own"], places: readonly string[], context: CommandContext, error?: ConecError): Promise<FamilyLook> {
	const address = (await addressAmong(places, family, context))?.address;
	const because = (reason: string, tried: boolean): FamilyLook => ({ family, reached: false, reason, tried });
	if (address === undefined) return because(`no IPv${family} address of the Coordinator is known`, false);
	if (own[family].length === 0) return because(`this machine has no IPv${family} address of its own`, false);
	return isWithoutWay(error) ? because(`this machine has no way to ${address}`, false) : because(`no packet came back from ${address}`, true);
}

/** The first address of that IP version which a place of the Coordinator has. */
async function addressAmong(
	places: readonly string[],
	family: Family,
	{ surroundings }: CommandContext,
): Promise<{ place: string; address: string } | undefined> {
	for (const place of places) {
		const [address] = await coordinatorAddresses(place, family, surroundings.machine);
		if (address !== undefined) return { place, address };
	}
	return undefined;
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
