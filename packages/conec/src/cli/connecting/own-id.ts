/**
 * The id that a command connects with, which no other command here has at the same Coordinator.
 *
 * @module
 */

import { existsSync } from "node:fs";
import type { CommandContext } from "../command-line/index.ts";
import { claimDefaultId, claimId, heldIdError, idFromHostName, stateDirectory } from "../machine/index.ts";

/** An id of this command. */
export interface OwnId {
	readonly id: string;
	/** Gives it back. Never throws. */
	release(): void;
	/** Where it is a default: gives it back and claims the next one. */
	readonly next?: (() => Promise<OwnId>) | undefined;
}

/** Claims the default id at the Coordinator that `coordinator` names, beginning with the `from`th. Rejects with a `CliError`. */
export async function defaultId(context: CommandContext, coordinator: string, from: number = 1): Promise<OwnId> {
	const base = idFromHostName(context.surroundings.machine.hostName());
	const { id, number, release } = await claimDefaultId(stateDirectory(context), base, coordinator, from);
	const next = async (): Promise<OwnId> => {
		release();
		return await defaultId(context, coordinator, number + 1);
	};
	return { id, release, next };
}

/**
 * Claims the id that was given. `needsNoPlace`: the command has no need of a state directory, and it is only checked where there is one.
 * Rejects with a `CliError` where another process has it, and says which and what helps.
 */
export async function givenId(context: CommandContext, id: string, coordinator: string, needsNoPlace: boolean): Promise<OwnId> {
	const unclaimed = { id, release: () => undefined };
	// The library says better what is wrong with it.
	if (!/^[a-z0-9][a-z0-9.-]{0,62}$/.test(id)) return unclaimed;
	const claim = async () => await claimId(stateDirectory(context), id, coordinator);
	const outcome = needsNoPlace ? await ifThereIsAPlace(context, claim) : await claim();
	if (outcome === undefined) return unclaimed;
	if ("by" in outcome) throw heldIdError(id, outcome);
	return outcome;
}

async function ifThereIsAPlace<Value>(context: CommandContext, claim: () => Promise<Value>): Promise<Value | undefined> {
	try {
		return existsSync(stateDirectory(context)) ? await claim() : undefined;
	} catch {
		return undefined;
	}
}
