/**
 * What the options of `conec coordinator` make of a Coordinator, but for the contents of files. The options may come from the command line,
 * the environment or a configuration file.
 *
 * @module
 */

import type { CoordinatorOptions } from "../../../index.ts";
import { type Arguments, CONGESTION_CHOICES } from "../../command-line/index.ts";
import { certificateNames } from "../../machine/index.ts";
import { usageError } from "../../outcome/index.ts";
import type { Surroundings } from "../../surroundings/index.ts";
import { broadcastRules } from "./broadcast-rules.ts";
import { limitsOf } from "./limits.ts";

/** The port that Clients take when none is given. */
const DEFAULT_PORT = 1_719;

/** Throws a usage error that says where a wrong value comes from. */
export function settingsOf(args: Arguments, stateDirectory: string, caMode: boolean, { machine }: Pick<Surroundings, "machine">): CoordinatorOptions {
	const endAtExpiry = args.flag("end-at-expiry");
	if (endAtExpiry && !caMode) throw usageError(`${args.named("end-at-expiry")} needs --client-ca`, "Without it the dates of certificates do not count.");
	const broadcasts = broadcastRules(args.list("history"), args.list("block"), (name) => args.named(name));
	const name = args.text("name");
	const host = args.text("host");
	const natTestPort = args.count("nat-test-port", 0, 65_535);
	const congestion = args.choice("congestion", CONGESTION_CHOICES);
	return {
		endAtExpiry,
		names: name === undefined ? ["localhost", ...certificateNames(machine.hostName())] : [name],
		stateDirectory,
		broadcasts,
		// Nobody here takes streams: who opens one hears so at once.
		limits: { ...limitsOf(args), incomingStreams: 0 },
		port: args.count("port", 0, 65_535) ?? DEFAULT_PORT,
		...(congestion === undefined ? {} : { congestion }),
		...(natTestPort === undefined ? {} : { natTestPort }),
		...(host === undefined ? {} : { host }),
	};
}
