/**
 * What the library says of an option, in the words of the command line: `--coordinator` and not `"coordinator"`, or the variable that gave it.
 *
 * @module
 */

import type { Arguments } from "../command-line/index.ts";
import { usageError } from "../outcome/index.ts";

/** Options of the library, each with the option of the command line that sets it. */
export type TypedNames = Readonly<Record<string, string>>;

/** Those of `Client.connect`. */
export const CLIENT_NAMES: TypedNames = {
	id: "id",
	coordinator: "coordinator",
	pin: "pin",
	ca: "ca",
	certificate: "cert",
	privateKey: "key",
	clientCa: "client-ca",
	stateDirectory: "state",
	congestion: "congestion",
};

/** Those of `Coordinator.listen`. */
export const COORDINATOR_NAMES: TypedNames = {
	host: "host",
	port: "port",
	natTestPort: "nat-test-port",
	names: "name",
	certificate: "cert",
	privateKey: "key",
	clientCa: "client-ca",
	stateDirectory: "state",
	congestion: "congestion",
};

/** Settles as `call` does. A wrong option is a usage error instead, which names it as it was given. */
export async function namedAsTyped<Value>(args: Pick<Arguments, "named">, names: TypedNames, call: () => Promise<Value>): Promise<Value> {
	try {
		return await call();
	} catch (error) {
		const { option, problem } = error as { readonly option?: unknown; readonly problem?: unknown };
		const isOption = error instanceof TypeError || error instanceof RangeError;
		if (!isOption || typeof option !== "string" || typeof problem !== "string" || !Object.hasOwn(names, option)) throw error;
		throw usageError(`${args.named(names[option] ?? option)} ${problem}`, undefined, error);
	}
}
